// Net, NetGuard, LockedNet: the lock is the door to the data.
//
// Rules     All mutable state of the stack lives in LockedNet. The only way to a LockedNet& is to
//           dereference a NetGuard, and a NetGuard holds the network mutex. Functions that take
//           LockedNet& touch, they never sleep; only the owner of the guard can wait(), which
//           releases the lock, sleeps, takes it again. Look things up anew after a wait.
// Context   threads. The driver's interrupt handler calls Net::post() and nothing else.
// Lock      the network mutex, once; it does not nest (a second NetGuard on one thread is a panic).
// Wake-ups  inside the lock, LockedNet::wake() only marks a WaitPoint; the guard wakes the marked
//           ones just before it releases, so no wake-up can fall between test and sleep.
#pragma once

#include "base/intrusive_list.hpp"
#include "base/thread_safety.hpp"
#include "base/time.hpp"
#include "kernel/condvar.hpp"
#include "kernel/context.hpp"
#include "kernel/mutex.hpp"
#include "kernel/semaphore.hpp"
#include "net/address_claim.hpp"
#include "net/arp.hpp"
#include "net/dhcp.hpp"
#include "net/dns/cache.hpp"
#include "net/frame_ring.hpp"
#include "net/icmp.hpp"
#include "net/igmp.hpp"
#include "net/interface.hpp"
#include "net/ip_fragment.hpp"
#include "net/packet/mbuf.hpp"
#include "net/ping.hpp"
#include "net/planted/planted.hpp"
#include "net/random.hpp"
#include "net/stats.hpp"
#include "net/tcp/pool_entries.hpp"
#include "net/tcp/state.hpp"
#include "net/udp.hpp"
#include "net/wait_point.hpp"

namespace kyu::net {

namespace test {
struct NetDoor;  // net/test_support.hpp: tests of one layer need no kernel
}

inline constexpr std::uint8_t kDebugLevelMax = 1;

class LockedNet {
    friend class Net;
    friend class NetGuard;
    friend struct test::NetDoor;
    LockedNet(MbufPool& pool_in, Link& link, const RandomKey& key)
        : pool(pool_in), random(key), interface(link), tcp(random) {}

    Instant now_{};
    WakeList wake_list_;

public:
    /// A simulated board may be switched off while somebody holds the lock.
    ~LockedNet() {
        while (wake_list_.take() != nullptr) {
        }
    }
    LockedNet(const LockedNet&) = delete;
    LockedNet& operator=(const LockedNet&) = delete;

    MbufPool& pool;
    Random random;
    Interface interface;  ///< link, address, mask, gateway, packets to ourselves
    ArpCache arp;
    AddressClaim claim;
    Reassembly reassembly;
    IcmpState icmp;
    IgmpState igmp;
    PingState ping;
    UdpTable udp;
    DhcpClient dhcp;
    DnsState dns;
    TcpState tcp;
    Stats stats;
    FrameRing frames;
    /// 1: connections that begin and end are events of the kernel's ring, which crash records tell.
    std::uint8_t debug_level{0};
    WaitPoint polled{"poll"};  ///< woken with each point that somebody polls (socket/poll.hpp)
    [[no_unique_address]] planted::State bug;  ///< nothing without KYU_DEFECTS

    /// The time of this entry into the stack: read once when the guard was taken.
    [[nodiscard]] Instant now() const { return now_; }
    /// Wakes every thread that waits on `point` when the lock is released.
    void wake(WaitPoint& point) { wake_list_.mark(point); }
};

/// How the interface gets its address.
struct NetConfig {
    enum class Source : std::uint8_t {
        fixed,           ///< use `address` at once
        dhcp,            ///< DHCP for ever
        dhcp_then_fixed  ///< DHCP for `dhcp_patience`, then `address`
    };
    Source source{Source::dhcp_then_fixed};
    Ipv4 address{192, 168, 0, 73};
    std::uint8_t prefix_bits{24};
    Ipv4 gateway{192, 168, 0, 1};
    Ipv4 name_server{};  ///< any: what DHCP tells, or the gateway
    Duration dhcp_patience{Duration::from_s(5)};
    [[no_unique_address]] PlantedBug bug{};  ///< nothing without KYU_DEFECTS
};

/// Frames that the net thread takes in before it lets others have the lock.
inline constexpr unsigned kFramesPerBatch = 64;
/// After so many full batches in a row the net thread pauses, so that a flood of frames cannot keep
/// every less urgent thread from the processor.
inline constexpr unsigned kBusyBatchesMax = 8;
inline constexpr Duration kBusyPause = Duration::from_us(200);

/// One batch of the net thread: received frames, packets to ourselves, timers that are due. True:
/// there is more to do at once.
bool net_step(LockedNet& net);
/// When net_step() must run next, at the latest.
[[nodiscard]] Instant net_next_deadline(const LockedNet& net);
/// Brings the interface up as `config` says.
void net_configure(LockedNet& net, const NetConfig& config);

class KYU_CAPABILITY("network") Net {
    friend class NetGuard;
    friend class StoppedNet;
    friend struct planted::GuardDoor;
    Mutex mutex_{"net"};
    Semaphore work_{"net work", 0};
    LockedNet locked_;
    TcpPools pools_{locked_.tcp};
    Instant armed_{Instant::never()};  ///< what the net thread sleeps until; under mutex_

public:
    Net(MbufPool& pool, Link& link, const RandomKey& key) : locked_(pool, link, key) {}
    Net(const Net&) = delete;
    Net& operator=(const Net&) = delete;

    /// Brings the interface up; returns at once, an address may come later.
    void configure(ThreadContext& self, const NetConfig& config);
    /// The body of the net thread: received frames, timers; never returns.
    [[noreturn]] void run(ThreadContext& self);
    /// From the driver's interrupt handler: there is work for the net thread.
    void post(IrqContext& irq);
};

/// Holds the network lock. Construct in place; lives on one thread's stack.
class KYU_SCOPED_CAPABILITY NetGuard {
    friend struct planted::GuardDoor;
    Net& net_;
    ThreadContext& self_;
    void entry_duties();
    void release_duties();

public:
    [[nodiscard]] NetGuard(Net& net, ThreadContext& self) KYU_ACQUIRE(net);
    ~NetGuard() KYU_RELEASE();
    NetGuard(const NetGuard&) = delete;
    NetGuard& operator=(const NetGuard&) = delete;

    LockedNet& operator*() { return net_.locked_; }
    LockedNet* operator->() { return &net_.locked_; }
    [[nodiscard]] ThreadContext& self() const { return self_; }
    /// Releases the lock, sleeps until `point` is woken or `deadline` passes, takes the lock again.
    /// False: the deadline has passed. Wake-ups may be spurious: loop on the predicate.
    bool wait(WaitPoint& point, Instant deadline);
};

}  // namespace kyu::net
