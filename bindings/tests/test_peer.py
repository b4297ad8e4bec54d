"""A test is a conversation: scripted peers against the firmware's TCP."""

import pytest

from kyusim import native
from kyusim.errors import Unexpected
from kyusim.world import World, ms, s

BIG = native.big_pattern()


def test_a_peer_reads_big_and_the_board_closes(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=114)
    conn.send(b"big\n")
    assert conn.read_all() == BIG
    conn.finish()
    conn.expect(".")


def test_lost_segment_recovers_without_timeout(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=114)
    conn.send(b"big\n")
    first, lost, *_rest = conn.expect_data(segments=10)
    for _ in range(4):  # RFC 5681 §3.2: the third duplicate ACK brings what fills the hole
        conn.ack(first)
    conn.expect_again(lost)
    assert board.tcpstat.fast_retransmits == 1
    assert board.tcpstat.retransmission_timeouts == 0


def test_what_is_never_acknowledged_comes_again_by_timeout(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=7)
    conn.send(b"hello")
    first = conn.expect_data()[0]
    again = conn.expect_data(within_us=3 * s)[0]
    assert first == again
    assert again.at_us - first.at_us >= 200 * ms
    assert board.tcpstat.retransmission_timeouts == 1


def test_a_connection_to_a_port_where_nobody_listens_is_reset(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    peer.connect(board, port=7)
    conn = peer.connection(board, port=4999)
    conn.say("S", mss=1460)
    conn.expect("R.", ack=0)


def test_a_segment_with_a_wrong_checksum_is_dropped_and_counted(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=7)
    conn.say("P.", b"hello", checksum_ok=False, offset=0)
    conn.expect_silence(300 * ms)
    assert board.tcpstat.dropped_checksum == 1
    conn.send(b"hello")
    assert conn.expect_data()[0].payload == b"hello"


def test_out_of_order_data_is_kept_and_delivered_in_order(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=7)
    conn.say("P.", b"world", offset=6)
    conn.expect(".", ack=0)
    conn.say("P.", b"hello ", offset=0)
    assert b"".join(h.payload for h in conn.expect_data()) == b"hello world"
    assert board.tcpstat.segments_out_of_order == 1


def test_a_peer_that_closes_its_window_stops_the_board(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=114, window=2920)
    conn.send(b"big\n")
    assert sum(len(h.payload) for h in conn.expect_data(segments=2)) == 2920
    conn.ack(window=0)
    conn.expect_silence(100 * ms)
    conn.ack(window=1460)
    assert conn.expect_data()[0].offset == 2920


def test_a_reset_inside_the_window_is_not_believed_at_once(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=7)
    conn.say("R", offset=100)
    conn.expect(".", ack=0)
    assert board.tcpstat.challenge_acks_sent == 1, "RFC 5961 §3.2"


def test_a_wrong_expectation_shows_what_was_heard(world: World) -> None:
    board, peer = world.board(), world.scripted_peer()
    conn = peer.connect(board, port=7)
    conn.send(b"hello")
    with pytest.raises(Unexpected, match=r"expected R, heard(.|\n)*board:7 -> peer1:40000"):
        conn.expect("R")
    with pytest.raises(Unexpected, match="0 of 1 segments with data"):
        conn.expect_data(within_us=50 * ms)
