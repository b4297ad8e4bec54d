// TestPair: two stacks on one hosted machine, joined by a wire that loses, repeats and delays.
//
// Rules     for tests only. Everything is a function of the seed. Declare it before the
//           TestMachine's threads use it; both stacks have their net thread at priority 4.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "kernel/thread.hpp"
#include "net/net.hpp"
#include "net/socket/api.hpp"
#include "port/host/offload.hpp"
#include "port/host/test_machine.hpp"

namespace kyu::net::test {

using Frame = std::vector<std::byte>;

/// What the wire does to frames, in thousandths of them.
struct WireFates {
    unsigned lost{0};
    unsigned doubled{0};
    unsigned delayed{0};  ///< by `lateness` more than the others: they overtake it
    Duration delay{Duration::from_us(100)};
    Duration lateness{Duration::from_us(700)};
    std::uint32_t seed{1};
};

/// One end of the wire.
class PipeLink final : public Link {
    host::Machine& machine_;
    MacAddress mac_;
    const WireFates& fates_;
    std::mt19937 random_;
    std::deque<Frame> arrived_;
    Frame shown_;
    bool shown_now_{false};
    PipeLink* other_{nullptr};
    Net* net_{nullptr};
    LinkStats stats_{};

    void deliver(Frame frame, Duration after) {
        machine_.at(machine_.now() + after,
                    [other = other_, f = std::move(frame)](IrqContext& irq) {
                        other->arrived_.push_back(f);
                        if (other->net_ != nullptr) other->net_->post(irq);
                    });
    }

public:
    PipeLink(host::Machine& machine, MacAddress mac, const WireFates& fates)
        : machine_(machine), mac_(mac), fates_(fates), random_(fates.seed + mac.bytes[5]) {}
    void join(PipeLink& other, Net& net) {
        other_ = &other;
        net_ = &net;
    }
    [[nodiscard]] MacAddress mac() const override { return mac_; }
    [[nodiscard]] std::uint16_t mtu() const override { return 1500; }
    [[nodiscard]] bool up() const override { return true; }
    [[nodiscard]] bool transmit_checksums() const override { return true; }
    bool transmit(Mbuf&& mbuf) override {
        Frame frame(mbuf.size());
        mbuf.copy_out(0, frame);
        host::complete_checksums(frame);
        ++stats_.tx_frames;
        if (random_() % 1000 < fates_.lost) return true;
        if (random_() % 1000 < fates_.doubled) deliver(frame, fates_.delay);
        const bool late = random_() % 1000 < fates_.delayed;
        deliver(std::move(frame), late ? fates_.delay + fates_.lateness : fates_.delay);
        return true;
    }
    void flush() override {}
    [[nodiscard]] Mbuf receive(MbufPool& pool) override {
        while (!arrived_.empty()) {
            Mbuf mbuf = pool.allocate_cluster(Reserve::use);
            const Frame frame = std::move(arrived_.front());
            arrived_.pop_front();
            const bool shown = std::exchange(shown_now_, false);
            if (!mbuf) {
                ++stats_.rx_no_buffer;
                if (shown) return mbuf;
                continue;
            }
            std::copy(frame.begin(), frame.end(), mbuf.writable_front().begin());
            mbuf.trim_back(mbuf.size() - frame.size());
            return mbuf;
        }
        return {};
    }
    [[nodiscard]] std::span<const std::byte> peek() override {
        if (arrived_.empty()) return {};
        shown_now_ = true;
        shown_ = arrived_.front();
        shown_.resize(std::max(shown_.size(), kPeekBytes));
        return std::span{shown_}.first(arrived_.front().size());
    }
    void discard() override {
        shown_now_ = false;
        arrived_.pop_front();
    }
    bool receive_done() override { return !arrived_.empty(); }
    [[nodiscard]] const LinkStats& stats() const override { return stats_; }
};

/// One stack with its memory and its link.
class TestHost {
public:
    using Memory = MbufMemory<4096, 1024>;
    std::unique_ptr<Memory> memory = std::make_unique<Memory>();
    MbufPool pool{*memory};
    PipeLink link;
    std::unique_ptr<Net> net;
    Ipv4 address;

    TestHost(host::Machine& machine, std::uint8_t number, const WireFates& fates)
        : link(machine, MacAddress{{2, 0, 0, 0, 0, number}}, fates), address(10, 0, 0, number) {
        RandomKey key;
        key.bytes[0] = static_cast<std::byte>(number);
        key.bytes[1] = static_cast<std::byte>(fates.seed);
        net = std::make_unique<Net>(pool, link, key);
    }
    void configure(ThreadContext& self) {
        NetConfig config;
        config.source = NetConfig::Source::fixed;
        config.address = address;
        net->configure(self, config);
    }
};

class TestPair {
    WireFates fates_;

public:
    host::TestMachine machine;
    TestHost a;
    TestHost b;

    explicit TestPair(const WireFates& fates = {})
        : fates_(fates), a(machine.machine(), 1, fates_), b(machine.machine(), 2, fates_) {
        a.link.join(b.link, *a.net);
        b.link.join(a.link, *b.net);
        for (TestHost* h : {&a, &b}) {
            machine.daemon(h == &a ? "net-a" : "net-b", 4, [h](ThreadContext& self) {
                h->configure(self);
                h->net->run(self);
            });
        }
    }
    ~TestPair() {
        // The threads are gone before the stacks: nothing may sleep in them.
        machine.kernel().power_off();
    }
    TestPair(const TestPair&) = delete;
    TestPair& operator=(const TestPair&) = delete;
    /// From now on no frame arrives any more.
    void cut_wire() { fates_.lost = 1000; }
    void run(Instant limit = Instant::from_us(3'600'000'000)) {
        EXPECT_EQ(machine.run(limit), host::Stop::asked) << machine.text();
    }
};

/// Byte `i` of the stream that tests send.
inline std::byte pattern_at(std::size_t i) {
    return static_cast<std::byte>((i * 2654435761U) >> 13U);
}
inline std::vector<std::byte> pattern_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = pattern_at(i);
    return bytes;
}

}  // namespace kyu::net::test
