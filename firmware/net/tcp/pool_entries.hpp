// TcpPools: the pools of TCP for the crash record and for whoever looks for damage.
//
// Ownership refers to the TcpState, which outlives it. In the registry from add_to() to its end.
// Context   a thread.
#pragma once

#include <array>

#include "kernel/kernel.hpp"
#include "kernel/port.hpp"
#include "net/tcp/state.hpp"

namespace kyu::net {

class TcpPools {
    PoolEntry connections_;
    PoolEntry sockets_;
    PoolEntry syn_records_;
    PoolEntry time_waits_;
    PoolEntry reassembly_;

    [[nodiscard]] std::array<PoolEntry*, 5> all() {
        return {&connections_, &sockets_, &syn_records_, &time_waits_, &reassembly_};
    }

public:
    explicit TcpPools(const TcpState& tcp)
        : connections_("connections", tcp.connections.stats(), tcp.connections.guard()),
          sockets_("sockets", tcp.sockets.stats(), tcp.sockets.guard()),
          syn_records_("syn-records", tcp.syn_cache.stats(), tcp.syn_cache.guard()),
          time_waits_("time-waits", tcp.time_wait.stats(), tcp.time_wait.guard()),
          reassembly_("reassembly", tcp.reassembly.stats(), tcp.reassembly.guard()) {}
    ~TcpPools() {
        for (PoolEntry* entry : all()) {
            if (PoolRegistry::has(*entry)) PoolRegistry::remove(*entry);
        }
    }
    TcpPools(const TcpPools&) = delete;
    TcpPools& operator=(const TcpPools&) = delete;

    /// Once a kernel; later calls change nothing.
    void add_to(Kernel& kernel) {
        // A crash may want the list at any moment.
        const unsigned saved = port::irq_save();
        for (PoolEntry* entry : all()) {
            if (!PoolRegistry::has(*entry)) kernel.pools().add(*entry);
        }
        port::irq_restore(saved);
    }
};

}  // namespace kyu::net
