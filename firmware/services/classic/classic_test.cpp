// The small servers and clients that do nothing.
#include "services/classic/classic.hpp"

#include <gtest/gtest.h>

#include "net/socket/pair_test_support.hpp"
#include "services/wangdoodle/talk.hpp"

namespace kyu::classic {
namespace classic_test {

using net::TcpSocket;
using net::test::TestPair;
using Serve = void (*)(void*, ThreadContext&, TcpSocket&);

class Classic : public ::testing::TestWithParam<Serve> {};

TEST_P(Classic, gives_up_a_client_that_neither_speaks_nor_reads) {
    TestPair pair;
    bool served = false;
    pair.machine.thread("server", 10, [&](ThreadContext& self) {
        auto listener = TcpSocket::listen(*pair.b.net, self, 7, 1);
        ASSERT_TRUE(listener);
        auto client = listener->accept(self, Instant::never());
        ASSERT_TRUE(client);
        GetParam()(nullptr, self, *client);
        served = true;
        client->close(self);
        listener->close(self);
    });
    pair.machine.thread("client", 10, [&](ThreadContext& self) {
        self.sleep_for(Duration::from_ms(5));
        auto c = TcpSocket::connect(*pair.a.net, self, {pair.b.address, 7}, Instant::never());
        ASSERT_TRUE(c);
        self.sleep_for(wangdoodle::kPatience + Duration::from_s(30));
        EXPECT_TRUE(served);
        c->close(self);
    });
    pair.run();
}
INSTANTIATE_TEST_SUITE_P(Each, Classic,
                         ::testing::Values(serve_sink, serve_echo, serve_chargen, serve_daytime,
                                           serve_blab, serve_pirate));

}  // namespace classic_test
}  // namespace kyu::classic
