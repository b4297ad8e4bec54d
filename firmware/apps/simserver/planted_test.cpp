// The story's bugs on whole boards: each shows under its load as what it is. The same loads without
// them: clean_board_test.cpp. Only in builds with KYU_DEFECTS.
//
// Rules     What can be seen from outside, in counters and in the thread list decides.
#include "apps/simserver/two_boards_test_support.hpp"
#include "net/frames_test_support.hpp"

namespace kyu::app {
namespace planted_test {

using namespace test;  // NOLINT(google-build-using-namespace)

TEST(OnABoard, unlocked_sendbuf_panics_where_the_send_buffer_is_walked) {
    TwoBoards two{MissionBug::unlocked_sendbuf};
    EXPECT_EQ(fetch_big_often(two), WorldStop::crashed);
    const host::CrashInfo& crash = two.board.machine().crash();
    EXPECT_EQ(crash.kind, PanicKind::check);
    EXPECT_EQ(crash.thread.substr(0, 4), "wang");
}

TEST(OnABoard, close_deadlock_is_told_before_the_net_thread_ever_waits_for_the_lock) {
    TwoBoards two{MissionBug::close_deadlock};
    EXPECT_EQ(fetch_big_thrice_at_once(two), WorldStop::crashed);
    const host::CrashInfo& crash = two.board.machine().crash();
    EXPECT_EQ(crash.kind, PanicKind::deadlock);
    EXPECT_EQ(crash.thread.substr(0, 4), "wang");
    EXPECT_NE(crash.reason.find("sleeps in semaphore disconnect while it holds mutex net"),
              std::string::npos);
}

TEST(OnABoard, lost_wakeup_leaves_a_sender_asleep_on_an_empty_buffer) {
    TwoBoards two{MissionBug::lost_wakeup};
    EXPECT_EQ(fetch_big_often(two), WorldStop::limit);
    EXPECT_EQ(two.counters(two.board)["senders_asleep_on_empty"], 1U);
    EXPECT_TRUE(two.waits("wang-", "condition send"));
    EXPECT_TRUE(two.waits("net", "semaphore net work")) << "the stack itself is alive";
}

TEST(OnABoard, freelist_lost_runs_out_of_sockets_while_few_are_in_use) {
    TwoBoards two{MissionBug::freelist_lost};
    come_and_go(two);
    auto counters = two.counters(two.board);
    EXPECT_GT(counters["sockets_failed"], 0U);
    EXPECT_LT(counters["sockets_used"], 20U);
}

TEST(OnABoard, timewait_pool_runs_out_of_sockets_because_the_dead_keep_them) {
    TwoBoards two{MissionBug::timewait_pool};
    come_and_go(two);
    EXPECT_GT(two.counters(two.board)["sockets_failed"], 0U);
}

TEST(OnABoard, shared_buffer_mixes_the_bytes_of_connections) {
    TwoBoards two{MissionBug::shared_buffer};
    EXPECT_EQ(fetch_big_thrice_at_once(two), WorldStop::asked);
    EXPECT_GT(two.fetched.wrong, 0U);
}

TEST(OnABoard, odd_checksum_makes_the_client_drop_what_the_wire_left_alone) {
    TwoBoards two{MissionBug::odd_checksum};
    fetch_odd_pieces(two);
    EXPECT_GT(two.counters(two.client)["tcp_dropped: checksum"], 0U);
}

/// A board and a script on one wire.
struct Scripted {
    std::unique_ptr<SimBoard> board_memory;
    SimBoard& board{*board_memory};
    host::ScriptedPeer peer{"peer"};
    host::World world;
    explicit Scripted(MissionBug bug)
        : board_memory(std::make_unique<SimBoard>(SimBoardConfig{
              .name = "board", .address = net::test::kBoard, .bug = PlantedBug{bug}})) {
        world.join(board);
        world.join(peer);
        world.wire(board, peer, host::Fates::from_seed({}, 1), host::Fates::from_seed({}, 2));
        world.run_for(Duration::from_ms(100));
        peer.inbox().clear();
    }
    void send(net::test::Bytes frame) {
        const net::MacAddress mac = board.mac();
        std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin());
        peer.send(net::test::as_bytes(frame));
    }
    /// Whether the board answers ARP.
    bool hears() {
        peer.inbox().clear();
        send(net::test::arp_frame({}));
        world.run_for(Duration::from_ms(10));
        return !peer.inbox().empty();
    }
};

TEST(OnABoard, deaf_receiver_hears_nothing_after_a_burst) {
    for (const MissionBug bug : {MissionBug::none, MissionBug::deaf_receiver}) {
        Scripted scripted{bug};
        EXPECT_TRUE(scripted.hears());
        for (int n = 0; n < 200; ++n) scripted.send(net::test::arp_frame({}));
        scripted.world.run_for(Duration::from_ms(100));
        EXPECT_GT(scripted.board.link().stats().rx_exhausted, 0U);
        EXPECT_EQ(scripted.hears(), bug == MissionBug::none);
        EXPECT_EQ(scripted.hears(), bug == MissionBug::none);
    }
}

TEST(OnABoard, icmp_leak_keeps_a_buffer_for_every_reply) {
    Scripted scripted{MissionBug::icmp_leak};
    const net::test::Bytes reply =
        net::test::ip_frame({.protocol = 1}, net::test::icmp_message(0, 0, 1, {}));
    std::map<std::string, std::uint64_t> counters;
    const auto used = [&] {
        scripted.board.counters(
            [&](std::string_view name, std::uint64_t v) { counters[std::string(name)] = v; });
        return counters["mbufs_used"];
    };
    const std::uint64_t before = used();
    for (int n = 0; n < 100; ++n) {
        scripted.send(reply);
        scripted.world.run_for(Duration::from_ms(1));
    }
    EXPECT_EQ(used(), before + 100);
}

}  // namespace planted_test
}  // namespace kyu::app
