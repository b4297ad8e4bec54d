// Result, Be16/Be32, time, IntrusiveList, Ring, Pool and EventRing.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/endian.hpp"
#include "base/event_ring.hpp"
#include "base/intrusive_list.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "base/ring.hpp"
#include "base/time.hpp"

namespace kyu {
namespace base_test {

enum class Failure : std::uint8_t { small, large };

struct Counted {
    static inline int alive = 0;
    int value;
    explicit Counted(int v) : value(v) { ++alive; }
    Counted(const Counted& other) : value(other.value) { ++alive; }
    Counted& operator=(const Counted&) = default;
    ~Counted() { --alive; }
};

TEST(Result, holds_a_value_or_a_reason) {
    const Result<int, Failure> good{7};
    ASSERT_TRUE(good);
    EXPECT_EQ(*good, 7);
    const Result<int, Failure> bad{Failure::large};
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), Failure::large);
    const Status<Failure> done{ok};
    EXPECT_TRUE(done);
}

TEST(Result, moves_what_cannot_be_copied_and_destroys_once) {
    Result<std::unique_ptr<Counted>, Failure> one{std::make_unique<Counted>(5)};
    Result<std::unique_ptr<Counted>, Failure> two{Failure::small};
    two = std::move(one);
    EXPECT_EQ((*two)->value, 5);
    const std::unique_ptr<Counted> out = std::move(two).value();
    EXPECT_EQ(out->value, 5);
    EXPECT_EQ(Counted::alive, 1);
}

TEST(ResultDeathTest, asking_the_wrong_question_is_a_panic) {
    using Number = Result<int, Failure>;
    EXPECT_DEATH(static_cast<void>(Number(Failure::small).value()),
                 "CHECK\\(has_value_\\) result.hpp:");
    EXPECT_DEATH(static_cast<void>(Number(1).error()), "CHECK\\(!has_value_\\)");
}

TEST(Endian, lies_in_network_order_at_any_address) {
    std::array<std::uint8_t, 7> wire{0, 0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF};
    Be16 two;
    Be32 four;
    std::memcpy(&two, wire.data() + 1, sizeof two);
    std::memcpy(&four, wire.data() + 3, sizeof four);
    EXPECT_EQ(two.host(), 0x1234);
    EXPECT_EQ(four.host(), 0xDEADBEEFU);
    EXPECT_EQ(Be32{0xDEADBEEFU}, four);
}

TEST(Time, never_is_later_than_everything_and_stays_so) {
    using namespace time_literals;
    EXPECT_GT(Instant::never(), Instant::from_us(1) + 1'000'000'000_s);
    EXPECT_EQ(Instant::never() - 1_s, Instant::never());
    EXPECT_EQ((Instant::from_us(5000) - Instant::from_us(2000)).us(), 3000);
    EXPECT_EQ((10_ms * 3 / 2).ms(), 15);
    EXPECT_EQ((1500_us).ms(), 1);
}

struct LeftTag;
struct RightTag;
struct Item : ListLink<LeftTag>, ListLink<RightTag> {
    char name;
    explicit Item(char n) : name(n) {}
};

template <typename Tag>
std::string names(IntrusiveList<Item, Tag>& list) {
    std::string text;
    for (const Item& item : list) text += item.name;
    return text;
}

TEST(IntrusiveList, keeps_order_and_an_item_may_be_in_two_lists) {
    Item a{'a'};
    Item b{'b'};
    Item c{'c'};
    IntrusiveList<Item, LeftTag> left;
    IntrusiveList<Item, RightTag> right;
    left.push_back(b);
    left.push_front(a);
    left.push_back(c);
    right.push_back(b);
    EXPECT_EQ(names(left), "abc");
    EXPECT_EQ(left.previous(b), &a);
    EXPECT_EQ(left.previous(a), nullptr);
    EXPECT_EQ(left.next(c), nullptr);
    left.remove(b);
    EXPECT_EQ(names(left), "ac");
    EXPECT_EQ(names(right), "b");
    left.insert_before(c, b);
    EXPECT_EQ(names(left), "abc");
    EXPECT_EQ(left.pop_front(), &a);
    EXPECT_EQ(left.back(), &c);
    while (left.pop_front() != nullptr) {
    }
    right.remove(b);
    EXPECT_TRUE(left.empty() && right.empty());
}

void put_in_twice() {
    Item a{'a'};
    IntrusiveList<Item, LeftTag> list;
    list.push_back(a);
    list.push_back(a);
}

void die_in_a_list() {
    IntrusiveList<Item, LeftTag> list;
    Item a{'a'};
    list.push_back(a);
}

TEST(IntrusiveListDeathTest, misuse_is_found) {
    EXPECT_DEATH(put_in_twice(), "CHECK\\(!link.linked\\(\\)\\)");
    EXPECT_DEATH(die_in_a_list(), "CHECK\\(!linked\\(\\)\\)");
}

TEST(Ring, refuses_when_full_and_when_empty) {
    Ring<int, 4> ring;
    int out = 0;
    EXPECT_FALSE(ring.pop(out));
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(round * 10 + i));
        EXPECT_FALSE(ring.push(99));
        EXPECT_TRUE(ring.full());
        for (int i = 0; i < 4; ++i) {
            EXPECT_TRUE(ring.pop(out));
            EXPECT_EQ(out, round * 10 + i);
        }
        EXPECT_TRUE(ring.empty());
    }
}

TEST(Pool, lends_counts_and_runs_out_in_an_ordinary_way) {
    Counted::alive = 0;
    Pool<Counted, 2> pool;
    Counted* one = pool.allocate(1);
    Counted* two = pool.allocate(2);
    ASSERT_TRUE(one != nullptr && two != nullptr);
    EXPECT_EQ(pool.allocate(3), nullptr);
    EXPECT_EQ(pool.stats().failed, 1U);
    EXPECT_EQ(pool.at(pool.index_of(*two)), two);
    const std::uint32_t index = pool.index_of(*one);
    pool.release(*one);
    EXPECT_EQ(pool.at(index), nullptr);
    EXPECT_EQ(pool.at(1000), nullptr);
    EXPECT_EQ(pool.stats().used, 1U);
    EXPECT_EQ(pool.stats().high, 2U);
    one = pool.allocate(4);
    EXPECT_EQ(one->value, 4);
    pool.release(*one);
    pool.release(*two);
    EXPECT_EQ(Counted::alive, 0);
}

TEST(PoolDeathTest, giving_back_twice_or_what_is_foreign_is_a_panic) {
    PlainPool<int, 2> pool;
    int* one = pool.allocate(1);
    pool.release(*one);
    EXPECT_DEATH(pool.release(*one), "CHECK\\(slot.lent\\)");
    int foreign = 0;
    EXPECT_DEATH(pool.release(foreign), "CHECK\\(");
}

TEST(EventRing, keeps_the_newest) {
    EventRing<4> ring;
    EXPECT_EQ(ring.size(), 0U);
    for (std::uint32_t i = 0; i < 6; ++i) ring.record(Instant::from_us(i), "tick", i);
    ASSERT_EQ(ring.size(), 4U);
    EXPECT_EQ(ring.oldest(0).a, 2U);
    EXPECT_EQ(ring.oldest(3).a, 5U);
}

}  // namespace base_test
}  // namespace kyu
