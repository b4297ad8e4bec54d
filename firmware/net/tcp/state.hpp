// TcpState: everything TCP keeps, behind the network lock.
//
// Ownership connections, records and pieces live in pools here; sockets in their table.
// Lock      the network lock: a member of LockedNet.
#pragma once

#include "base/check.hpp"
#include "base/pool.hpp"
#include "net/random.hpp"
#include "net/socket/socket.hpp"
#include "net/tcp/ack_train.hpp"
#include "net/tcp/challenge.hpp"
#include "net/tcp/cookies.hpp"
#include "net/tcp/counters.hpp"
#include "net/tcp/flow_image.hpp"
#include "net/tcp/reassembly.hpp"
#include "net/tcp/syn_cache.hpp"
#include "net/tcp/table.hpp"
#include "net/tcp/tcpcb.hpp"
#include "net/tcp/time_wait.hpp"
#include "net/tcp/timer_heap.hpp"
#include "net/tcp/timestamps.hpp"

namespace kyu::net {

class TcpState {
    using OutputList = IntrusiveList<Tcpcb, OutputTag>;
    Tcpcb* last_found_{nullptr};  ///< segments come in trains
    OutputList output_due_;

public:
    explicit TcpState(Random& random)
        : table(random.next_u64()), syn_cache(random.next_u64()), time_wait(random.next_u64()) {}
    /// A simulated board may be switched off in the middle of a batch.
    ~TcpState() {
        while (output_due_.pop_front() != nullptr) {
        }
    }
    TcpState(const TcpState&) = delete;
    TcpState& operator=(const TcpState&) = delete;

    Pool<Tcpcb, kTcpConnectionsMax> connections{"connections"};
    TupleTable<Tcpcb, 256> table;
    TimerHeap<Tcpcb, kTcpConnectionsMax> timers;
    SynCache syn_cache;
    SynCookies cookies;
    TimeWaitTable time_wait;
    ReassemblyPool reassembly{"reassembly"};
    SocketTable sockets;
    ChallengeLimit challenge;
    MillisecondClock clock;
    TcpStats stats;
    AckTrain train;
    /// Of the last segment that came the short way, and its connection; nullptr: none.
    struct Flow {
        Tcpcb* tp{nullptr};
        FlowImage image;
    } flow;

#if defined(KYU_DEBUG_INVARIANTS)
    bool predicts{true};  ///< header prediction; a test compares with the long way
#else
    static constexpr bool predicts = true;
#endif

    [[nodiscard]] Tcpcb* find(const FourTuple& tuple) {
        if (last_found_ == nullptr || last_found_->tuple != tuple) last_found_ = table.find(tuple);
        return last_found_;
    }
    /// tcp_output() is due for `tp` at the end of this batch of frames, not for each.
    void defer_output(Tcpcb& tp) {
        if (!OutputList::contains_somewhere(tp)) output_due_.push_back(tp);
    }
    [[nodiscard]] Tcpcb* take_output_due() { return output_due_.pop_front(); }
    /// Takes a connection out of table and timers and gives its block back.
    void release(Tcpcb& tp) {
        if (last_found_ == &tp) last_found_ = nullptr;
        if (flow.tp == &tp) flow.tp = nullptr;
        CHECK(train.tp != &tp);  // settled before anything else may happen
        if (OutputList::contains_somewhere(tp)) OutputList::remove(tp);
        table.remove(tp);
        timers.remove(tp);
        tp.reassembly.clear(reassembly);
        connections.release(tp);
    }
    void arm(Tcpcb& tp, TcpTimer which, Instant at) {
        tp.deadlines[static_cast<std::size_t>(which)] = at;
        if (at != Instant::never() && timers.must_file(tp, at)) timers.at_latest(tp, at);
    }
};

}  // namespace kyu::net
