// Every blocking point, met by every event that takes the socket away under it: bsd-pitfalls A4 to
// A6 and A8. The preset asan runs this too: a use after free is a failure.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "net/socket/calls.hpp"
#include "net/socket/connected_test_support.hpp"
#include "net/socket/poll.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net {
namespace blocking_points_test {

using test::pattern_bytes;

const Instant kForever = Instant::never();

enum class Point : std::uint8_t { recv, send, send_static, poll, linger, accept, connect };
enum class Event : std::uint8_t { peer_resets, peer_closes, own_abort, own_close, address_lost };

constexpr std::array kPoints{Point::recv,   Point::send,   Point::send_static, Point::poll,
                             Point::linger, Point::accept, Point::connect};
constexpr std::array kEvents{Event::peer_resets, Event::peer_closes, Event::own_abort,
                             Event::own_close, Event::address_lost};
constexpr std::array kPointNames{"recv",   "send",   "send_static", "poll",
                                 "linger", "accept", "connect"};
constexpr std::array kEventNames{"peer_resets", "peer_closes", "own_abort", "own_close",
                                 "address_lost"};

struct Case {
    Point point;
    Event event;
};

class BlockingPoint : public test::Connected, public ::testing::WithParamInterface<Case> {
protected:
    std::vector<std::byte> much_{pattern_bytes(500'000)};
    SocketId id_{};  ///< of the socket that is waited on, by value: it may die meanwhile
    bool came_back_{false};
    std::optional<SocketError> error_;

    template <typename Outcome>
    void note(const Outcome& outcome) {
        if (!outcome) error_ = outcome.error();
    }

    void block(ThreadContext& self) {
        NetGuard guard{*pair_.b.net, self};
        switch (GetParam().point) {
            case Point::recv: {
                std::array<std::byte, 10> bytes{};
                note(soreceive(guard, id_, bytes, kForever));
                break;
            }
            case Point::send:
                note(sosend(guard, id_, much_, SendMode::copy, kForever).status);
                break;
            case Point::send_static:
                note(sosend(guard, id_, much_, SendMode::refer, kForever).status);
                break;
            case Point::poll: {
                std::array entries{PollEntry{id_, PollEvents::readable, {}}};
                const auto found = sopoll(guard, entries, kForever);
                EXPECT_TRUE(found && *found == 1);
                if (any(entries[0].seen & PollEvents::error)) error_ = SocketError::closed;
                break;
            }
            case Point::linger: {
                (void)sosend(guard, id_, std::span{much_}.first(350'000), SendMode::copy,
                             guard->now() + Duration::from_ms(100));
                Socket* so = guard->tcp.sockets.find(id_);
                ASSERT_NE(so, nullptr);
                so->options.linger = Duration::from_s(100);
                soclose(guard, id_);
                break;
            }
            case Point::accept: note(soaccept(guard, id_, kForever)); break;
            case Point::connect: note(soconnected(guard, id_, kForever)); break;
        }
        came_back_ = true;
    }

    void strike(ThreadContext& self) {
        switch (GetParam().event) {
            case Event::peer_resets: client_.abort(self); break;
            case Event::peer_closes: client_.close(self); break;
            case Event::own_abort: {
                NetGuard guard{*pair_.b.net, self};
                soabort(guard, id_);
                break;
            }
            case Event::own_close: {
                NetGuard guard{*pair_.b.net, self};
                if (Socket* so = guard->tcp.sockets.find(id_)) so->options.linger.reset();
                soclose(guard, id_);
                break;
            }
            case Event::address_lost: {
                NetGuard guard{*pair_.b.net, self};
                set_address(*guard, Ipv4{10, 0, 0, 77}, 24, Ipv4{}, AddressSource::fixed);
                break;
            }
        }
    }

    /// Which of them wait for more than this one connection, or go on with half of it.
    [[nodiscard]] bool goes_on() const {
        const auto [point, event] = GetParam();
        const bool own = event == Event::own_abort || event == Event::own_close;
        if (point == Point::accept) return !own;
        // A SYN to nobody: no peer can end it.
        if (point == Point::connect) return !own && event != Event::address_lost;
        return false;
    }
};

TEST_P(BlockingPoint, comes_back_and_everything_is_given_back) {
    pair_.machine.thread("blocked", 10, [&](ThreadContext& self) {
        connect(self);
        id_ = server_.id();
        if (GetParam().point == Point::accept) id_ = listener_.id();
        if (GetParam().point == Point::connect) {
            NetGuard guard{*pair_.b.net, self};
            const auto begun = tcp_usr_connect(*guard, {Ipv4{10, 0, 0, 99}, 9});
            ASSERT_TRUE(begun);
            id_ = *begun;
        }
        block(self);
    });
    pair_.machine.thread("event", 11, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(700));
        ASSERT_FALSE(came_back_) << "it did not wait";
        strike(self);
        self.sleep_for(Duration::from_ms(500));
        EXPECT_NE(came_back_, goes_on());
        if (goes_on()) {
            NetGuard guard{*pair_.b.net, self};
            soabort(guard, id_);
        }
        self.sleep_for(Duration::from_ms(10));
        EXPECT_TRUE(came_back_);
        const Point point = GetParam().point;
        const bool quiet_end = GetParam().event == Event::peer_closes && point != Point::send &&
                               point != Point::send_static && !goes_on();
        EXPECT_EQ(error_.has_value(), point != Point::linger && !quiet_end);
        {
            NetGuard guard{*pair_.b.net, self};
            soabort(guard, id_);  // dead already, or not
        }
        close_all(self);
        self.sleep_for(Duration::from_s(200));
        for (test::TestHost* host : {&pair_.a, &pair_.b}) {
            NetGuard guard{*host->net, self};
            EXPECT_EQ(guard->tcp.sockets.stats().used, 0U);
            EXPECT_EQ(guard->tcp.connections.stats().used, 0U);
            EXPECT_EQ(host->pool.segment_stats().used, 0U);
            EXPECT_EQ(host->pool.cluster_stats().used, 0U);
        }
    });
    pair_.run();
}

std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const Point point : kPoints) {
        for (const Event event : kEvents) cases.push_back({point, event});
    }
    return cases;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BlockingPoint, ::testing::ValuesIn(all_cases()), [](const auto& of) {
        return std::string{kPointNames[static_cast<std::size_t>(of.param.point)]} + "_when_" +
               kEventNames[static_cast<std::size_t>(of.param.event)];
    });

}  // namespace blocking_points_test
}  // namespace kyu::net
