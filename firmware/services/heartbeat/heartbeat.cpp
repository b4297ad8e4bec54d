#include "services/heartbeat/heartbeat.hpp"

#include "kernel/frame_line.hpp"
#include "kernel/kernel.hpp"

namespace kyu {
namespace {

constexpr Duration kPeriod = Duration::from_s(1);
/// Objects of each pool that are looked at with each beat, in debug images: half a MiB of clusters.
constexpr std::uint32_t kPoolLook = 256;

struct Fill {
    PoolStats segments;
    PoolStats clusters;
    PoolStats sockets;
    std::uint64_t retransmits;
};

void pool_field(FrameLine& line, const char* name, const PoolStats& pool) {
    line.field(name, "{}/{}", pool.used, pool.total);
}

}  // namespace

void Heartbeat::beat(ThreadContext& self) {
    Fill fill;
    {
        net::NetGuard guard(net_, self);
        fill = {guard->pool.segment_stats(), guard->pool.cluster_stats(),
                guard->tcp.sockets.stats(), guard->tcp.stats[net::TcpCount::retransmits]};
    }
    look_at_stack(self);
    ConsoleSink sink(console_, self);
    FrameLine line(sink, "hb");
    line.number("seq", sequence_++)
        .number("up_ms", static_cast<std::uint64_t>(self.now().ms()))
        .number("transfers", transfers_(source_))
        .number("threads", self.kernel().thread_count());
    pool_field(line, "mbufs", fill.segments);
    pool_field(line, "clusters", fill.clusters);
    pool_field(line, "sockets", fill.sockets);
    line.number("rexmt", fill.retransmits).number("stack_left", stack_left_);
    line.word("stack_of", stack_of_);
}

void Heartbeat::look_at_stack(ThreadContext& self) {
    ThreadInfo info;
    if (!self.kernel().thread_info(self, look_at_++, info)) {
        look_at_ = 0;
        return;
    }
    const std::size_t left = info.stack_bytes - info.stack_used;
    if (left >= stack_left_) return;
    stack_left_ = left;
    stack_of_ = info.name;
}

void Heartbeat::run(ThreadContext& self) {
    Instant next = self.now();
    for (;;) {
        if constexpr (kDebugPools) self.kernel().pools().check_some(kPoolLook);
        if (enabled()) beat(self);
        next = next + kPeriod;
        // After a long pause (a debugger, a stopped emulator) do not make up for lost beats.
        if (next < self.now()) next = self.now() + kPeriod;
        self.sleep_until(next);
    }
}

}  // namespace kyu
