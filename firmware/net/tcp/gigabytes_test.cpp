// What was passed half a sequence space ago must not look as if it were still to come.
#include "net/tcp/ecn.hpp"
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace gigabytes_test {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t kMss = 1460;

class Gigabytes : public TcpWorld {
protected:
    Peer peer_{world_, 5000, kPort};
    Socket* so_{nullptr};

    /// A connection with ECN and without SACK that has sent five eighths of the space unharmed.
    void SetUp() override {
        peer_.options = mss_option(kMss);
        listen();
        const Seen syn_ack = peer_.send(kSyn | kEcnSetup).at(0);
        peer_.options = {};
        peer_.seq++;
        peer_.ack = syn_ack.seq + 1;
        peer_.send(kAck);
        so_ = accept();
        ASSERT_NE(so_, nullptr);
        static const std::vector<std::byte> piece(80 * kMss);
        const SeqNum start = tp().snd_una;
        while ((tp().snd_una - start) < SeqLen{0xA000'0000}) {
            EXPECT_EQ(so_->send.append_static(net_.pool, piece), piece.size());
            tcp_usr_send(net_, *so_, false);
            while (so_->send.size() > 0) {
                peer_.queue_ack(tp().snd_max.raw());
                world_.settle();
                world_.take_sent();
            }
        }
        write(*so_, std::string(10 * kMss, 'x'));
        ASSERT_EQ(peer_.take().size(), 10U);
    }
    [[nodiscard]] Tcpcb& tp() { return *so_->pcb; }
};

TEST_F(Gigabytes, later_a_loss_is_repaired_and_a_mark_is_obeyed) {
    for (int i = 0; i < 3; ++i) peer_.send(kAck);
    EXPECT_EQ(count(TcpCount::fast_retransmits), 1U);
    peer_.acknowledge(tp().snd_max.raw());
    write(*so_, std::string(5 * kMss, 'x'));
    peer_.ack += kMss;
    peer_.send(kAck | TcpFlags::kEce);
    EXPECT_EQ(count(TcpCount::ecn_reductions), 1U);
}

}  // namespace gigabytes_test
}  // namespace kyu::net
