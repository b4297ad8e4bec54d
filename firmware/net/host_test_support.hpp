// For tests only: a whole Net with its net thread on a host machine.
//
//     HostNet host;                                     // 192.168.0.73/24, fixed
//     host.machine.thread("one", 20, [&](ThreadContext& self) { NetGuard guard{…}; … });
//     host.frame_at(Instant::from_us(5000), udp_frame(…));
//     EXPECT_EQ(host.machine.run(), host::Stop::asked) << host.machine.text();
#pragma once

#include "net/frames_test_support.hpp"
#include "port/host/test_machine.hpp"

namespace kyu::net::test {

struct HostNet {
    static constexpr unsigned kNetPriority = 8;

    std::unique_ptr<TestMemory> memory{std::make_unique<TestMemory>()};
    MbufPool pool{*memory};
    FakeLink link{};
    std::unique_ptr<Net> net_object{std::make_unique<Net>(pool, link, TestNet::key(1))};
    Net& net{*net_object};
    host::TestMachine machine{};  // last: it dies first

    HostNet() {
        link.address = kBoardMac;
        machine.daemon("net", kNetPriority, [this](ThreadContext& self) {
            NetConfig config;
            config.source = NetConfig::Source::fixed;
            net.configure(self, config);
            net.run(self);
        });
    }
    /// A frame arrives at `when`, with the interrupt that tells of it.
    void frame_at(Instant when, Bytes frame) {
        machine.machine().at(when, [this, frame = std::move(frame)](IrqContext& irq) {
            link.arriving.push_back(frame);
            net.post(irq);
        });
    }
};

}  // namespace kyu::net::test
