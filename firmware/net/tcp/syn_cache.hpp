// SynCache: half-open passive connections, as small records (RFC 9293 SYN-RECEIVED; the idea of a
// SYN cache is BSD's).
//
// Rules     A SYN costs one record. When all are in use the one that was retransmitted most and
//           waits longest makes room, so a flood cannot shut a port.
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
#include "net/tcp/seq.hpp"
#include "net/tcp/table.hpp"

namespace kyu::net {

class Socket;

struct SynRecord : ListLink<> {
    FourTuple tuple;
    SynRecord* hash_next{nullptr};
    Socket* listener{nullptr};
    SeqNum iss;
    SeqNum irs;
    std::uint16_t mss{0};     ///< what we may send, from the peer's option and our path
    std::uint16_t window{0};  ///< the peer's, from its SYN
    unsigned retries{0};
    Instant sent_at{};        ///< of the first SYN-ACK: gives the first round trip
    Instant due{};
};

class SynCache {
    Pool<SynRecord, kSynRecordsMax> pool_;
    TupleTable<SynRecord, 256> table_;
    // mutable: looking at a front changes nothing, but IntrusiveList has no const front().
    mutable std::array<IntrusiveList<SynRecord>, kSynAckRetriesMax + 1> levels_;

public:
    explicit SynCache(std::uint64_t key) : table_(key) {}
    ~SynCache();
    SynCache(const SynCache&) = delete;
    SynCache& operator=(const SynCache&) = delete;

    /// A fresh record, filed under `tuple`. `evicted`: another one had to go.
    SynRecord& insert(const FourTuple& tuple, Instant now, bool& evicted);
    [[nodiscard]] SynRecord* find(const FourTuple& tuple) const { return table_.find(tuple); }
    void remove(SynRecord& record);
    /// Forgets every record of a listener that closes.
    void remove_all_of(const Socket& listener);
    void remove_all_of(Ipv4 local);

    /// The record whose SYN-ACK is due again at `now`, already moved to its next wait; nullptr
    /// when there is none. Records out of retries are removed and counted into `expired`.
    SynRecord* take_due(Instant now, std::uint32_t& expired);
    [[nodiscard]] Instant next_deadline() const;
    [[nodiscard]] const PoolStats& stats() const { return pool_.stats(); }
};

}  // namespace kyu::net
