// For tests only: a board that a peer's frames reach (net/frame_bytes_test_support.hpp).
#pragma once

#include <gtest/gtest.h>

#include "net/frame_bytes_test_support.hpp"

namespace kyu::net::test {

/// Lets the board know where the peer is, so that it can answer.
inline void introduce_peer(TestNet& world, Ipv4 peer = kPeer, const MacAddress& mac = kPeerMac) {
    world.exchange(arp_frame({.sender_mac = mac, .sender = peer}));
}

inline constexpr std::uint16_t kBoundPort = 4000;

/// A board with a bound UDP port: a packet that gets through is seen in its queue. Nothing is left
/// in the pools at the end.
class BoundUdp : public ::testing::Test {
protected:
    TestNet world_ = TestNet::with_address();
    UdpId id_{};

    void SetUp() override {
        introduce_peer(world_);
        auto id = world_.net.udp.bind(kBoundPort, nullptr, 0);
        ASSERT_TRUE(id);
        id_ = *id;
    }
    void TearDown() override {
        world_.net.udp.unbind(id_);
        EXPECT_EQ(world_.segments_used(), 0U);
        EXPECT_EQ(world_.clusters_used(), 0U);
    }
    std::size_t queued() { return world_.net.udp.get(id_)->queue.size(); }
    Bytes read() { return flatten(world_.net.udp.get(id_)->queue.pop().payload); }
};

}  // namespace kyu::net::test
