// clients: the resolver, the TFTP client and ping as threads of a kernel, and a peer that answers
// anything.
//
// Format    the first byte chooses the client; every packet that the client sends takes its answers
//           from the input, until that is empty and nobody answers any more.
// Rules     each client comes back in bounded time, and nothing is lent out afterwards.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "apps/fuzz/fuzz_board.hpp"
#include "kernel/thread.hpp"
#include "net/dns/resolver.hpp"
#include "net/ping.hpp"
#include "net/tftp/client.hpp"
#include "port/host/machine.hpp"

namespace kyu::fuzz {

using namespace net::test;

namespace {

constexpr std::array kDelays{Duration::from_us(100), Duration::from_ms(1), Duration::from_ms(900),
                             Duration::from_ms(2100)};
constexpr std::size_t kAnswersMax = 400;
constexpr std::size_t kFileMax = 100'000;

class World {
    using Memory = net::MbufMemory<160, 80>;
    Input in_;
    std::unique_ptr<Memory> memory_{std::make_unique<Memory>()};
    net::MbufPool pool_{*memory_};
    FakeLink link_{};
    std::unique_ptr<net::Net> net_{std::make_unique<net::Net>(pool_, link_, TestNet::key(1))};
    ThreadStack<16384> net_stack_;
    ThreadStack<16384> client_stack_;
    Thread net_thread_{"net", Priority{8}, net_stack_.span(),
                       [](ThreadContext& self, void* it) { static_cast<World*>(it)->serve(self); },
                       this};
    Thread client_thread_{"client", Priority{12}, client_stack_.span(),
                          [](ThreadContext& self, void* it) { static_cast<World*>(it)->ask(self); },
                          this};
    std::size_t answers_{0};
    bool done_{false};
    host::Machine machine_{};  // last: it dies first

    void serve(ThreadContext& self) {
        net::NetConfig config;
        config.source = net::NetConfig::Source::fixed;
        net_->configure(self, config);
        {
            net::NetGuard guard{*net_, self};
            address_claim_stop(*guard);
        }
        net_->run(self);
    }
    void deliver(Duration after, Bytes frame) {
        machine_.at(machine_.now() + after, [this, f = std::move(frame)](IrqContext& irq) {
            link_.arriving.push_back(f);
            net_->post(irq);
        });
    }
    /// What the peer makes of a datagram: bytes of the input behind some of the question's own.
    Bytes payload(const Bytes& question) {
        const unsigned kept = in_.u8();
        Bytes p = slice(question, 0, kept);
        if (p.size() > 2 && (kept & 1U) != 0) p[2] |= 0x80U;  // a DNS question becomes an answer
        const auto changes = in_.take(in_.u8() % 8U);
        for (std::size_t i = 0; i + 1 < changes.size(); i += 2) {
            if (!p.empty()) p[changes[i] % p.size()] = changes[i + 1];
        }
        const auto more = in_.piece();
        p.insert(p.end(), more.begin(), more.end());
        if (p.size() > 1472) p.resize(1472);
        return p;
    }
    void answer_udp(const Bytes& frame) {
        const Bytes udp = slice(frame, kEther + kIp);
        const unsigned how = in_.u8();
        const unsigned from = (how & 1U) != 0 ? 1069 + (how >> 6U) : get16(udp, 2);
        const Bytes data = payload(slice(udp, 8));
        deliver(kDelays[(how >> 1U) % 4],
                ip_frame({}, udp_datagram(kPeer, kBoard, from, get16(udp, 0), data)));
    }
    void answer_icmp(const Bytes& frame) {
        const unsigned how = in_.u8();
        const Bytes icmp = slice(frame, kEther + kIp);
        const unsigned type = (how & 1U) != 0 ? in_.u8() : 0;
        const Bytes data = payload(slice(icmp, 8));
        deliver(kDelays[(how >> 1U) % 4],
                ip_frame({.protocol = 1}, icmp_message(type, 0, get32(icmp, 4), data)));
    }
    void answer(const Bytes& frame) {
        expect_whole(frame);
        if (get16(frame, 12) == 0x0806) {
            const net::Ipv4 wanted{get32(frame, kEther + 24)};
            if (wanted == kPeer) deliver(Duration::from_us(10), arp_frame({.operation = 2}));
            return;
        }
        if (get16(frame, 12) != 0x0800 || (get16(frame, kEther + 6) & 0x1FFFU) != 0) return;
        for (unsigned n = in_.u8() % 4U; n > 0 && !in_.empty() && answers_ < kAnswersMax; --n) {
            ++answers_;
            if (frame[kEther + 9] == 17) answer_udp(frame);
            if (frame[kEther + 9] == 1) answer_icmp(frame);
        }
    }
    void ask(ThreadContext& self) {
        const unsigned client = in_.u8();
        if (client % 3 == 0) {
            static_cast<void>(net::dns_resolve(*net_, self, "board.example", {kPeer}));
        } else if (client % 3 == 1) {
            get_file(self);
        } else {
            ping(self, client / 3 * 20U);
        }
        self.sleep_for(Duration::from_s(1500));
        CHECK(pool_.segment_stats().used == 0 && pool_.cluster_stats().used == 0);
        done_ = true;
        machine_.request_stop();
    }
    void get_file(ThreadContext& self) {
        std::uint64_t bytes = 0;
        const net::TftpSink sink{[](void* sum, std::span<const std::byte> data) {
                                     touch(data);
                                     *static_cast<std::uint64_t*>(sum) += data.size();
                                 },
                                 &bytes, kFileMax};
        net::TftpGet get{kFileMax};
        static_cast<void>(net::tftp_get(*net_, self, kPeer, "kyu.test", sink, get));
        CHECK(bytes == get.bytes() && bytes <= kFileMax);
    }
    void ping(ThreadContext& self, std::size_t bytes) {
        net::Pinger pinger;
        CHECK(pinger.open(*net_, self, kPeer));
        for (std::uint16_t i = 0; i < 3; ++i) {
            static_cast<void>(pinger.send(self, i, bytes));
            const auto got = pinger.receive(self, self.now() + Duration::from_s(1));
            CHECK(!got || got->bytes <= 65507);
        }
        pinger.close(self);
    }

public:
    explicit World(std::span<const std::uint8_t> bytes) : in_(bytes) {
        link_.address = kBoardMac;
        link_.on_transmit = [this](const Bytes& frame) { answer(frame); };
        net_thread_.start_at_boot(machine_.kernel());
        client_thread_.start_at_boot(machine_.kernel());
    }
    void run() {
        const host::Stop stop = machine_.run_until(Instant::from_us(20'000'000'000));
        if (stop != host::Stop::asked || !done_) {
            std::fprintf(stderr, "%s\n%s\n", host::to_text(stop), machine_.console_text().c_str());
            std::abort();
        }
    }
};

}  // namespace

void clients(std::span<const std::uint8_t> bytes) {
    const auto world = std::make_unique<World>(bytes);
    world->run();
}

}  // namespace kyu::fuzz
