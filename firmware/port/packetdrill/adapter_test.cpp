// The shared object through its table, as packetdrill uses it: a peer of hand-made IP packets,
// calls that block in a thread of their own, settings while the script runs.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "port/packetdrill/abi.hpp"
#include "port/packetdrill/ip_packet.hpp"

namespace kyu::packetdrill {
namespace adapter_test {

constexpr net::Ipv4 kBoard{192, 168, 0, 2};
constexpr net::Ipv4 kPeer{192, 0, 2, 1};
constexpr std::uint16_t kBoardPort = 8080;
constexpr std::uint16_t kPeerPort = 5000;
constexpr std::uint8_t kFin = 1;
constexpr std::uint8_t kSyn = 2;
constexpr std::uint8_t kRst = 4;
constexpr std::uint8_t kAck = 16;

struct Segment {
    std::uint32_t seq{};
    std::uint32_t ack{};
    unsigned flags{};
    std::string options{};  ///< as they lie on the wire
    std::string data{};
    long long at_us{};
};

std::uint32_t be32_at(std::span<const std::byte> b, std::size_t at) {
    return std::uint32_t{be16_at(b, at)} << 16U | be16_at(b, at + 2);
}
void put_be32(Bytes& b, std::size_t at, std::uint32_t value) {
    put_address(b, at, net::Ipv4{value});
}

/// The board behind its table, and a peer that says what the test tells it to.
class AdapterTest : public ::testing::Test {
    void* library_{dlopen(KYU_ADAPTER, RTLD_NOW | RTLD_LOCAL)};

protected:
    Abi abi_{};
    std::string folder_{"/tmp/kyu-adapter-XXXXXX"};
    std::uint32_t seq_{1000};
    std::uint32_t ack_{0};
    std::uint16_t peer_port_{kPeerPort};
    std::uint16_t board_port_{kBoardPort};

    void SetUp() override {
        ASSERT_NE(library_, nullptr) << dlerror();
        ASSERT_NE(mkdtemp(folder_.data()), nullptr);
        start("system=freebsd control=" + folder_ + "/control states=" + folder_ + "/states");
    }
    void TearDown() override {
        if (abi_.free != nullptr) abi_.free(abi_.user);
        for (const char* name : {"/control", "/states"}) unlink((folder_ + name).c_str());
        rmdir(folder_.c_str());
    }
    template <typename Function>
    Function* symbol(const char* name) {
        return reinterpret_cast<Function*>(dlsym(library_, name));
    }
    void start(const std::string& flags) {
        if (abi_.free != nullptr) abi_.free(abi_.user);
        auto* init = symbol<void(const char*, Abi*)>("packetdrill_interface_init");
        ASSERT_NE(init, nullptr);
        init(flags.c_str(), &abi_);
    }
    void order(const std::string& line) {
        std::ofstream{folder_ + "/control", std::ios::app} << line << '\n';
    }
    [[nodiscard]] std::string states() const {
        std::ifstream file{folder_ + "/states"};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    [[nodiscard]] long long now_us() {
        timeval tv{};
        abi_.time_of_day(abi_.user, &tv, nullptr);
        return static_cast<long long>(tv.tv_sec) * 1'000'000 + tv.tv_usec;
    }

    void say(std::uint8_t flags, const std::string& data = "", const std::string& options = "") {
        Bytes p(kIpBytes + kTcpBytes);
        p[0] = std::byte{0x45};
        p[8] = std::byte{64};
        p[9] = kTcp;
        put_address(p, 12, kPeer);
        put_address(p, 16, kBoard);
        put_be16(p, 20, peer_port_);
        put_be16(p, 22, board_port_);
        put_be32(p, 24, seq_);
        put_be32(p, 28, (flags & kAck) != 0 ? ack_ : 0);
        p[32] = static_cast<std::byte>((kTcpBytes + options.size()) / 4 << 4U);
        p[33] = std::byte{flags};
        put_be16(p, 34, 65535);
        for (const char c : options + data) p.push_back(static_cast<std::byte>(c));
        finish(p);
        EXPECT_EQ(abi_.send_packet(abi_.user, p.data(), p.size()), 0);
        seq_ += static_cast<std::uint32_t>(data.size()) + ((flags & (kSyn | kFin)) != 0 ? 1U : 0U);
    }
    Segment hear() {
        Bytes p(4096);
        std::size_t size = p.size();
        Segment s;
        EXPECT_EQ(abi_.next_packet(abi_.user, p.data(), &size, &s.at_us), 0);
        p.resize(size);
        if (!is_plain_tcp(p)) {
            ADD_FAILURE() << "no TCP";
            return s;
        }
        Bytes again = p;
        finish(again);
        EXPECT_EQ(again, p) << "its checksums are right";
        s.seq = be32_at(p, 24);
        s.ack = be32_at(p, 28);
        s.flags = std::to_integer<unsigned>(p[33]) & (kFin | kSyn | kRst | kAck);
        const std::size_t header = std::to_integer<std::size_t>(p[32] >> 4) * 4;
        for (std::size_t i = kIpBytes + kTcpBytes; i < p.size(); ++i) {
            (i < kIpBytes + header ? s.options : s.data).push_back(static_cast<char>(p[i]));
        }
        peer_port_ = be16_at(p, 22);
        board_port_ = be16_at(p, 20);
        return s;
    }
    [[nodiscard]] sockaddr_in address(net::Ipv4 host, std::uint16_t port) const {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(host.host);
        in.sin_port = htons(port);
        return in;
    }
    int open_socket() {
        const int fd = abi_.socket(abi_.user, AF_INET, SOCK_STREAM, IPPROTO_TCP);
        EXPECT_GE(fd, 0);
        return fd;
    }
    int listening() {
        const int fd = open_socket();
        const sockaddr_in in = address({}, kBoardPort);
        EXPECT_EQ(abi_.bind(abi_.user, fd, reinterpret_cast<const sockaddr*>(&in), sizeof in), 0);
        EXPECT_EQ(abi_.listen(abi_.user, fd, 1), 0);
        return fd;
    }
    /// The peer opens a connection, and the user accepts it.
    int accepted(int listener, const std::string& options = "") {
        say(kSyn, "", options);
        const Segment s = hear();
        EXPECT_EQ(s.flags, unsigned{kSyn | kAck});
        EXPECT_EQ(s.ack, seq_);
        ack_ = s.seq + 1;
        say(kAck);
        return abi_.accept(abi_.user, listener, nullptr, nullptr);
    }
    [[nodiscard]] int socket_error(int fd) {
        int error = -1;
        socklen_t bytes = sizeof error;
        EXPECT_EQ(abi_.getsockopt(abi_.user, fd, SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
        return error;
    }
};

TEST_F(AdapterTest, carries_a_conversation_from_handshake_to_close) {
    const int listener = listening();
    const int fd = accepted(listener);
    ASSERT_GE(fd, 0);
    say(kAck, "question");
    std::array<char, 64> buffer{};
    EXPECT_EQ(abi_.recv(abi_.user, fd, buffer.data(), buffer.size(), MSG_PEEK), 8);
    EXPECT_EQ(abi_.read(abi_.user, fd, buffer.data(), buffer.size()), 8);
    EXPECT_EQ((std::string{buffer.data(), 8}), "question");
    EXPECT_EQ(abi_.write(abi_.user, fd, "answer", 6), 6);
    const Segment answer = hear();
    EXPECT_EQ(answer.data, "answer");
    EXPECT_EQ(answer.ack, seq_);
    ack_ += 6;
    say(kAck | kFin);
    EXPECT_EQ(hear().ack, seq_);
    EXPECT_EQ(abi_.read(abi_.user, fd, buffer.data(), buffer.size()), 0);
    EXPECT_NE(states().find("CLOSE_WAIT"), std::string::npos) << states();
    EXPECT_EQ(abi_.close(abi_.user, fd), 0);
    EXPECT_EQ(hear().flags, unsigned{kFin | kAck});
    ack_++;
    say(kAck);
    EXPECT_EQ(abi_.close(abi_.user, listener), 0);
    EXPECT_EQ(states(), "") << "nothing is left";
}

TEST_F(AdapterTest, time_moves_when_it_is_slept_and_is_told_with_each_packet) {
    const int fd = accepted(listening());
    const long long start = now_us();
    say(kAck, "x");
    EXPECT_EQ(now_us(), start) << "what happens at once takes no time";
    EXPECT_EQ(hear().at_us, start + 40'000) << "the delayed ACK";
    abi_.sleep(abi_.user, 100'000);
    EXPECT_GE(now_us(), start + 140'000);
    EXPECT_LE(now_us(), start + 141'000);
    abi_.close(abi_.user, fd);
}

TEST_F(AdapterTest, a_call_that_blocks_returns_at_the_instant_of_what_it_waited_for) {
    const int fd = accepted(listening());
    std::array<char, 64> buffer{};
    ssize_t got = 0;
    long long returned_us = 0;
    std::thread blocked{[&] {
        got = abi_.read(abi_.user, fd, buffer.data(), buffer.size());
        returned_us = now_us();
    }};
    for (int i = 0; i < 5; ++i) abi_.sleep(abi_.user, 10'000);
    const long long said_us = now_us();
    say(kAck, "late");
    blocked.join();
    EXPECT_EQ(got, 4);
    EXPECT_EQ(returned_us, said_us);
    abi_.close(abi_.user, fd);
}

TEST_F(AdapterTest, what_cannot_be_done_at_once_says_so_when_it_may_not_wait) {
    const int listener = listening();
    EXPECT_EQ(abi_.fcntl(abi_.user, listener, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    EXPECT_EQ(abi_.fcntl(abi_.user, listener, F_GETFL), O_RDWR | O_NONBLOCK);
    EXPECT_EQ(abi_.accept(abi_.user, listener, nullptr, nullptr), -1);
    EXPECT_EQ(errno, EAGAIN);
    pollfd poll{.fd = listener, .events = POLLIN, .revents = 0};
    EXPECT_EQ(abi_.poll(abi_.user, &poll, 1, 50), 0);
    EXPECT_EQ(abi_.read(abi_.user, 12345, nullptr, 0), -1);
    EXPECT_EQ(errno, EBADF);
}

TEST_F(AdapterTest, connects_and_tells_why_it_could_not) {
    for (const bool answered : {true, false}) {
        const int fd = open_socket();
        abi_.fcntl(abi_.user, fd, F_SETFL, O_RDWR | O_NONBLOCK);
        const sockaddr_in in = address(kPeer, 80);
        const auto* to = reinterpret_cast<const sockaddr*>(&in);
        EXPECT_EQ(abi_.connect(abi_.user, fd, to, sizeof in), -1);
        EXPECT_EQ(errno, EINPROGRESS);
        const Segment syn = hear();
        EXPECT_EQ(syn.flags, unsigned{kSyn});
        ack_ = syn.seq + 1;
        say(answered ? kSyn | kAck : kRst | kAck);
        EXPECT_EQ(socket_error(fd), answered ? 0 : ECONNREFUSED);
        if (answered) {
            EXPECT_EQ(hear().flags, unsigned{kAck});
            EXPECT_EQ(abi_.connect(abi_.user, fd, to, sizeof in), 0);
        }
        EXPECT_EQ(socket_error(fd), 0) << "told once";
        abi_.close(abi_.user, fd);
        if (answered) hear();  // its FIN
    }
}

TEST_F(AdapterTest, a_syn_lays_its_options_out_as_the_system_does_and_says_the_same) {
    const std::string mss{"\2\4\5\xB4", 4};
    const std::string offer = mss + std::string{"\1\3\3\7\4\2\1\1", 8};
    for (const bool linux : {false, true}) {
        start(linux ? "system=linux" : "system=freebsd");
        seq_ = 1000;
        peer_port_ = kPeerPort;
        board_port_ = kBoardPort;
        listening();
        say(kSyn, "", offer);
        const std::string freebsd = mss + std::string{"\1\3\3\6\4\2\0\0", 8};
        const std::string other = mss + std::string{"\1\1\4\2\1\3\3\7", 8};
        EXPECT_EQ(hear().options, linux ? other : freebsd);
    }
}

TEST_F(AdapterTest, settings_and_orders_come_while_it_runs) {
    order("set net.inet.tcp.sack.enable=0");
    order("set net.inet.tcp.rfc1323=0");
    listening();
    say(kSyn, "", std::string{"\4\2\1\1", 4});
    EXPECT_EQ(hear().options.size(), 4U) << "the MSS alone";
    EXPECT_NE(states().find("SYN_RCVD"), std::string::npos);
}

TEST_F(AdapterTest, says_which_settings_it_offers) {
    auto* ask = symbol<int(const char*, const char*)>("kyu_packetdrill_setting");
    ASSERT_NE(ask, nullptr);
    EXPECT_EQ(ask("net.inet.tcp.recvspace", "65536"), 1);
    EXPECT_EQ(ask("net.inet.tcp.recvspace", "1"), 2);
    EXPECT_EQ(ask("net.inet.tcp.insecure_rst", "0"), 1);
    EXPECT_EQ(ask("net.inet.tcp.insecure_rst", "1"), 2);
    EXPECT_EQ(ask("net.ipv4.tcp_rmem", "4096 131072 6291456"), 1);
    EXPECT_EQ(ask("net.ipv4.tcp_congestion_control", "bbr"), 2);
    EXPECT_EQ(ask("net.ipv4.tcp_rmem", "a lot"), 2);
    EXPECT_EQ(ask("net.inet.tcp.nonsense", "1"), 0);
}

}  // namespace adapter_test
}  // namespace kyu::packetdrill
