// Mbuf: splits, shares, prepends; what is shared is never written; nothing leaks.
#include "net/packet/mbuf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "net/frames_test_support.hpp"

namespace kyu::net {
namespace mbuf_test {

using test::Bytes;
using test::flatten;
using test::joined;
using test::pattern;
using test::slice;

using SmallMemory = MbufMemory<64, 32>;

class MbufTest : public ::testing::Test {
protected:
    std::unique_ptr<SmallMemory> memory_{std::make_unique<SmallMemory>()};
    MbufPool pool_{*memory_};

    /// Pool baseline after every test: nothing leaks, whatever happened.
    void TearDown() override {
        EXPECT_EQ(pool_.segment_stats().used, 0U);
        EXPECT_EQ(pool_.cluster_stats().used, 0U);
    }
    Mbuf small(const Bytes& b) {
        Mbuf m = pool_.allocate(b.size());
        std::memcpy(m.writable_front().data(), b.data(), b.size());
        return m;
    }
    Mbuf in_cluster(const Bytes& b) {
        Mbuf m = pool_.allocate_cluster();
        m.trim_back(m.size() - b.size());
        std::memcpy(m.writable_front().data(), b.data(), b.size());
        return m;
    }
    /// 60 bytes in three pieces of three kinds: inside, cluster, static.
    Mbuf mixed() {
        static const Bytes whole = pattern(60);
        Mbuf m = small(slice(whole, 0, 20));
        m.append(in_cluster(slice(whole, 20, 20)));
        m.append(pool_.refer_to(test::as_bytes(whole).subspan(40)));
        return m;
    }
};

TEST_F(MbufTest, AllocatedPacketHasRoomForEveryHeaderInFront) {
    for (const std::size_t size : {0U, 1U, 40U, 104U, 105U, 1460U, 1936U}) {
        Mbuf m = pool_.allocate(size);
        ASSERT_TRUE(m);
        EXPECT_EQ(m.size(), size);
        for (const std::size_t header : {60U, 20U, 14U})
            ASSERT_EQ(m.prepend(header).size(), header);
        EXPECT_EQ(m.segments(), 1U) << "no segment was needed for headers at size " << size;
        EXPECT_EQ(m.size(), size + 94);
    }
}

TEST_F(MbufTest, TakeFrontCutsAtEveryByte) {
    for (std::size_t cut = 0; cut <= 60; ++cut) {
        Mbuf rest = mixed();
        Mbuf front = rest.take_front(cut);
        EXPECT_EQ(flatten(front), pattern(cut)) << cut;
        EXPECT_EQ(flatten(rest), slice(pattern(60), cut)) << cut;
        EXPECT_EQ(static_cast<bool>(front), cut > 0);
        EXPECT_EQ(static_cast<bool>(rest), cut < 60);
        front.append(std::move(rest));
        EXPECT_EQ(flatten(front), pattern(60)) << "joined again after " << cut;
    }
}

TEST_F(MbufTest, TrimDropsAnyNumberOfBytesAtBothEnds) {
    for (std::size_t front = 0; front <= 60; ++front) {
        for (std::size_t back = 0; front + back <= 60; back += 7) {
            Mbuf m = mixed();
            m.trim_front(front);
            m.trim_back(back);
            EXPECT_EQ(flatten(m), slice(pattern(60), front, 60 - front - back));
        }
    }
}

TEST_F(MbufTest, TrimmingTheLastByteFreesThePacket) {
    Mbuf a = mixed();
    a.trim_front(60);
    EXPECT_FALSE(a);
    Mbuf b = mixed();
    b.trim_back(60);
    EXPECT_FALSE(b);
    EXPECT_EQ(pool_.segment_stats().used, 0U);
}

TEST_F(MbufTest, PullUpMakesAnyFrontContiguousAndKeepsTheBytes) {
    for (std::size_t count = 0; count <= 60; ++count) {
        Mbuf m = mixed();
        ASSERT_TRUE(m.pull_up(count)) << count;
        EXPECT_GE(m.front().size(), count);
        EXPECT_EQ(flatten(m), pattern(60)) << count;
        m.append(small({60}));
        EXPECT_EQ(flatten(m), pattern(61)) << "the end of the chain is still right";
    }
}

TEST_F(MbufTest, PullUpRefusesMoreThanThereIs) {
    Mbuf m = mixed();
    EXPECT_FALSE(m.pull_up(61));
    EXPECT_EQ(flatten(m), pattern(60));
}

TEST_F(MbufTest, ShareShowsEveryRange) {
    const Mbuf m = mixed();
    for (std::size_t offset = 0; offset <= 60; offset += 3) {
        for (std::size_t count = 0; offset + count <= 60; ++count) {
            const Mbuf view = m.share(offset, count);
            EXPECT_EQ(flatten(view), slice(pattern(60), offset, count));
        }
    }
}

TEST_F(MbufTest, PrependToASharedClusterNeverWritesThrough) {
    Mbuf data = in_cluster(pattern(100));
    Mbuf view = data.share(50, 50);
    const std::span<std::byte> header = view.prepend(20);
    ASSERT_EQ(header.size(), 20U);
    std::memset(header.data(), 0xEE, header.size());
    EXPECT_EQ(flatten(data), pattern(100)) << "the owner's bytes before the share are untouched";
    EXPECT_EQ(flatten(view), joined(Bytes(20, 0xEE), slice(pattern(100), 50)));
}

TEST_F(MbufTest, PrependToAnOwnerWhoseClusterIsSharedNeverWritesIntoTheShare) {
    Mbuf data = in_cluster(pattern(100));
    Mbuf front = data.take_front(40);  // shares the cluster; bytes 0..39 lie before data's
    const std::span<std::byte> header = data.prepend(20);
    std::memset(header.data(), 0xEE, header.size());
    EXPECT_EQ(flatten(front), pattern(40));
}

TEST_F(MbufTest, PrependToStaticMemoryUsesASegmentOfItsOwn) {
    static const Bytes text = pattern(30);
    Mbuf m = pool_.refer_to(test::as_bytes(text));
    std::memset(m.prepend(8).data(), 0xEE, 8);
    EXPECT_EQ(flatten(m), joined(Bytes(8, 0xEE), text));
    EXPECT_EQ(m.segments(), 2U);
}

TEST_F(MbufTest, PrependUsesRoomAgainOnceTheShareIsGone) {
    Mbuf data = in_cluster(pattern(100));
    data.trim_front(50);
    {
        Mbuf view = data.share(0, 10);
        EXPECT_EQ(data.append_inside({}), 0U);
    }
    ASSERT_EQ(data.prepend(50).size(), 50U);
    EXPECT_EQ(data.segments(), 1U);
}

TEST_F(MbufTest, AppendInsideGrowsTheOwnerAndNeverAShare) {
    Mbuf data = in_cluster(pattern(10));
    Mbuf view = data.share(0, 10);
    const Bytes more{200, 201, 202};
    EXPECT_EQ(view.append_inside(test::as_bytes(more)), 0U);
    EXPECT_EQ(data.append_inside(test::as_bytes(more)), 3U);
    EXPECT_EQ(flatten(data), joined(pattern(10), more));
    EXPECT_EQ(flatten(view), pattern(10));
    EXPECT_EQ(data.append_inside(test::as_bytes(Bytes(3000))), kClusterBytes - 13);
}

TEST_F(MbufTest, CopyInHoldsAnyLength) {
    for (const std::size_t size : {0U, 1U, 104U, 105U, 2048U, 2049U, 8000U}) {
        Mbuf m = pool_.copy_in(test::as_bytes(pattern(size)));
        EXPECT_EQ(flatten(m), pattern(size));
    }
}

TEST_F(MbufTest, AClusterIsFreeWhenItsLastHolderIs) {
    Mbuf data = in_cluster(pattern(100));
    Mbuf a = data.share(0, 10);
    Mbuf b = a.share(2, 4);
    data = Mbuf{};
    a = Mbuf{};
    EXPECT_EQ(pool_.cluster_stats().used, 1U);
    EXPECT_EQ(flatten(b), slice(pattern(100), 2, 4));
    b = Mbuf{};
    EXPECT_EQ(pool_.cluster_stats().used, 0U);
}

TEST_F(MbufTest, MemoryChargesEachHolderForItsCluster) {
    const Mbuf data = in_cluster(pattern(1));
    const Mbuf view = data.share(0, 1);
    EXPECT_EQ(data.memory(), kSegmentBytes + kClusterBytes);
    EXPECT_EQ(view.memory(), kSegmentBytes + kClusterBytes);
}

TEST_F(MbufTest, AnEmptyPoolIsAnOrdinaryAnswer) {
    Mbuf all;
    for (;;) {
        Mbuf m = pool_.allocate_cluster();
        if (!m) break;
        all.append(std::move(m));
    }
    const std::uint32_t kept = pool_.cluster_stats().total - pool_.cluster_stats().used;
    EXPECT_GT(kept, 0U) << "the reserve is still there";
    EXPECT_TRUE(pool_.allocate_cluster(Reserve::use));
    for (;;) {
        Mbuf m = pool_.allocate_cluster(Reserve::use);
        if (!m) break;
        all.append(std::move(m));
    }
    EXPECT_FALSE(pool_.allocate(1000, Reserve::use));
    EXPECT_GE(pool_.cluster_stats().failed, 2U);
}

TEST_F(MbufTest, EveryFailedAllocationLeavesTheChainAsItWas) {
    for (std::uint32_t n = 1; n <= 4; ++n) {
        Mbuf m = mixed();
        pool_.fail_nth(n);
        Mbuf view = m.share(5, 50);
        EXPECT_EQ(static_cast<bool>(view), n == 4) << "three pieces, three segments";
        pool_.fail_nth(n);
        EXPECT_EQ(m.pull_up(50), n != 1);
        pool_.fail_nth(n);
        Mbuf front = m.take_front(55);
        if (front) {
            front.append(std::move(m));
            m = std::move(front);
        }
        pool_.fail_nth(n);
        Mbuf big = pool_.copy_in(test::as_bytes(pattern(5000)));
        pool_.fail_nth(0);
        EXPECT_EQ(flatten(m), pattern(60)) << n;
    }
}

}  // namespace mbuf_test
}  // namespace kyu::net
