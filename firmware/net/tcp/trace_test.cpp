// tcptrace: the ring of frames, as the segments of a connection.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "net/socket/connected_test_support.hpp"
#include "net/tcp/show.hpp"

namespace kyu::net {
namespace trace_test {

class TcpTrace : public test::Connected {};

TEST_F(TcpTrace, shows_the_segments_of_one_connection_with_state_and_timers) {
    run([&](ThreadContext& self) {
        std::array<std::byte, 100> some{};
        EXPECT_EQ(client_.send(self, some, Instant::never()).sent, 100U);
        self.sleep_for(Duration::from_ms(1));
        TextBuffer<8000> text;
        NetGuard guard{*pair_.b.net, self};
        const auto tuple = connection_of(*guard, server_.id().index);
        ASSERT_TRUE(tuple);
        print_tcptrace(text, *guard, &*tuple);
        const std::string shown{text.view()};
        EXPECT_NE(shown.find(" in  SEC seq "), std::string::npos) << shown;
        EXPECT_NE(shown.find(" out SAE seq "), std::string::npos) << shown;
        EXPECT_NE(shown.find(" in  PA seq "), std::string::npos) << shown;
        EXPECT_NE(shown.find(" len 100 ESTABLISHED delack\n"), std::string::npos) << shown;
        EXPECT_NE(shown.find("4 segments among the last "), std::string::npos) << shown;
    });
}

TEST_F(TcpTrace, junk_in_the_ring_is_left_out) {
    run([&](ThreadContext& self) {
        NetGuard guard{*pair_.b.net, self};
        std::array<std::byte, 60> frame{};
        frame[12] = std::byte{8};  // IPv4, TCP, and header lengths of every size
        frame[23] = std::byte{6};
        for (unsigned round = 0; round < 16 * frame.size(); ++round) {
            frame[14] = static_cast<std::byte>(0x40 | round % 16);
            const auto cut = std::span{frame}.first(1 + round / 16);
            guard->frames.record(guard->pool.copy_in(cut), Instant{}, FrameWay::in);
        }
        TextBuffer<8000> text;
        const FourTuple nobody{{}, {{}, 1}};  // junk of zeros is a segment, but not of this one
        print_tcptrace(text, *guard, &nobody);
        EXPECT_TRUE(text.view().starts_with("0 segments among the last "));
    });
}

}  // namespace trace_test
}  // namespace kyu::net
