// Opening: passive, active, at once from both sides, and by people who mean no good.
#include "net/tcp/peer_test_support.hpp"

namespace kyu::net {
namespace handshake_test {

using namespace test;  // NOLINT(google-build-using-namespace): the vocabulary of every line below

class Handshake : public TcpWorld {
protected:
    void flood(std::uint32_t syns, std::uint16_t port = kPort) {
        for (std::uint32_t i = 0; i < syns; ++i) {
            Peer stranger{world_, static_cast<std::uint16_t>(1024 + i), port};
            stranger.send(kSyn);
        }
    }
};

TEST_F(Handshake, a_client_is_answered_with_our_mss_and_then_accepted) {
    listen();
    Peer peer{world_, 5000, kPort};
    const Answers a = peer.send(kSyn);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kSyn | kAck));
    EXPECT_EQ(a[0].ack, 1001U);
    EXPECT_EQ(a[0].mss, 1460U);
    EXPECT_EQ(a[0].window, 65535);
    EXPECT_EQ(net_.tcp.connections.stats().used, 0U) << "a SYN costs a small record only";
    peer.seq++;
    EXPECT_TRUE(peer.acknowledge(a[0].seq + 1).empty());
    Socket* so = accept();
    ASSERT_NE(so, nullptr);
    EXPECT_EQ(so->remote, (Endpoint{kPeer, 5000}));
    EXPECT_EQ(state(*so), ConnectionState::established);
}

TEST_F(Handshake, a_syn_ack_that_is_lost_is_sent_again_and_then_given_up) {
    listen();
    Peer peer{world_, 5000, kPort};
    EXPECT_EQ(peer.send(kSyn).size(), 1U);
    EXPECT_EQ(peer.send(kSyn).size(), 1U) << "the same SYN again";
    EXPECT_EQ(peer.wait(Duration::from_s(100)).size(), kSynAckRetriesMax);
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
    EXPECT_EQ(count(TcpCount::syn_expired), 1U);
}

TEST_F(Handshake, who_needed_several_syn_acks_is_sent_one_segment_at_first) {
    listen();
    for (unsigned lost = 0; lost < 4; ++lost) {
        Peer peer{world_, static_cast<std::uint16_t>(5000 + lost), kPort};
        peer.options = mss_option(1460);
        peer.ack = peer.send(kSyn).at(0).seq + 1;
        for (unsigned i = 0; i < lost; ++i) world_.advance(kRtoInitial * (std::int64_t{1} << i));
        EXPECT_EQ(net_.tcp.syn_cache.stats().used, 1U);
        peer.options = {};
        ++peer.seq;
        peer.send(kAck);
        Socket* so = accept();
        ASSERT_NE(so, nullptr);
        write(*so, std::string(20'000, 'x'));
        EXPECT_EQ(peer.take().size(), lost > 1 ? 1U : 10U) << "RFC 5681 §3.1, RFC 6928 §2";
        tcp_usr_abort(net_, *so);
    }
}

TEST_F(Handshake, a_reset_of_a_half_open_connection_must_hit_the_exact_number) {
    listen();
    Peer peer{world_, 5000, kPort};
    const std::uint32_t iss = peer.send(kSyn).at(0).seq;
    peer.seq++;
    Peer liar = peer;
    for (const std::uint32_t offset : {1U, 65534U}) {
        liar.seq = peer.seq + offset;
        const Answers a = liar.send(kRst);
        ASSERT_EQ(a.size(), 1U) << "RFC 5961 §3.2: challenged";
        EXPECT_TRUE(a[0].is(kAck));
        EXPECT_EQ(a[0].seq, iss + 1);
        EXPECT_EQ(a[0].ack, peer.seq);
    }
    for (const std::uint32_t offset : {65535U, 0xFFFF'FFFFU}) {
        liar.seq = peer.seq + offset;
        EXPECT_TRUE(liar.send(kRst).empty()) << "outside the window: dropped";
    }
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 1U);
    EXPECT_TRUE(peer.send(kRst).empty());
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
}

TEST_F(Handshake, data_on_the_last_ack_are_taken) {
    listen();
    Peer peer{world_, 5000, kPort};
    const Answers a = peer.send(kSyn);
    peer.seq++;
    peer.ack = a.at(0).seq + 1;
    peer.say("big\n");
    Socket* so = accept();
    ASSERT_NE(so, nullptr);
    EXPECT_EQ(read(*so), "big\n");
}

TEST_F(Handshake, the_peers_mss_is_obeyed_within_bounds) {
    listen(20);
    const std::pair<unsigned, std::size_t> cases[] = {
        {0, 216}, {1, 216}, {8, 216}, {48, 216}, {500, 500}, {1460, 1460}, {65535, 1460}};
    std::uint16_t port = 5000;
    for (const auto& [offered, used] : cases) {
        Peer peer{world_, port++, kPort};
        peer.options = {2, 4, static_cast<std::uint8_t>(offered >> 8U),
                        static_cast<std::uint8_t>(offered)};
        ASSERT_TRUE(peer.connect());
        Socket* so = accept();
        ASSERT_NE(so, nullptr);
        write(*so, std::string(3000, 'x'));
        EXPECT_EQ(peer.take().at(0).data.size(), used) << offered;
        tcp_usr_abort(net_, *so);
    }
    Peer silent{world_, port, kPort};
    Socket& so = established(silent);
    write(so, std::string(3000, 'x'));
    EXPECT_EQ(silent.take().at(0).data.size(), 536U) << "no option: RFC 9293 §3.7.1";
}

TEST_F(Handshake, a_closed_port_is_refused_and_only_that) {
    Peer peer{world_, 5000, 99};
    const Answers to_syn = peer.send(kSyn);
    ASSERT_EQ(to_syn.size(), 1U);
    EXPECT_TRUE(to_syn[0].is(kRst | kAck));
    EXPECT_EQ(to_syn[0].ack, 1001U);
    peer.ack = 777;
    const Answers to_ack = peer.send(kAck, "data");
    ASSERT_EQ(to_ack.size(), 1U);
    EXPECT_TRUE(to_ack[0].is(kRst));
    EXPECT_EQ(to_ack[0].seq, 777U);
    EXPECT_TRUE(peer.send(kRst).empty());
    EXPECT_TRUE(peer.send(kRst | kAck).empty());
}

TEST_F(Handshake, nothing_that_was_broadcast_is_answered) {
    listen();
    Peer peer{world_, 5000, kPort};
    IpFields ip;
    ip.protocol = 6;
    world_.take_sent();
    world_.inject(
        ether_frame(MacAddress::broadcast(), kPeerMac, 0x0800, ip_packet(ip, peer.segment(kSyn))));
    world_.settle();
    EXPECT_TRUE(peer.take().empty());
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
}

TEST_F(Handshake, a_listener_answers_an_ack_with_a_reset_and_ignores_nonsense) {
    listen();
    Peer peer{world_, 5000, kPort};
    for (unsigned flags = 0; flags < 64; ++flags) {
        Peer one{world_, static_cast<std::uint16_t>(6000 + flags), kPort};
        const Answers a = one.send(static_cast<std::uint8_t>(flags));
        const bool rst = (flags & kRst) != 0;
        const bool ack = (flags & kAck) != 0;
        const bool open = (flags & kSyn) != 0;
        if (rst || (!ack && !open)) {
            EXPECT_TRUE(a.empty()) << flags;
        } else {
            ASSERT_EQ(a.size(), 1U) << flags;
            EXPECT_TRUE(a[0].is(ack ? kRst : kSyn | kAck)) << flags;
        }
    }
}

TEST_F(Handshake, a_syn_where_the_next_byte_was_expected_leads_back_to_listen) {
    listen();
    Peer peer{world_, 5000, kPort};
    peer.send(kSyn);
    ++peer.seq;
    EXPECT_TRUE(peer.send(kSyn).empty()) << "RFC 9293 §3.10.7.4, fourth, passive";
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
    EXPECT_TRUE(peer.connect()) << "and when it comes again it opens";
    ASSERT_NE(accept(), nullptr);
}

TEST_F(Handshake, a_flood_of_syns_does_not_shut_the_port) {
    listen(8);
    flood(kSynRecordsMax + 100);
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, kSynRecordsMax);
    EXPECT_EQ(count(TcpCount::cookies_sent), 100U);
    Peer client{world_, 5999, kPort};
    client.port = 60000;
    EXPECT_TRUE(client.connect());
    ASSERT_NE(accept(), nullptr);
}

// A cookie's SYN-ACK is sent once: whose last ACK is lost, and who waits for the server to speak,
// would wait for ever. So who comes when a flood is over gets a record again.
TEST_F(Handshake, after_a_flood_a_lost_ack_is_made_up_for) {
    listen(8);
    flood(kSynRecordsMax);
    Peer client{world_, 60000, kPort};
    client.wait(Duration::from_ms(1500));
    const Answers first = client.send(kSyn);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(count(TcpCount::cookies_sent), 0U);
    EXPECT_EQ(count(TcpCount::syn_displaced), 1U);
    const Answers again = client.wait(Duration::from_ms(1200));  // its ACK was lost on the way
    ASSERT_EQ(std::ranges::count_if(again, [&](const Seen& s) { return s.is(kSyn | kAck); }), 1);
    client.seq++;
    EXPECT_TRUE(client.acknowledge(first[0].seq + 1).empty());
    ASSERT_NE(accept(), nullptr);
}

TEST_F(Handshake, who_has_answered_and_waits_in_line_is_not_displaced) {
    listen(1);
    ASSERT_TRUE(tcp_usr_listen(net_, kPort + 1, 1));
    Peer first{world_, 60001, kPort};
    Peer second{world_, 60002, kPort};
    const Answers late = second.send(kSyn);
    EXPECT_TRUE(first.connect()) << "and the queue is full";
    second.seq++;
    second.acknowledge(late.at(0).seq + 1);
    second.wait(Duration::from_ms(1500));
    flood(kSynRecordsMax, kPort + 1);
    EXPECT_EQ(count(TcpCount::syn_displaced), 0U);
    ASSERT_NE(accept(), nullptr);
    ASSERT_NE(accept(), nullptr) << "the second one came in by itself";
}

TEST_F(Handshake, the_backlog_is_a_limit_and_a_late_client_gets_in_when_there_is_room) {
    listen(2);
    Peer a{world_, 5001, kPort};
    Peer b{world_, 5002, kPort};
    Peer c{world_, 5003, kPort};
    const Answers late = c.send(kSyn);
    EXPECT_TRUE(a.connect());
    EXPECT_TRUE(b.connect());
    EXPECT_TRUE(Peer(world_, 5004, kPort).send(kSyn).empty()) << "queue full: try later";
    c.seq++;
    EXPECT_TRUE(c.acknowledge(late.at(0).seq + 1).empty());
    EXPECT_EQ(listener().queued, 2U);
    ASSERT_NE(accept(), nullptr);
    EXPECT_EQ(listener().queued, 2U) << "whose handshake was complete came in by itself";
    ASSERT_NE(accept(), nullptr);
    Socket* so = accept();
    ASSERT_NE(so, nullptr);
    c.say("hello");
    EXPECT_EQ(read(*so), "hello");
}

TEST_F(Handshake, time_in_line_is_neither_a_round_trip_nor_a_loss) {
    for (const int seconds : {0, 8}) {
        listen(1);
        Peer late{world_, static_cast<std::uint16_t>(5100 + seconds), kPort};
        late.options = mss_option(1460);
        late.ack = late.send(kSyn).at(0).seq + 1;
        late.options = {};
        ++late.seq;
        Peer first{world_, static_cast<std::uint16_t>(5000 + seconds), kPort};
        ASSERT_TRUE(first.connect());
        late.send(kAck);
        world_.advance(Duration::from_ms(900) + Duration::from_s(seconds));
        ASSERT_NE(accept(), nullptr);
        Socket* so = accept();
        ASSERT_NE(so, nullptr);
        EXPECT_LE(so->pcb->rtt.rto(), kRtoInitial) << seconds;
        EXPECT_EQ(so->pcb->congestion.window(), 10U * 1460) << seconds;
        tcp_usr_close(net_, listener());
    }
}

TEST_F(Handshake, who_waits_in_line_in_vain_is_told) {
    listen(1);
    Peer a{world_, 5001, kPort};
    Peer b{world_, 5002, kPort};
    const Answers late = b.send(kSyn);
    EXPECT_TRUE(a.connect());
    b.seq++;
    b.acknowledge(late.at(0).seq + 1);
    const Answers answers = b.wait(Duration::from_s(100));
    ASSERT_FALSE(answers.empty());
    EXPECT_TRUE(answers.back().is(kRst | kAck));
    EXPECT_EQ(answers.back().seq, b.ack);
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
}

TEST_F(Handshake, who_is_queued_when_the_listener_closes_is_reset) {
    listen();
    Peer a{world_, 5001, kPort};
    Peer b{world_, 5002, kPort};
    EXPECT_TRUE(a.connect());
    b.send(kSyn);
    world_.take_sent();
    tcp_usr_close(net_, listener());
    const Answers answers = a.take();
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_TRUE(answers[0].is(kRst | kAck));
    EXPECT_EQ(net_.tcp.connections.stats().used, 0U);
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
}

TEST_F(Handshake, a_client_that_resets_before_accept_leaves_nothing) {
    listen();
    Peer a{world_, 5001, kPort};
    EXPECT_TRUE(a.connect());
    a.send(kRst);
    EXPECT_EQ(listener().queued, 0U);
    EXPECT_EQ(accept(), nullptr);
    EXPECT_EQ(net_.tcp.connections.stats().used, 0U);
}

TEST_F(Handshake, a_segment_from_ourselves_to_ourselves_is_dropped) {
    listen();
    Peer peer{world_, kPort, kPort};
    peer.address = kBoard;
    EXPECT_TRUE(peer.send(kSyn).empty());
    EXPECT_EQ(net_.tcp.syn_cache.stats().used, 0U);
}

class ActiveOpen : public Handshake {
protected:
    Peer server_{world_, 2022, 0};
    SocketId id_{};
    Seen syn_{};
    [[nodiscard]] Socket* socket() { return net_.tcp.sockets.find(id_); }
    void begin() {
        world_.take_sent();
        const auto id = tcp_usr_connect(net_, {kPeer, 2022});
        ASSERT_TRUE(id);
        id_ = *id;
        const Answers a = server_.take();
        ASSERT_EQ(a.size(), 1U);
        syn_ = a[0];
        EXPECT_TRUE(syn_.is(kSyn));
        EXPECT_EQ(syn_.mss, 1460U);
        server_.board_port = socket()->pcb->tuple.local.port;
        EXPECT_GE(server_.board_port, kPortFirst);
        server_.ack = syn_.seq + 1;
    }
};

TEST_F(ActiveOpen, completes_with_an_ack_at_once) {
    begin();
    const Answers a = server_.send(kSyn | kAck);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(a[0].ack, 1001U);
    EXPECT_EQ(state(*socket()), ConnectionState::established);
}

TEST_F(ActiveOpen, takes_what_comes_with_the_answer) {
    begin();
    const Answers a = server_.send(kSyn | kAck | kFin, "bye");
    ASSERT_EQ(a.size(), 1U);
    EXPECT_EQ(a[0].ack, 1005U) << "SYN, text and FIN";
    EXPECT_EQ(read(*socket()), "bye");
    EXPECT_EQ(state(*socket()), ConnectionState::close_wait);
}

TEST_F(ActiveOpen, takes_a_fin_that_comes_with_the_syn) {  // RFC 9293 §3.10.7.3, fourth
    begin();
    const Answers a = server_.send(kSyn | kAck | kFin);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kAck));
    EXPECT_EQ(a[0].ack, 1002U);
    EXPECT_EQ(state(*socket()), ConnectionState::close_wait);
    EXPECT_TRUE(socket()->no_more_input);
}

TEST_F(ActiveOpen, is_refused_by_a_reset_that_acknowledges_our_syn_only) {
    begin();
    EXPECT_TRUE(server_.send(kRst).empty());
    server_.ack = syn_.seq + 77;
    EXPECT_TRUE(server_.send(kRst | kAck).empty());
    EXPECT_FALSE(socket()->failed) << "blind resets do nothing";
    server_.ack = syn_.seq + 1;
    server_.send(kRst | kAck);
    EXPECT_TRUE(socket()->failed);
    EXPECT_EQ(socket()->error, SocketError::refused);
}

TEST_F(ActiveOpen, answers_a_wrong_ack_with_a_reset_and_goes_on) {
    begin();
    server_.ack = syn_.seq + 5;
    const Answers a = server_.send(kSyn | kAck);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kRst));
    EXPECT_EQ(a[0].seq, syn_.seq + 5);
    server_.ack = syn_.seq + 1;
    EXPECT_EQ(server_.send(kSyn | kAck).size(), 1U);
    EXPECT_EQ(state(*socket()), ConnectionState::established);
}

TEST_F(ActiveOpen, from_both_sides_at_once_meets_in_the_middle) {
    begin();
    const Answers a = server_.send(kSyn);
    ASSERT_EQ(a.size(), 1U);
    EXPECT_TRUE(a[0].is(kSyn | kAck));
    EXPECT_EQ(a[0].seq, syn_.seq);
    EXPECT_EQ(a[0].ack, 1001U);
    EXPECT_EQ(state(*socket()), ConnectionState::syn_received);
    const Answers b = server_.send(kSyn | kAck);  // the peer does the same
    EXPECT_EQ(state(*socket()), ConnectionState::established);
    server_.seq++;
    server_.say("hello");
    EXPECT_EQ(read(*socket()), "hello");
}

TEST_F(ActiveOpen, gives_up_after_its_retries_and_says_why) {
    begin();
    const Answers again = server_.wait(Duration::from_s(200));
    EXPECT_EQ(again.size(), kSynRetriesMax);
    EXPECT_TRUE(socket()->failed);
    EXPECT_EQ(socket()->error, SocketError::timed_out);
}

TEST_F(ActiveOpen, is_refused_by_who_says_that_it_never_will_be_possible) {
    for (const std::uint8_t code : std::initializer_list<std::uint8_t>{2, 3, 9, 10, 13}) {
        begin();
        tcp_icmp_error(net_, 3, code, 0, socket()->pcb->tuple, syn_.seq + 99);
        EXPECT_FALSE(socket()->failed) << "a forgery";
        tcp_icmp_error(net_, 3, code, 0, socket()->pcb->tuple, syn_.seq);
        EXPECT_TRUE(socket()->failed) << int{code};
        EXPECT_EQ(socket()->error, SocketError::refused);
    }
}

TEST_F(ActiveOpen, an_icmp_error_is_soft_but_is_remembered) {
    begin();
    tcp_icmp_error(net_, 3, 1, 0, socket()->pcb->tuple, syn_.seq + 99);
    EXPECT_FALSE(socket()->pcb->unreachable) << "wrong sequence number: a forgery";
    tcp_icmp_error(net_, 3, 1, 0, socket()->pcb->tuple, syn_.seq);
    EXPECT_FALSE(socket()->failed);
    server_.wait(Duration::from_s(200));
    EXPECT_EQ(socket()->error, SocketError::unreachable);
}

}  // namespace handshake_test
}  // namespace kyu::net
