// Loss and its repair: SACK, RACK, tail loss probes, PRR, and NewReno without SACK.
#include "net/tcp/peer_test_support.hpp"

#include <map>
#include <set>

namespace kyu::net {
namespace recovery_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;
constexpr Duration kRtt = Duration::from_ms(20);

/// A receiver with SACK that sits behind a wire: what it is told to lose never arrives.
class Recover : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};
    std::uint32_t start_{0};
    std::map<std::uint32_t, std::uint32_t> held_;  // beyond peer_.ack: first -> end
    std::size_t sent_bytes_{0};

    void open(bool sack = true) {
        peer_.options = sack ? joined(mss_option(kMss), sack_permitted_option()) : mss_option(kMss);
        peer_.options = joined(peer_.options, scale_option(2));
        listen();
        const Seen syn_ack = peer_.send(kSyn).at(0);
        world_.advance(kRtt);
        peer_.options = {};
        peer_.seq++;
        peer_.ack = syn_ack.seq + 1;
        peer_.send(kAck);
        so_ = accept();
        ASSERT_NE(so_, nullptr);
        start_ = peer_.ack;
        world_.take_sent();
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
    [[nodiscard]] std::uint32_t number_of(const Seen& s) const { return (s.seq - start_) / kMss; }

    /// Takes one segment in; the ACK that it gives rise to, and what the board says to that.
    Answers arrive(const Seen& s, bool sack = true) {
        const auto end = s.seq + static_cast<std::uint32_t>(s.data.size());
        held_[s.seq] = std::max(held_[s.seq], end);
        while (!held_.empty() && SeqNum{held_.begin()->first} == SeqNum{peer_.ack}) {
            peer_.ack = std::max(peer_.ack, held_.begin()->second);
            held_.erase(held_.begin());
        }
        std::erase_if(held_, [&](const auto& b) { return b.first < peer_.ack; });
        peer_.options = {};
        if (sack && !held_.empty()) {
            // The block with the newest, then the lowest other.
            auto block = std::pair{s.seq, end};
            for (const auto& [first, last] : held_) {
                if (last == block.first) block.first = first;
                if (first == block.second) block.second = last;
            }
            grow(block);
            peer_.options = block.first >= peer_.ack && block.first != peer_.ack
                                ? sack_option({block})
                                : sack_option({lowest()});
        }
        const Answers a = peer_.send(kAck);
        peer_.options = {};
        return a;
    }
    void grow(std::pair<std::uint32_t, std::uint32_t>& block) const {
        for (bool more = true; more;) {
            more = false;
            for (const auto& [first, last] : held_) {
                if (last == block.first) {
                    block.first = first;
                    more = true;
                }
                if (first == block.second) {
                    block.second = last;
                    more = true;
                }
            }
        }
    }
    [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> lowest() const {
        std::pair<std::uint32_t, std::uint32_t> block = *held_.begin();
        grow(block);
        return block;
    }
    /// Sends `total` bytes over a wire with a round trip of kRtt that loses the segments whose
    /// numbers are in `lost`, each as often as it stands there. Returns when all is acknowledged.
    void transfer(std::size_t total, std::multiset<std::uint32_t> lost, bool sack = true) {
        write(*so_, std::string(total, 'x'));
        std::deque<std::pair<Instant, Seen>> wire;
        const auto put = [&](const Answers& answers) {
            for (const Seen& s : answers) {
                if (s.data.empty()) continue;
                sent_bytes_ += s.data.size();
                if (const auto it = lost.find(number_of(s)); it != lost.end()) {
                    lost.erase(it);
                    continue;
                }
                wire.emplace_back(net_.now() + kRtt, s);
            }
        };
        put(peer_.take());
        for (int i = 0; i < 20'000 && peer_.ack != start_ + total; ++i) {
            const Instant next = std::min(wire.empty() ? Instant::never() : wire.front().first,
                                          net_next_deadline(net_));
            if (next > net_.now()) put(peer_.wait(next - net_.now()));
            if (wire.empty() || wire.front().first > net_.now()) continue;
            const Seen s = wire.front().second;
            wire.pop_front();
            put(arrive(s, sack));
        }
        EXPECT_EQ(peer_.ack, start_ + total);
    }
    /// Of a burst, neighbours arrive in each other's place: how many are sent again for it.
    std::uint64_t sent_again_when_reordered() {
        start_ = peer_.ack;
        write(*so_, std::string(20 * kMss, 'x'));
        Answers a = peer_.take();
        EXPECT_GE(a.size(), 10U);
        a.resize(std::max<std::size_t>(a.size(), 10));
        world_.advance(kRtt * 3 / 2);
        std::swap(a[2], a[3]);
        std::swap(a[6], a[7]);
        const std::uint64_t before = count(TcpCount::retransmits);
        for (const Seen& s : a) arrive(s);
        return count(TcpCount::retransmits) - before;
    }
    /// The connection is over; another client comes.
    void next_peer(std::uint16_t port) {
        tcp_usr_abort(net_, *so_);
        tcp_usr_close(net_, listener());
        listener_ = {};
        peer_ = Peer{world_, port, kPort};
        held_.clear();
    }
};

TEST_F(Recover, one_to_ten_losses_in_a_window_are_repaired_without_a_timeout) {
    for (std::uint32_t losses = 1; losses <= 10; ++losses) {
        open();
        transfer(50 * kMss, {});  // the window is open now
        const std::uint32_t timeouts = static_cast<std::uint32_t>(count(TcpCount::timeouts));
        std::multiset<std::uint32_t> lost;
        for (std::uint32_t i = 0; i < losses; ++i) lost.insert(3 + 2 * i);
        start_ = peer_.ack;
        const std::uint64_t again = count(TcpCount::retransmits);
        transfer(40 * kMss, lost);
        EXPECT_EQ(count(TcpCount::timeouts), timeouts) << losses;
        EXPECT_EQ(count(TcpCount::retransmits) - again, losses) << "and nothing twice";
        next_peer(static_cast<std::uint16_t>(5001 + losses));
    }
}

TEST_F(Recover, a_run_of_losses_is_repaired_without_a_timeout) {
    open();
    transfer(50 * kMss, {});
    start_ = peer_.ack;
    transfer(40 * kMss, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
    EXPECT_EQ(count(TcpCount::timeouts), 0U);
    EXPECT_EQ(count(TcpCount::fast_retransmits), 1U) << "one reduction";
}

TEST_F(Recover, a_retransmission_that_is_lost_too_is_seen_by_its_time) {
    open();
    transfer(50 * kMss, {});
    start_ = peer_.ack;
    transfer(80 * kMss, {5, 5});
    EXPECT_EQ(count(TcpCount::timeouts), 0U) << "RFC 8985: RACK";
}

TEST_F(Recover, a_loss_at_the_tail_is_repaired_by_a_probe) {
    for (const std::uint32_t tail : {1U, 2U, 3U}) {
        open();
        transfer(50 * kMss, {});
        start_ = peer_.ack;
        std::multiset<std::uint32_t> lost;
        for (std::uint32_t i = 0; i < tail; ++i) lost.insert(19 - i);
        const std::uint64_t probes = count(TcpCount::tail_probes);
        transfer(20 * kMss, lost);
        EXPECT_EQ(count(TcpCount::timeouts), 0U) << tail;
        EXPECT_EQ(count(TcpCount::tail_probes), probes + 1) << tail;
        next_peer(static_cast<std::uint16_t>(6000 + tail));
    }
}

TEST_F(Recover, reordering_by_a_little_sends_nothing_again) {
    open();
    transfer(50 * kMss, {});
    EXPECT_EQ(sent_again_when_reordered(), 0U);
    EXPECT_EQ(tp().recovery.phase, Recovery::Phase::open);
}

TEST_F(Recover, nor_after_a_silence_of_half_a_turn_of_the_clock) {
    open();
    transfer(50 * kMss, {});
    world_.advance(Duration::from_s(40 * 60));
    introduce_peer(world_);
    EXPECT_EQ(sent_again_when_reordered(), 0U);
}

TEST_F(Recover, nor_after_a_timeout_that_was_needless_at_whatever_time) {
    for (int quarter = 0; quarter < 4; ++quarter) {
        world_.advance(Duration::from_us(std::int64_t{1} << 30U));
        introduce_peer(world_);
        open();
        transfer(20 * kMss, {});
        write(*so_, std::string(5 * kMss, 'x'));
        const std::uint64_t timeouts = count(TcpCount::timeouts);
        world_.advance(tp().rtt.rto() * 3 / 2);
        EXPECT_EQ(count(TcpCount::timeouts), timeouts + 1);
        peer_.acknowledge(tp().snd_max.raw());
        start_ = peer_.ack;
        transfer(60 * kMss, {});
        EXPECT_EQ(sent_again_when_reordered(), 0U) << quarter;
        next_peer(static_cast<std::uint16_t>(7000 + quarter));
    }
}

TEST_F(Recover, what_is_missing_after_the_reordering_time_is_sent_again) {
    open();
    transfer(50 * kMss, {});
    start_ = peer_.ack;
    write(*so_, std::string(2 * kMss, 'x'));
    const Answers a = peer_.take();
    ASSERT_EQ(a.size(), 2U);
    world_.advance(kRtt);
    EXPECT_TRUE(arrive(a[1]).empty()) << "one block beyond a hole may be reordering";
    const Answers b = peer_.wait(kRtt / 4 + Duration::from_ms(1));
    ASSERT_EQ(b.size(), 1U);
    EXPECT_EQ(b[0].seq, a[0].seq);
    EXPECT_EQ(count(TcpCount::reorder_timeouts), 1U);
}

TEST_F(Recover, the_window_comes_down_smoothly) {
    open();
    transfer(20 * kMss, {});
    start_ = peer_.ack;
    write(*so_, std::string(44 * kMss, 'x'));
    const Answers first = peer_.take();
    const std::uint32_t before = tp().congestion.window();
    world_.advance(kRtt);
    std::size_t out = 0;
    std::size_t acks = 0;
    std::size_t longest = 0;
    for (std::size_t i = 1; i < first.size(); ++i) {
        const std::size_t n = arrive(first[i]).size();
        ++acks;
        out += n;
        longest = std::max(longest, n);
    }
    EXPECT_LE(longest, 4U) << "RFC 6937: no burst";
    EXPECT_LE(out, acks * 8 / 10 + 2) << "about seven for ten delivered";
    EXPECT_GE(out, acks * 6 / 10);
    peer_.acknowledge(tp().snd_max.raw());
    EXPECT_LE(tp().congestion.window(), before * 71 / 100);
}

TEST_F(Recover, blocks_that_make_no_sense_are_ignored) {
    open();
    write(*so_, std::string(10 * kMss, 'x'));
    peer_.take();
    const std::uint32_t una = tp().snd_una.raw();
    const std::uint32_t nxt = tp().snd_nxt.raw();
    const std::vector<std::pair<std::uint32_t, std::uint32_t>> bad{
        {una - 10, una + 10},        {nxt - 10, nxt + 10}, {nxt, nxt + 1},
        {una + 20, una + 10},        {una + 5, una + 5},   {una, una - 1},
        {una + 1, una + (1U << 31U)}};
    for (const auto& b : bad) {
        peer_.options = sack_option({b, b});
        peer_.send(kAck);
        EXPECT_EQ(tp().sent.sacked(), 0U) << b.first - una << " " << b.second - una;
    }
    peer_.options = {};
    EXPECT_GT(count(TcpCount::sack_ignored), 0U);
}

TEST_F(Recover, a_peer_that_takes_its_word_back_gets_everything_again_after_a_timeout) {
    open();
    write(*so_, std::string(5 * kMss, 'x'));
    ASSERT_EQ(peer_.take().size(), 5U);
    peer_.options = sack_option({{start_ + kMss, start_ + 2 * kMss}});
    peer_.send(kAck);
    peer_.options = {};
    std::set<std::uint32_t> again;
    for (int i = 0; i < 50 && again.size() < 5; ++i) {
        for (const Seen& s : peer_.wait(Duration::from_ms(200))) {
            again.insert(number_of(s));
            if (s.seq == peer_.ack) peer_.ack += kMss;
        }
        for (const Seen& s : peer_.send(kAck)) again.insert(number_of(s));
    }
    EXPECT_EQ(again.size(), 5U) << "RFC 2018 §8";
}

TEST_F(Recover, duplicates_told_make_rack_more_patient) {
    open();
    transfer(20 * kMss, {});
    start_ = peer_.ack;
    write(*so_, std::string(10 * kMss, 'x'));
    peer_.take();
    const std::uint32_t before = tp().recovery.rack.reorder_window_us(false, 1'000'000);
    peer_.options = sack_option({{peer_.ack - kMss, peer_.ack}});
    peer_.send(kAck);
    peer_.options = {};
    EXPECT_EQ(count(TcpCount::duplicates_told), 1U);
    EXPECT_GT(tp().recovery.rack.reorder_window_us(false, 1'000'000), before);
}

TEST_F(Recover, without_sack_several_losses_take_a_round_trip_each_and_no_timeout) {
    open(false);
    transfer(50 * kMss, {}, false);
    start_ = peer_.ack;
    transfer(40 * kMss, {5, 9, 12}, false);
    EXPECT_EQ(count(TcpCount::timeouts), 0U) << "RFC 6582";
    EXPECT_EQ(count(TcpCount::fast_retransmits), 1U);
}

TEST_F(Recover, without_sack_no_probe_is_sent) {
    open(false);
    transfer(20 * kMss, {19}, false);
    EXPECT_EQ(count(TcpCount::tail_probes), 0U);
    EXPECT_EQ(count(TcpCount::timeouts), 1U);
}

TEST_F(Recover, a_probe_that_was_needless_costs_nothing) {
    open();
    transfer(20 * kMss, {});
    start_ = peer_.ack;
    write(*so_, std::string(2 * kMss, 'x'));
    const Answers a = peer_.take();
    const std::uint32_t window = tp().congestion.window();
    world_.advance(kRtt * 3);
    EXPECT_EQ(count(TcpCount::tail_probes), 1U);
    peer_.acknowledge(start_ + 2 * kMss);
    peer_.options = sack_option({{start_ + kMss, start_ + 2 * kMss}});
    peer_.send(kAck);  // D-SACK: both copies came
    peer_.options = {};
    write(*so_, std::string(kMss, 'x'));
    peer_.acknowledge(start_ + 3 * kMss);
    EXPECT_GE(tp().congestion.window(), window);
    EXPECT_EQ(count(TcpCount::tail_repairs), 0U);
}

}  // namespace recovery_test
}  // namespace kyu::net
