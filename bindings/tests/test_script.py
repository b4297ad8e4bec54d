"""Conversations to the millisecond."""

import pytest

from kyusim.errors import Unexpected
from kyusim.script import Script, ms
from kyusim.world import World


def test_an_echo_to_the_millisecond(world: World) -> None:
    at = Script(world, world.board(), port=7).at
    at(0 * ms).send("S", mss=1460)
    at(0 * ms).expect("S.", ack=0, mss=1460)
    at(1 * ms).send(".")
    at(2 * ms).send("P.", data=b"hello")
    at(2 * ms).expect("P.", seq=0, ack=5, data=b"hello")
    at(3 * ms).send(".")
    at(30 * ms).expect_nothing()


def test_a_retransmitted_segment_is_acknowledged_and_not_echoed_again(world: World) -> None:
    board = world.board()
    at = Script(world, board, port=7).at
    at(0 * ms).send("S", mss=1460)
    at(0 * ms).expect("S.", ack=0)
    at(1 * ms).send(".")
    at(2 * ms).send("P.", data=b"hello")
    at(2 * ms).expect("P.", ack=5, data=b"hello")
    at(3 * ms).send("P.", seq=0, data=b"hello")
    at(3 * ms).expect(".", ack=5)
    assert board.tcpstat.dropped_outside_window == 1


def test_the_reset_of_a_connection_is_to_the_byte(world: World) -> None:
    board = world.board()
    at = Script(world, board, port=7).at
    at(0 * ms).send("S", mss=1460)
    at(0 * ms).expect("S.", ack=0)
    at(1 * ms).send(".")
    at(2 * ms).send("R", seq=1)
    at(2 * ms).expect(".", ack=0)
    at(3 * ms).send("R", seq=0)
    at(500 * ms).expect_nothing()
    assert board.tcpstat.resets_received == 1


def test_what_comes_too_late_fails_its_line(world: World) -> None:
    at = Script(world, world.board(), port=7).at
    at(0 * ms).send("S", mss=1460)
    at(0 * ms).expect("S.")
    at(1 * ms).send(".")
    with pytest.raises(Unexpected, match="nothing came"):
        at(2 * ms).expect("P.")
    with pytest.raises(Unexpected, match="it is 3000 us already"):
        at(2 * ms).send(".")
