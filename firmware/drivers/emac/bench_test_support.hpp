// Bench: the driver with a small ring, its pool and the model of its device.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <vector>

#include "drivers/emac/model_test_support.hpp"

namespace kyu::emac::test {

inline constexpr std::size_t kBenchTxSlots = 16;
inline constexpr std::size_t kBenchRxSlots = 8;
inline constexpr net::MacAddress kBoardMac{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};

inline std::ostream& operator<<(std::ostream& out, Character c) {
    return out << (c == Character::qemu ? "qemu" : "silicon");
}

/// A frame whose every byte depends on `number`, so that a mix-up shows; EtherType IPv4 or ARP.
inline Bytes frame_of(std::size_t size, unsigned number, std::uint8_t low_type = 0x00) {
    Bytes frame(size);
    for (std::size_t i = 0; i < size; ++i) {
        frame[i] = static_cast<std::byte>(i * 7 + number * 13 + (i >> 8U) + 1);
    }
    if (size >= 14) {
        frame[12] = std::byte{0x08};
        frame[13] = std::byte{low_type};
    }
    return frame;
}

inline Bytes bytes_of(const net::Mbuf& packet) {
    Bytes all(packet.size());
    if (packet) packet.copy_out(0, all);
    return all;
}

class Bench {
public:
    using Device = Emac<ModelIo, ModelDma, ModelClock, kBenchTxSlots, kBenchRxSlots>;
    using Memory = net::MbufMemory<96, 48>;

    EmacModel model;
    std::unique_ptr<Memory> memory{std::make_unique<Memory>()};
    std::unique_ptr<Device::Area> area{std::make_unique<Device::Area>()};
    net::MbufPool pool{*memory};
    Device device;
    std::uint32_t idle_clusters{0};  ///< in use after start(): the ring's own

    explicit Bench(Character character, PlantedBug bug = {})
        : model(character),
          device(ModelIo{&model}, ModelDma{&model}, ModelClock{&model}, *area,
                 Config{kBoardMac, 1, bug}, Notify{}) {
        dirty_every_buffer();
        model.memory.add(&memory->segments, sizeof memory->segments, true);
        model.memory.add(&memory->clusters, sizeof memory->clusters, true);
        model.memory.add(area.get(), sizeof *area, false);
    }
    ~Bench() {
        for (const auto& fault : model.memory.faults) ADD_FAILURE() << fault;
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    /// Starts the driver and waits for the link.
    void start() {
        ASSERT_TRUE(device.start(pool).has_value());
        for (int i = 0; i < 10 && !device.up(); ++i) {
            model.now_us += 100'000;
            device.poll_link();
        }
        ASSERT_TRUE(device.up());
        idle_clusters = pool.cluster_stats().used;
    }
    /// The next frame; every other one has been looked at before.
    net::Mbuf receive() {
        Bytes shown;
        if (++received_ % 2 == 0) {
            const auto bytes = device.peek();
            shown.assign(bytes.begin(), bytes.end());
        }
        net::Mbuf frame = device.receive(pool);
        if (frame && !shown.empty()) {
            EXPECT_EQ(bytes_of(frame), shown);
        }
        return frame;
    }
    /// What the net thread does when it is told: drains until the driver says that all is quiet.
    std::vector<Bytes> drain() {
        std::vector<Bytes> frames;
        bool more = true;
        for (int round = 0; more && round < 1000; ++round) {
            while (net::Mbuf frame = receive()) frames.push_back(bytes_of(frame));
            more = device.receive_done();
        }
        EXPECT_FALSE(more) << "reception never comes to rest";
        return frames;
    }
    /// Interrupt, if the line asks for one, then drain.
    std::vector<Bytes> service() {
        if (!model.interrupt_line()) return {};
        device.acknowledge();
        return drain();
    }
    /// A packet in pieces of these sizes.
    net::Mbuf packet(const Bytes& bytes, std::vector<std::size_t> pieces = {}) {
        net::Mbuf all;
        std::size_t at = 0;
        if (pieces.empty()) pieces.push_back(bytes.size());
        for (const std::size_t size : pieces) {
            net::Mbuf piece = pool.allocate(size, net::Reserve::use);
            EXPECT_TRUE(piece);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size,
                        piece.writable_front().begin());
            at += size;
            if (all) {
                all.append(std::move(piece));
            } else {
                all = std::move(piece);
            }
        }
        return all;
    }
    /// Takes every cluster that is left.
    std::vector<net::Mbuf> starve_clusters() {
        std::vector<net::Mbuf> held;
        while (net::Mbuf m = pool.allocate_cluster(net::Reserve::use)) held.push_back(std::move(m));
        return held;
    }
    /// Descriptor of a receive slot, to play a device that tells nonsense.
    Descriptor& rx_slot(std::size_t i) { return area->rx[i]; }

private:
    unsigned received_{0};

    /// Cached lines full of old bytes, as after hours of work.
    void dirty_every_buffer() {
        std::vector<net::Mbuf> all;
        while (net::Mbuf m = pool.allocate_cluster(net::Reserve::use)) {
            std::ranges::fill(m.writable_front(), std::byte{0xEE});
            all.push_back(std::move(m));
        }
    }
};

/// Runs each test against both characters.
class BothCharacters : public ::testing::TestWithParam<Character> {
protected:
    Bench bench{GetParam()};
    void SetUp() override { bench.start(); }
};

}  // namespace kyu::emac::test
