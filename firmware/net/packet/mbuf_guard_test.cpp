// Packet buffers with red zones and poison. Only in builds with KYU_DEBUG_POOLS.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "kernel/panic.hpp"
#include "net/packet/mbuf.hpp"
#include "port/host/test_machine.hpp"

namespace kyu::net {
namespace mbuf_guard_test {

static_assert(kDebugPools);

class MbufGuard : public testing::Test {
protected:
    std::unique_ptr<MbufMemory<8, 4>> memory_ = std::make_unique<MbufMemory<8, 4>>();
    MbufPool pool_{*memory_};

    template <typename Misuse>
    std::string reason_of(Misuse misuse) {
        host::TestMachine machine;
        machine.thread("culprit", 10, [&](ThreadContext&) { misuse(); });
        EXPECT_EQ(machine.run(), host::Stop::crashed);
        return machine.machine().crash().reason;
    }
    /// A pointer whose origin the compiler has forgotten.
    static std::byte* loose(const std::byte* at) {
        auto* it = const_cast<std::byte*>(at);
        __asm__ volatile("" : "+r"(it)::"memory");
        return it;
    }
};

TEST_F(MbufGuard, a_cluster_is_whole_cache_lines_away_from_its_zones) {
    const Mbuf one = pool_.allocate_cluster();
    const Mbuf two = pool_.allocate_cluster();
    for (const Mbuf* m : {&one, &two}) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(m->front().data()) % 64, 0U);
        EXPECT_EQ(m->front().size(), kClusterBytes);
    }
    EXPECT_EQ(two.front().data() - one.front().data(), 2048 + 2 * 64);
}

TEST_F(MbufGuard, a_byte_beyond_a_cluster_is_found_when_it_is_freed) {
    const std::string reason = reason_of([&] {
        const Mbuf packet = pool_.allocate_cluster();
        *loose(packet.front().data() + kClusterBytes) = std::byte{0x41};
    });
    EXPECT_EQ(reason.rfind("pool clusters, object 0 at 0x", 0), 0U) << reason;
    EXPECT_NE(reason.find("written beyond its end, offset 2048 at"), std::string::npos) << reason;
}

TEST_F(MbufGuard, a_byte_beyond_a_small_packet_is_found_when_it_is_freed) {
    const std::string reason = reason_of([&] {
        const Mbuf packet = pool_.allocate(10);
        *loose(packet.front().data() + (Segment::kInside - kHeaderRoom)) = std::byte{0x41};
    });
    EXPECT_EQ(reason.rfind("pool mbufs, object 0 at 0x", 0), 0U) << reason;
    EXPECT_NE(reason.find("offset 256 at"), std::string::npos) << reason;
}

TEST_F(MbufGuard, a_write_through_a_span_that_outlived_its_packet_is_found) {
    for (const std::size_t size : {100U, 1000U}) {
        const std::string reason = reason_of([&] {
            Mbuf packet = pool_.allocate(size);
            std::byte* dangling = loose(packet.front().data());
            packet = Mbuf{};
            dangling[5] = std::byte{7};
            packet = pool_.allocate(size);
        });
        EXPECT_NE(reason.find("written after it was freed"), std::string::npos) << reason;
    }
}

TEST_F(MbufGuard, a_share_keeps_its_cluster_from_being_poisoned) {
    Mbuf data = pool_.allocate_cluster();
    std::fill(data.writable_front().begin(), data.writable_front().end(), std::byte{9});
    const Mbuf view = data.share(100, 100);
    data = Mbuf{};
    for (const std::byte b : view.front()) EXPECT_EQ(b, std::byte{9});
}

[[gnu::noinline]] Mbuf ask(MbufPool& pool) { return pool.copy_in(std::array<std::byte, 3000>{}); }

TEST_F(MbufGuard, the_marks_name_who_asked_and_not_the_pool_itself) {
    const Mbuf packet = ask(pool_);
    for (const PoolGuard* guard : {pool_.segment_guard(), pool_.cluster_guard()}) {
        const std::byte* place = guard == pool_.segment_guard()
                                     ? reinterpret_cast<const std::byte*>(packet.head())
                                     : packet.front().data();
        *loose(place - 1) = std::byte{0};
        std::uint32_t next = 0;
        const auto damage = guard->find_damage(next, 8);
        *loose(place - 1) = kPoolZone;
        ASSERT_TRUE(damage);
        const auto begin = reinterpret_cast<std::uintptr_t>(&ask);
        EXPECT_GT(damage->taken_by, begin);
        EXPECT_LT(damage->taken_by, begin + 4096) << "inside of ask()";
    }
}

}  // namespace mbuf_guard_test
}  // namespace kyu::net
