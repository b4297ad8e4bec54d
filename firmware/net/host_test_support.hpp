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
            {
                NetGuard guard{net, self};
                address_claim_stop(*guard);  // nobody else claims it
            }
            net.run(self);
        });
    }
    /// Makes the test the peer: `answer` gets the payload and ports of each datagram that the board
    /// sends to kPeer and says what comes back, each as {from port, payload}.
    struct Reply {
        unsigned from;
        Bytes payload;
    };
    using Answer = std::function<std::vector<Reply>(unsigned to, const Bytes& payload)>;
    void serve_udp(Answer answer) {
        frame_at(Instant::from_us(1000), arp_frame({}));
        link.on_transmit = [this, answer = std::move(answer)](const Bytes& frame) {
            link.sent.push_back(frame);
            const bool udp = frame.size() >= kEther + kIp + 8 && get16(frame, 12) == 0x0800 &&
                             frame[kEther + 9] == 17;
            if (!udp) return;
            const unsigned port = get16(frame, kEther + kIp);
            const Bytes payload =
                slice(frame, kEther + kIp + 8, get16(frame, kEther + kIp + 4) - std::size_t{8});
            Instant when = machine.now();
            for (const Reply& r : answer(get16(frame, kEther + kIp + 2), payload)) {
                when = when + Duration::from_ms(1);
                frame_at(when, udp_frame(r.from, port, r.payload));
            }
        };
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
