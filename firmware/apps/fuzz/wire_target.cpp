// wire: every view of net/wire/ over bytes that end where they end.
//
// Rules     a view that was made hands out only bytes that are there, and lengths that fit into
//           what it was made of.
#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"
#include "net/wire/arp.hpp"
#include "net/wire/ethernet.hpp"
#include "net/wire/icmp.hpp"
#include "net/wire/igmp.hpp"
#include "net/wire/ipv4.hpp"
#include "net/wire/udp.hpp"

namespace kyu::fuzz {
namespace {

using Bytes = std::span<const std::byte>;

template <typename Header>
void touch_header(const Header& header) {
    touch(std::as_bytes(std::span{&header, 1}));
}

void look_at_arp(Bytes bytes) {
    if (const auto packet = net::ArpPacket::parse(bytes)) touch_header(**packet);
}

void look_at_ipv4(Bytes bytes, std::size_t more) {
    const auto view = net::Ipv4View::parse(bytes, bytes.size() + more);
    if (!view) return;
    CHECK(view->header_bytes() >= sizeof(net::Ipv4Header));
    CHECK(view->header_bytes() <= bytes.size());
    CHECK(view->total_bytes() >= view->header_bytes());
    CHECK(view->total_bytes() <= bytes.size() + more);
    CHECK(view->fragment_offset() <= 65535);
    CHECK(view->is_fragment() || view->fragment_offset() == 0);
    touch(bytes.first(view->header_bytes()));
}

void look_at_quote(Bytes bytes) {
    const auto quote = net::IcmpQuote::parse(bytes);
    if (quote) touch(quote->transport);
}

void look_at_udp(Bytes bytes, std::size_t more) {
    const auto header = net::UdpHeader::parse(bytes, bytes.size() + more);
    if (!header) return;
    CHECK((*header)->length.host() >= sizeof(net::UdpHeader));
    CHECK((*header)->length.host() <= bytes.size() + more);
    touch_header(**header);
}

template <typename Header>
void look_at(Bytes bytes) {
    const auto* header = net::header_at<Header>(bytes);
    CHECK((header != nullptr) == (bytes.size() >= sizeof(Header)));
    if (header != nullptr) touch_header(*header);
}

}  // namespace

void wire(std::span<const std::uint8_t> bytes) {
    Input in{bytes};
    const unsigned how = in.u8();
    const std::size_t more = in.u8();  // bytes of the packet that are not contiguous
    const Exact exact{in.rest(), (how & 0x80U) != 0};
    look_at_arp(exact.bytes());
    look_at_ipv4(exact.bytes(), more);
    look_at_quote(exact.bytes());
    look_at_udp(exact.bytes(), more);
    look_at<net::EthernetHeader>(exact.bytes());
    look_at<net::IcmpHeader>(exact.bytes());
    look_at<net::IgmpMessage>(exact.bytes());
}

}  // namespace kyu::fuzz
