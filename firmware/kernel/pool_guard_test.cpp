// Red zones and poison: each kind of damage is found, named, and told from its neighbours.
#include "base/pool_guard.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/free_list.hpp"
#include "base/pool.hpp"
#include "base/watched_array.hpp"
#include "kernel/kernel.hpp"
#include "kernel/panic.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace pool_guard_test {

struct alignas(8) Block {
    std::array<std::uint32_t, 10> words{};
};
using Blocks = GuardedPool<Block, 4>;

/// The byte at `offset` of an object, which may lie outside of it.
volatile std::byte& byte_at(Block& block, std::ptrdiff_t offset) {
    auto* at = reinterpret_cast<std::byte*>(&block);
    __asm__ volatile("" : "+r"(at));  // the compiler must not see that this is wrong
    return at[offset];
}

PoolDamage only_damage(const PoolGuard& guard) {
    std::uint32_t next = 0;
    const auto damage = guard.find_damage(next, guard.size());
    EXPECT_TRUE(damage);
    std::uint32_t rest = next;
    EXPECT_FALSE(guard.find_damage(rest, guard.size())) << "one write damages one object";
    return damage.value_or(PoolDamage{});
}

TEST(PoolGuard, finds_nothing_wrong_with_a_pool_that_is_used_as_it_should) {
    Blocks pool{"blocks"};
    std::vector<Block*> lent;
    for (int round = 0; round < 3; ++round) {
        while (Block* block = pool.allocate()) {
            block->words.fill(0xFFFF'FFFF);  // every byte of it is its holder's
            lent.push_back(block);
        }
        EXPECT_EQ(pool.stats().used, 4U);
        for (Block* block : lent) pool.release(*block);
        lent.clear();
        std::uint32_t next = 0;
        EXPECT_FALSE(pool.guard()->find_damage(next, 100));
        EXPECT_EQ(next, 4U);
    }
}

TEST(PoolGuard, lends_the_same_objects_in_the_same_order_as_a_plain_pool) {
    Blocks guarded;
    PlainPool<Block, 4> plain;
    std::vector<std::pair<Block*, Block*>> lent;
    for (const int step : {1, 1, -1, 1, 1, -2, -1, 1, 1, 1, 1, 1}) {
        if (step > 0) {
            Block* one = guarded.allocate();
            Block* other = plain.allocate();
            ASSERT_EQ(one == nullptr, other == nullptr);
            if (one == nullptr) continue;
            EXPECT_EQ(guarded.index_of(*one), plain.index_of(*other));
            lent.emplace_back(one, other);
        } else {
            const auto at = lent.end() + step;
            guarded.release(*at->first);
            plain.release(*at->second);
            lent.erase(at);
        }
        EXPECT_EQ(guarded.stats().used, plain.stats().used);
    }
    EXPECT_EQ(guarded.stats().failed, plain.stats().failed);
}

TEST(PoolGuard, tells_an_overrun_from_an_underrun_of_the_neighbour) {
    Blocks pool{"blocks"};
    Block* first = pool.allocate();
    Block* second = pool.allocate();
    byte_at(*first, sizeof(Block) + kPoolZoneBytes - 1) = std::byte{0x41};
    const PoolDamage over = only_damage(*pool.guard());
    EXPECT_EQ(over.fault, PoolFault::overrun);
    EXPECT_EQ(over.index, 0U);
    EXPECT_EQ(over.offset, static_cast<std::ptrdiff_t>(sizeof(Block) + kPoolZoneBytes - 1));
    EXPECT_EQ(over.found[0], std::byte{0x41});
    EXPECT_EQ(over.found_bytes, 1U) << "what lies behind the zone is another object's";
    byte_at(*first, sizeof(Block) + kPoolZoneBytes - 1) = kPoolZone;

    byte_at(*second, -1) = std::byte{0x42};
    const PoolDamage under = only_damage(*pool.guard());
    EXPECT_EQ(under.fault, PoolFault::underrun);
    EXPECT_EQ(under.index, 1U);
    EXPECT_EQ(under.offset, -1);
}

TEST(PoolGuard, sees_every_byte_of_both_zones_and_of_a_free_object) {
    Blocks pool{"blocks"};
    Block* block = pool.allocate();
    pool.release(*block);
    const auto zone = static_cast<std::ptrdiff_t>(kPoolZoneBytes);
    for (std::ptrdiff_t at = -zone; at < static_cast<std::ptrdiff_t>(sizeof(Block)) + zone; ++at) {
        const std::byte before = byte_at(*block, at);
        byte_at(*block, at) = before ^ std::byte{1};
        EXPECT_EQ(only_damage(*pool.guard()).offset, at);
        byte_at(*block, at) = before;
    }
}

TEST(PoolGuard, remembers_who_took_and_who_freed) {
    Blocks pool{"blocks"};
    Block* block = pool.allocate();
    byte_at(*block, -1) = std::byte{0};
    EXPECT_NE(only_damage(*pool.guard()).taken_by, 0U);
    EXPECT_EQ(only_damage(*pool.guard()).freed_by, 0U);
    byte_at(*block, -1) = kPoolZone;
    pool.release(*block);
    byte_at(*block, 0) = std::byte{0};
    EXPECT_NE(only_damage(*pool.guard()).freed_by, 0U);
}

TEST(PoolGuard, looks_a_few_objects_at_a_time) {
    Blocks pool{"blocks"};
    for (int i = 0; i < 3; ++i) static_cast<void>(pool.allocate());
    byte_at(*pool.at(2), -1) = std::byte{0};
    std::uint32_t next = 0;
    EXPECT_FALSE(pool.guard()->find_damage(next, 2));
    EXPECT_EQ(next, 2U);
    EXPECT_TRUE(pool.guard()->find_damage(next, 2));
    EXPECT_EQ(next, 3U);
}

// ---- Each kind stops the machine ------------------------------------------------------------

/// The reason of the panic that `misuse` ends in, on a machine of its own.
template <typename Misuse>
std::string reason_of(Misuse misuse) {
    host::TestMachine machine;
    machine.thread("culprit", 10, [&](ThreadContext& self) { misuse(self); });
    EXPECT_EQ(machine.run(), host::Stop::crashed);
    EXPECT_EQ(machine.machine().crash().kind, PanicKind::check);
    return machine.machine().crash().reason;
}

TEST(PoolGuardPanic, an_overrun_is_found_when_the_object_comes_back) {
    Blocks pool{"blocks"};
    const std::string reason = reason_of([&](ThreadContext&) {
        Block* block = pool.allocate();
        byte_at(*block, sizeof(Block)) = std::byte{0x41};
        pool.release(*block);
    });
    EXPECT_EQ(reason.rfind("pool blocks, object 0 at 0x", 0), 0U) << reason;
    EXPECT_NE(reason.find(": written beyond its end, offset 40 at 0x"), std::string::npos)
        << reason;
    EXPECT_NE(reason.find(" is 41 a7 a7 a7 a7 a7 a7 a7, taken by 0x"), std::string::npos) << reason;
}

TEST(PoolGuardPanic, an_underrun_is_found_when_the_object_comes_back) {
    Blocks pool{"blocks"};
    const std::string reason = reason_of([&](ThreadContext&) {
        Block* block = pool.allocate();
        byte_at(*block, -4) = std::byte{0x41};
        pool.release(*block);
    });
    EXPECT_NE(reason.find("written before its beginning, offset -4 at 0x"), std::string::npos);
}

TEST(PoolGuardPanic, a_write_after_free_is_found_when_the_object_is_lent_again) {
    Blocks pool{"blocks"};
    const std::string reason = reason_of([&](ThreadContext&) {
        Block* block = pool.allocate();
        pool.release(*block);
        block->words[3] = 7;
        __asm__ volatile("" ::: "memory");
        static_cast<void>(pool.allocate());
    });
    EXPECT_NE(reason.find(": written after it was freed, offset 12 at 0x"), std::string::npos);
    EXPECT_NE(reason.find(" is 07 00 00 00 d5 d5 d5 d5, taken by 0x"), std::string::npos) << reason;
    EXPECT_NE(reason.find(", freed by 0x"), std::string::npos) << reason;
}

TEST(PoolGuardPanic, a_second_release_names_the_first) {
    Blocks pool{"blocks"};
    const std::string reason = reason_of([&](ThreadContext&) {
        Block* block = pool.allocate();
        pool.release(*block);
        pool.release(*block);
    });
    EXPECT_NE(reason.find(": freed twice, taken by 0x"), std::string::npos) << reason;
    EXPECT_NE(reason.find(", freed by 0x"), std::string::npos) << reason;
    EXPECT_NE(reason.find(", and again by 0x"), std::string::npos) << reason;
}

TEST(PoolGuardPanic, a_pointer_that_is_no_object_is_refused) {
    Blocks pool{"blocks"};
    Block foreign;
    EXPECT_NE(reason_of([&](ThreadContext&) {
                  pool.release(foreign);
              }).find(": freed, but no object of this pool, freed by 0x"),
              std::string::npos);
    const std::string inside = reason_of([&](ThreadContext&) {
        Block* block = pool.allocate();
        pool.release(reinterpret_cast<Block&>(block->words[2]));
    });
    EXPECT_NE(inside.find("no object of this pool"), std::string::npos) << "inside is not at";
}

TEST(PoolGuardPanic, the_walker_finds_what_nobody_has_touched_since) {
    Blocks pool{"blocks"};
    PoolEntry entry{"blocks", pool.stats(), pool.guard()};
    const auto dangling = [&] {
        Block* block = pool.allocate();
        pool.release(*block);
        block->words[0] = 1;
        __asm__ volatile("" ::: "memory");
    };
    EXPECT_NE(reason_of([&](ThreadContext& self) {
                  self.kernel().pools().add(entry);
                  self.kernel().pools().check_all();
                  dangling();
                  self.kernel().pools().check_all();
              }).find("pool blocks, object 0 "),
              std::string::npos);
}

TEST(PoolGuardPanic, a_round_of_looks_reaches_every_object) {
    Blocks pool{"blocks"};
    PoolEntry entry{"blocks", pool.stats(), pool.guard()};
    unsigned looks = 0;
    const std::string reason = reason_of([&](ThreadContext& self) {
        self.kernel().pools().add(entry);
        for (int i = 0; i < 4; ++i) static_cast<void>(pool.allocate());
        byte_at(*pool.at(3), -1) = std::byte{0};
        for (; looks < 10; ++looks) self.kernel().pools().check_some(1);
    });
    EXPECT_NE(reason.find("object 3 "), std::string::npos) << reason;
    EXPECT_EQ(looks, 3U);
}

TEST(PoolGuardPanic, any_crash_record_tells_what_else_is_damaged) {
    Blocks pool{"blocks"};
    PoolEntry entry{"blocks", pool.stats(), pool.guard()};
    host::TestMachine machine;
    machine.kernel().pools().add(entry);
    machine.thread("culprit", 10, [&](ThreadContext&) {
        byte_at(*pool.allocate(), sizeof(Block)) = std::byte{1};
        byte_at(*pool.allocate(), -1) = std::byte{2};
        panic("something else");
    });
    EXPECT_EQ(machine.run(), host::Stop::crashed);
    const std::string& text = machine.text();
    EXPECT_EQ(machine.machine().crash().reason, "something else");
    EXPECT_NE(text.find("@kyu crash-damage pool=blocks object=0 what=overrun addr=0x"),
              std::string::npos);
    EXPECT_NE(text.find("@kyu crash-damage pool=blocks object=1 what=underrun addr=0x"),
              std::string::npos);
}

TEST(PoolGuardDeathTest, outside_of_a_machine_the_reason_is_told_too) {
    Blocks pool{"blocks"};
    Block* block = pool.allocate();
    pool.release(*block);
    EXPECT_DEATH(pool.release(*block), "PANIC: pool blocks, object 0 at 0x.*: freed twice");
}

// ---- Memory that somebody else places, and objects that live on ------------------------------

TEST(GuardedList, watches_over_memory_that_it_does_not_own) {
    auto memory = std::make_unique<GuardedMemory<Block, 3>>();
    GuardedList<Block> list{"blocks", *memory};
    Block& one = list.take();
    Block& two = list.take();
    EXPECT_EQ(list.index_of(one), 0U);
    EXPECT_EQ(list.index_of(two), 1U);
    list.give_back(one);
    EXPECT_EQ(&list.take(), &one) << "the last that came back goes first";
    list.give_back(two);
    two.words[9] = 0;
    __asm__ volatile("" ::: "memory");
    EXPECT_EQ(only_damage(*list.guard()).offset, 36);
    const std::string reason = reason_of([&](ThreadContext&) { static_cast<void>(list.take()); });
    EXPECT_NE(reason.find("object 1 "), std::string::npos) << reason;
}

TEST(PlainList, lends_in_the_order_of_a_guarded_one) {
    auto memory = std::make_unique<PlainMemory<Block, 3>>();
    PlainList<Block> list{"blocks", *memory};
    Block& one = list.take();
    Block& two = list.take();
    EXPECT_EQ(list.index_of(one), 0U);
    EXPECT_EQ(list.index_of(two), 1U);
    list.give_back(one);
    EXPECT_EQ(&list.take(), &one);
}

TEST(GuardedArray, watches_the_zones_and_leaves_free_objects_alone) {
    GuardedArray<Block, 2> blocks{"blocks"};
    blocks[1].words[0] = 99;
    EXPECT_EQ(blocks[0].words[9], 0U) << "constructed as ever";
    blocks.taken(1, 0x1234);
    blocks.given_back(1, 0x5678);
    blocks[1].words[0] = 100;
    std::uint32_t next = 0;
    EXPECT_FALSE(blocks.guard()->find_damage(next, 2));
    byte_at(blocks[1], sizeof(Block)) = std::byte{0};
    EXPECT_EQ(only_damage(*blocks.guard()).freed_by, 0x5678U);
    EXPECT_NE(reason_of([&](ThreadContext&) { blocks.taken(1, 0x1234); }).find("beyond its end"),
              std::string::npos);
}

}  // namespace pool_guard_test
}  // namespace kyu
