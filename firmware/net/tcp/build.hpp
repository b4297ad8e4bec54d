// The one builder of segments: whatever TCP says goes through build_and_send().
//
// Lock      the network lock.
// Rules     No other place writes a TCP header, so no road can forget an option (bsd-pitfalls D15).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/packet/mbuf.hpp"
#include "net/tcp/negotiated.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/seq.hpp"

namespace kyu::net {

class LockedNet;

struct Outgoing {
    FourTuple tuple;
    SeqNum seq;
    SeqNum ack;
    std::uint8_t flags{};
    std::uint8_t tos{0};
    std::uint16_t window{};  ///< as it stands in the header: scaled already
    // Options.
    std::uint16_t mss_option{0};  ///< 0: none
    bool scale_option{false};
    std::uint8_t scale{0};
    bool sack_permitted{false};
    bool timestamps{false};
    std::uint32_t ts_value{0};
    std::uint32_t ts_echo{0};
    std::span<const SackBlock> sack{};  ///< what does not fit is left out
    Mbuf payload{};

    /// The timestamps that were agreed on, if they were.
    void stamp(LockedNet& net, const Negotiated& agreed);
    /// What a SYN offers, or a SYN-ACK accepts.
    void offer(LockedNet& net, const Negotiated& agreed);
};

/// Full segments of one connection in a row: all headers are written once, and the copies differ in
/// the sequence number alone. Offered only along the usual road, where the link completes checksums
/// (net/interface.hpp).
class SegmentRun {
    HeaderImage image_;
    std::uint32_t data_bytes_{0};
    std::uint32_t sent_{0};

public:
    /// What every segment of the run is like; `data_bytes` in each. False: build_and_send() must.
    bool begin(LockedNet& net, const Outgoing& out, std::uint32_t data_bytes);
    /// False: it did not go.
    bool send(LockedNet& net, SeqNum seq, Mbuf&& payload);
    /// Counts what went.
    void end(LockedNet& net) const;
    [[nodiscard]] std::uint32_t sent() const { return sent_; }
};

/// Builds the header in front of the payload and gives the segment to IP. False: it did not go.
bool build_and_send(LockedNet& net, Outgoing out);

}  // namespace kyu::net
