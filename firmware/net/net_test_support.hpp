// For tests only: a stack without a kernel, and a link whose frames are byte vectors.
//
// Rules     NetDoor is the one door to LockedNet besides NetGuard, and no firmware includes it
//           (the tidy check refuses). Time stands still until the test moves it.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "net/net.hpp"
#include "port/host/offload.hpp"

namespace kyu::net::test {

using Bytes = std::vector<std::uint8_t>;

inline std::span<const std::byte> as_bytes(const Bytes& bytes) {
    return std::as_bytes(std::span{bytes});
}

inline Bytes flatten(const Mbuf& packet) {
    Bytes bytes(packet.size());
    packet.copy_out(0, std::as_writable_bytes(std::span{bytes}));
    return bytes;
}

/// A link whose other end is the test.
class FakeLink final : public Link {
    LinkStats stats_{};
    Bytes shown_{};

public:
    MacAddress address{{0x02, 0, 0, 0, 0, 0x73}};
    bool is_up{true};
    bool checksums{false};                     ///< what transmit_checksums() says
    bool offload{false};                       ///< says so too, and does it
    std::size_t room{SIZE_MAX};                ///< frames that transmit() still takes
    std::size_t split_at{0};                   ///< received frames are cut here into two mbufs
    std::vector<Bytes> sent{};                 ///< frames, unless on_transmit takes them
    std::function<void(Bytes)> on_transmit{};  ///< instead of `sent`
    std::deque<Bytes> arriving{};
    unsigned flushes{0};
    bool groups{false};  ///< what receive_groups() said last

    MacAddress mac() const override { return address; }
    std::uint16_t mtu() const override { return 1500; }
    bool up() const override { return is_up; }
    bool transmit_checksums() const override { return checksums || offload; }
    bool transmit(Mbuf&& frame) override {
        if (room == 0) {
            ++stats_.tx_ring_full;
            return false;
        }
        if (room != SIZE_MAX) --room;
        ++stats_.tx_frames;
        stats_.tx_bytes += frame.size();
        Bytes bytes = flatten(frame);
        if (offload) host::complete_checksums(std::as_writable_bytes(std::span{bytes}));
        if (on_transmit) {
            on_transmit(std::move(bytes));
        } else {
            sent.push_back(std::move(bytes));
        }
        return true;
    }
    std::size_t transmit_room() override { return room; }
    void receive_groups(bool wanted) override { groups = wanted; }
    void flush() override { ++flushes; }
    Mbuf receive(MbufPool& pool) override {
        if (arriving.empty()) return {};
        const Bytes bytes = std::move(arriving.front());
        arriving.pop_front();
        ++stats_.rx_frames;
        const std::size_t cut = std::min(split_at, bytes.size());
        Mbuf frame = pool_copy(pool, as_bytes(bytes).first(cut));
        frame.append(pool_copy(pool, as_bytes(bytes).subspan(cut)));
        if (frame.size() != bytes.size()) {
            ++stats_.rx_no_buffer;
            return {};
        }
        return frame;
    }
    std::span<const std::byte> peek() override {
        if (arriving.empty() || split_at != 0) return {};
        shown_.assign(arriving.front().begin(), arriving.front().end());
        shown_.resize(std::max(shown_.size(), kPeekBytes));
        return as_bytes(shown_).first(arriving.front().size());
    }
    void discard() override {
        ++stats_.rx_frames;
        arriving.pop_front();
    }
    bool receive_done() override { return !arriving.empty(); }
    const LinkStats& stats() const override { return stats_; }

private:
    /// Like a receive ring: every piece is a whole cluster.
    static Mbuf pool_copy(MbufPool& pool, std::span<const std::byte> bytes) {
        if (bytes.empty()) return {};
        Mbuf piece = pool.allocate_cluster();
        if (!piece) return {};
        piece.trim_back(piece.size() - bytes.size());
        std::memcpy(piece.writable_front().data(), bytes.data(), bytes.size());
        return piece;
    }
};

struct NetDoor {
    static std::unique_ptr<LockedNet> make(MbufPool& pool, Link& link, const RandomKey& key) {
        return std::unique_ptr<LockedNet>(new LockedNet(pool, link, key));
    }
    static void set_now(LockedNet& net, Instant now) { net.now_ = now; }
    /// Forgets who would have been woken; how many wait points that were.
    static unsigned drain_wakes(LockedNet& net) {
        unsigned n = 0;
        while (net.wake_list_.take() != nullptr) ++n;
        return n;
    }
};

using TestMemory = MbufMemory<1024, 512>;

/// One host: 192.168.0.73/24 behind a FakeLink, gateway 192.168.0.1, unless told otherwise.
template <typename Memory>
class BasicTestNet {
    std::unique_ptr<Memory> memory_{std::make_unique<Memory>()};
    std::unique_ptr<MbufPool> pool_{std::make_unique<MbufPool>(*memory_)};
    std::unique_ptr<FakeLink> link_{std::make_unique<FakeLink>()};
    std::unique_ptr<LockedNet> net_;

public:
    MbufPool& pool{*pool_};
    FakeLink& link{*link_};
    LockedNet& net;

    explicit BasicTestNet(std::uint8_t seed = 1)
        : net_(NetDoor::make(*pool_, *link_, key(seed))), net(*net_) {
        NetDoor::set_now(net, Instant::from_us(1'000'000));
    }
    /// A fixed address, and the announcement already forgotten.
    static BasicTestNet with_address(Ipv4 address = {192, 168, 0, 73},
                                     std::uint8_t last_mac_byte = 0x73, std::uint8_t seed = 1) {
        BasicTestNet world{seed};
        world.link.address.bytes[5] = last_mac_byte;
        NetConfig config;
        config.source = NetConfig::Source::fixed;
        config.address = address;
        world.configure(config);
        address_claim_stop(world.net);  // nobody else claims it
        world.link.sent.clear();
        return world;
    }
    BasicTestNet(BasicTestNet&&) = default;
    BasicTestNet& operator=(BasicTestNet&&) = delete;
    BasicTestNet(const BasicTestNet&) = delete;
    BasicTestNet& operator=(const BasicTestNet&) = delete;
    ~BasicTestNet() {
        if (!net_) return;
        NetDoor::drain_wakes(net);
    }

    static RandomKey key(std::uint8_t seed) {
        RandomKey k;
        k.bytes.fill(std::byte{seed});
        return k;
    }
    void configure(const NetConfig& config) {
        net_configure(net, config);
        settle();
    }
    void set_now(Instant now) { NetDoor::set_now(net, now); }
    /// What the net thread and the guard would do now: frames, packets to ourselves, timers.
    void settle() {
        while (net_step(net)) {
        }
        link.flush();
        NetDoor::drain_wakes(net);
    }
    /// Lets `duration` pass; every timer runs at its own time.
    void advance(Duration duration) {
        const Instant end = net.now() + duration;
        for (Instant next = net_next_deadline(net); next <= end; next = net_next_deadline(net)) {
            if (next > net.now()) set_now(next);
            settle();
        }
        set_now(end);
    }
    void inject(Bytes frame) { link.arriving.push_back(std::move(frame)); }
    /// Receives one frame; returns what was sent meanwhile.
    std::vector<Bytes> exchange(Bytes frame) {
        link.sent.clear();
        inject(std::move(frame));
        settle();
        return std::exchange(link.sent, {});
    }
    std::vector<Bytes> take_sent() { return std::exchange(link.sent, {}); }
    [[nodiscard]] std::uint64_t drops(Drop reason) const { return net.stats.drops(reason); }
    [[nodiscard]] std::uint32_t segments_used() const { return pool.segment_stats().used; }
    [[nodiscard]] std::uint32_t clusters_used() const { return pool.cluster_stats().used; }
};
using TestNet = BasicTestNet<TestMemory>;

}  // namespace kyu::net::test
