// AckTrain: ACKs of one connection that came one behind the other, and are taken as one.
//
// Rules     ACKs are cumulative (RFC 9293 §3.4): the last of a batch of frames says what all of
//           them say. How many there were is kept for congestion control, which must not grow
//           slower for it. A train lasts no longer than the batch, and nothing else happens to its
//           connection before it is settled.
// Lock      the network lock.
#pragma once

#include <cstdint>

#include "net/tcp/seq.hpp"

namespace kyu::net {

struct Tcpcb;

struct AckTrain {
    Tcpcb* tp{nullptr};  ///< nullptr: none is under way
    SeqNum ack{};
    std::uint32_t window{0};  ///< in bytes
    std::uint32_t echo{0};    ///< of the last
    std::uint32_t count{0};
};

}  // namespace kyu::net
