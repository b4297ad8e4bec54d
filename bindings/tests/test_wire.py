"""The bridge between two descriptors: what goes in comes out, or what became of it is told."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from kyusim import FatePlan as SimFatePlan
from kyusim import Fates
from kyusim._wire import Bridge, FatePlan, Way

BOTH = (Way.to_board, Way.to_host)


@dataclass
class Ends:
    """Who sends at `host` is heard at `board`, and the other way round."""

    host: socket.socket
    board: socket.socket
    bridge: Bridge

    def towards(self, way: Way) -> tuple[socket.socket, socket.socket]:
        return (self.host, self.board) if way == Way.to_board else (self.board, self.host)


def datagrams() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


@pytest.fixture
def ends() -> Iterator[Ends]:
    host, host_side = datagrams()
    board, board_side = datagrams()
    bridge = Bridge(host_side.fileno(), board_side.fileno())
    for end in (host, board):
        end.settimeout(5)
    yield Ends(host, board, bridge)
    bridge.stop()
    for end in (host, host_side, board, board_side):
        end.close()


def eventually(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.002)


def frame(number: int, size: int = 60) -> bytes:
    return number.to_bytes(4, "big") * (size // 4)


def sent(ends: Ends, way: Way, count: int) -> list[bytes]:
    """`count` frames, a few at a time, as the far side takes them; what comes out."""
    into, out = ends.towards(way)
    out.settimeout(0.05)
    before = ends.bridge.counters(way).frames
    heard: list[bytes] = []
    for number in range(count):
        into.send(frame(number))
        if number % 8 == 7:
            heard += drained(out)
    eventually(lambda: ends.bridge.counters(way).frames == before + count)
    return heard + drained(out)


def drained(out: socket.socket) -> list[bytes]:
    heard = []
    try:
        while True:
            heard.append(out.recv(65536))
    except TimeoutError:
        return heard


@pytest.mark.parametrize("way", BOTH)
def test_frames_of_every_size_pass_whole_in_order(ends: Ends, way: Way) -> None:
    into, out = ends.towards(way)
    for size in (1, 14, 60, 1514, 9000):
        data = os.urandom(size)
        into.send(data)
        assert out.recv(65536) == data
    counters = ends.bridge.counters(way)
    assert (counters.frames, counters.delivered, counters.dropped) == (5, 5, 0)
    assert counters.bytes == 1 + 14 + 60 + 1514 + 9000


def test_a_plan_draws_for_this_wire_what_it_draws_in_the_simulator(ends: Ends) -> None:
    def plan(kind: type[SimFatePlan]) -> SimFatePlan:
        return kind(loss=0.2, duplicate=0.1, corrupt=0.1, truncate=0.05)

    ends.bridge.set(Way.to_host, plan(FatePlan), 7)
    heard = sent(ends, Way.to_host, 400)
    fates = Fates.from_seed(plan(SimFatePlan), 7)
    expected = []
    for number in range(400):
        fate = fates.next(60, 0)
        data = bytearray(frame(number))
        if fate.truncate_to >= 0:
            del data[fate.truncate_to :]
        if 0 <= fate.corrupt_bit < 8 * len(data):
            data[fate.corrupt_bit // 8] ^= 0x80 >> fate.corrupt_bit % 8
        expected += [] if fate.drop else [bytes(data)] * (2 if fate.duplicate else 1)
    assert heard == expected
    counters = ends.bridge.counters(Way.to_host)
    assert counters.dropped > 40
    assert counters.duplicated > 10
    assert counters.corrupted > 10
    assert counters.truncated > 5


def test_delay_and_rate_hold_frames_back_and_lose_none(ends: Ends) -> None:
    ends.bridge.set(Way.to_board, FatePlan(delay_us=20_000), 1)
    began = time.monotonic()
    ends.host.send(frame(1))
    assert ends.board.recv(100) == frame(1)
    assert time.monotonic() - began >= 0.02
    ends.bridge.set(Way.to_board, FatePlan(rate_bytes_per_s=60_000), 1)  # 1 ms a frame
    began = time.monotonic()
    heard = sent(ends, Way.to_board, 50)
    assert heard == [frame(number) for number in range(50)]
    assert time.monotonic() - began >= 0.05


def test_reordering_lets_others_overtake_and_loses_none(ends: Ends) -> None:
    ends.bridge.set(Way.to_board, FatePlan(reorder=0.2), 3)
    heard = sent(ends, Way.to_board, 200)
    assert sorted(heard) == [frame(number) for number in range(200)]
    assert heard != sorted(heard)


def test_a_cut_direction_is_dead_and_the_other_lives(ends: Ends) -> None:
    ends.bridge.cut(Way.to_host, True)
    ends.board.send(frame(1))
    ends.host.send(frame(2))
    assert ends.board.recv(100) == frame(2)
    eventually(lambda: ends.bridge.counters(Way.to_host).dropped == 1)
    ends.bridge.cut(Way.to_host, False)
    ends.board.send(frame(3))
    assert ends.host.recv(100) == frame(3)


def test_a_far_side_that_takes_nothing_slows_and_then_loses_and_comes_back(ends: Ends) -> None:
    def send_until_it_blocks() -> None:
        ends.host.settimeout(0.05)
        for number in range(10_000):
            ends.host.send(frame(number))

    with pytest.raises(TimeoutError):  # queues are full all the way: the sender has to wait
        send_until_it_blocks()
    eventually(lambda: ends.bridge.counters(Way.to_board).refused > 0)
    for _ in range(100):  # now like a cable without an end
        ends.host.send(frame(7))
    ends.board.settimeout(0.2)
    drained(ends.board)
    ends.host.send(frame(8))
    assert ends.board.recv(100) == frame(8)


def test_what_passed_is_kept_with_its_fate_and_the_marks_between(ends: Ends) -> None:
    ends.host.send(frame(1))
    ends.board.recv(100)
    ends.bridge.mark("now it rains")
    ends.bridge.set(Way.to_board, FatePlan(loss=1.0), 1)
    ends.host.send(frame(2, 1200))
    eventually(lambda: ends.bridge.counters(Way.to_board).dropped == 1)
    kept = ends.bridge.captured()
    assert [(one.mark, one.text) for one in kept] == [
        (False, ""),
        (True, "now it rains"),
        (False, "dropped"),
    ]
    assert kept[2].data == frame(2, 1200)
    assert kept[0].at_ns <= kept[1].at_ns <= kept[2].at_ns <= Bridge.now_ns()


def test_the_oldest_are_forgotten_first_and_counted() -> None:
    host, host_side = datagrams()
    board, board_side = datagrams()
    bridge = Bridge(host_side.fileno(), board_side.fileno(), keep_bytes=2000, snap_bytes=40)
    for number in range(50):
        host.send(frame(number))
        board.recv(100)
    bridge.stop()
    kept = bridge.captured()
    assert kept[-1].data == frame(49)[:40]
    assert kept[-1].length == 60
    assert len(kept) + bridge.forgotten == 50
    assert 5 < len(kept) < 20

    bridge.forget()
    assert bridge.captured() == []
    assert bridge.forgotten == 50
    assert bridge.counters(Way.to_board).frames == 50, "what is counted stays"
    for end in (host, host_side, board, board_side):
        end.close()


def test_what_is_no_descriptor_is_told_at_once() -> None:
    one, other = datagrams()
    with pytest.raises(RuntimeError, match="descriptor"):
        Bridge(one.fileno(), 9999)
    one.close()
    other.close()


def test_no_chance_is_told_before_anything_changes() -> None:
    with pytest.raises(ValueError, match="loss is no chance"):
        FatePlan(loss=1.5)
