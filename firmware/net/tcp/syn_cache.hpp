// SynCache: half-open passive connections, as small records (RFC 9293 SYN-RECEIVED; the idea of a
// SYN cache is BSD's).
//
// Rules     A SYN costs one record. When all are in use, who has left a SYN-ACK unanswered makes
//           room for who comes now; while there is none (so many SYNs within a second), cookies
//           take over (cookies.hpp): a flood cannot shut a port. A cookie's SYN-ACK cannot be sent
//           again, so a client that waits for the server to speak and whose last ACK is lost waits
//           in vain (RFC 4987 §3.6): that is why a flood that is over must not leave any.
//           A record whose handshake is complete but whose listener's queue is full waits in line
//           for accept() to make room.
//           Records of one retry level wait equally long, so each level is a queue in deadline
//           order and the next deadline is the earliest of a few fronts.
// Ownership records live in the pool here.
// Lock      the network lock.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.hpp"
#include "base/pool.hpp"
#include "base/time.hpp"
#include "net/tcp/config.hpp"
#include "net/tcp/negotiated.hpp"
#include "net/tcp/seq.hpp"
#include "net/tcp/table.hpp"

namespace kyu::net {

class Socket;

struct WaitingTag;

struct SynRecord : ListLink<>, ListLink<WaitingTag> {
    FourTuple tuple;
    SynRecord* hash_next{nullptr};
    Socket* listener{nullptr};
    SeqNum iss;
    SeqNum irs;
    Negotiated agreed;
    std::uint16_t mss{0};     ///< what we may send, from the peer's option and our path
    std::uint16_t window{0};  ///< the peer's, from its SYN
    unsigned retries{0};
    Instant sent_at{};  ///< of the first SYN-ACK: gives the first round trip
    Instant due{};
};

class SynCache {
    Pool<SynRecord, kSynRecordsMax> pool_{"syn-records"};
    TupleTable<SynRecord, 1024> table_;
    // mutable: looking at a front changes nothing, but IntrusiveList has no const front().
    mutable std::array<IntrusiveList<SynRecord>, kSynAckRetriesMax + 1> levels_;
    IntrusiveList<SynRecord, WaitingTag> waiting_;

    SynRecord* unanswered();

public:
    explicit SynCache(std::uint64_t key) : table_(key) {}
    ~SynCache();
    SynCache(const SynCache&) = delete;
    SynCache& operator=(const SynCache&) = delete;

    /// A fresh record, filed under `tuple`; nullptr when all are in use. `displaced`: in place of
    /// one whose peer has not answered.
    [[nodiscard]] SynRecord* insert(const FourTuple& tuple, Instant now, bool& displaced);
    [[nodiscard]] SynRecord* find(const FourTuple& tuple) const { return table_.find(tuple); }
    void remove(SynRecord& record);
    /// Forgets every record of a listener that closes.
    void remove_all_of(const Socket& listener);
    void remove_all_of(Ipv4 local);

    /// The handshake is complete; accept() will come for it.
    void wait_in_line(SynRecord& record) {
        if (!waiting_.contains_somewhere(record)) waiting_.push_back(record);
    }
    [[nodiscard]] static bool waits_in_line(const SynRecord& record) {
        return IntrusiveList<SynRecord, WaitingTag>::contains_somewhere(record);
    }
    /// The first that waits for `listener`, or nullptr.
    [[nodiscard]] SynRecord* first_in_line(const Socket& listener);

    /// A record that is due at `now`, or nullptr. `expired`: it has used up its retries and is to
    /// be removed; otherwise its SYN-ACK is to be sent again, and it is already filed for the next
    /// time.
    SynRecord* take_due(Instant now, bool& expired);
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const PoolStats& stats() const { return pool_.stats(); }
    [[nodiscard]] const PoolGuard* guard() const { return pool_.guard(); }
};

}  // namespace kyu::net
