// The planted bugs of packets: one that is never freed, one that is summed wrongly.
//
// Lock      the network lock.
#include <array>
#include <new>
#include <utility>

#include "net/checksum.hpp"
#include "net/planted/planted.hpp"

namespace kyu::net::planted {

// ---- icmp-leak -----------------------------------------------------------------------------
//
// An Mbuf frees its packet when it dies, on every path. A member of a union dies only when told.

void forget(Mbuf message) {
    union Grave {
        Mbuf packet;
        Grave() {}   // NOLINT(modernize-use-equals-default): the member is not constructed here
        ~Grave() {}  // NOLINT(modernize-use-equals-default): nor destroyed: that is the leak
    } grave;
    ::new (static_cast<void*>(&grave.packet)) Mbuf(std::move(message));
}

// ---- odd-checksum --------------------------------------------------------------------------
//
// Checksum remembers whether it stands at an odd offset (RFC 1071 §2 (B)). This fills every odd
// piece up to an even one, as the loop over a chain does that was only tried on even pieces.

void add_padded(Checksum& sum, const Mbuf& chain) {
    constexpr std::array<std::byte, 1> kPadding{};
    chain.for_each_segment([&](std::span<const std::byte> piece) {
        sum.add(piece);
        if (piece.size() % 2 != 0) sum.add(kPadding);
    });
}

}  // namespace kyu::net::planted
