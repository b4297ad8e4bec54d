"""Recorders: the last frames of a wire that others carry, with marks between them."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from kyusim._wire import Captured, PipeRecorder, TapRecorder

BOARD = bytes.fromhex("525400aabbcc")
HOST = bytes.fromhex("525400000001")
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1)


def eventually(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends, "it never came about"
        time.sleep(0.002)


# ---- An interface --------------------------------------------------------------------------------


@pytest.fixture
def recorder() -> Iterator[TapRecorder]:
    try:
        made = TapRecorder("lo")
    except RuntimeError as reason:
        pytest.skip(f"nobody may listen to an interface here: {reason}")
    yield made
    made.stop()


class Mouth:
    """Says datagrams that nobody else says, to itself over the loopback."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sign = os.urandom(12)

    def say(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.sock.sendto(self.sign + struct.pack("!I", number), self.sock.getsockname())

    def numbers(self, kept: list[Captured], *, to_board: bool = True) -> list[int]:
        """Of each frame: it is seen as it goes out, and as it comes in."""
        mine = [one for one in kept if self.sign in one.data and one.to_board is to_board]
        return [struct.unpack("!I", one.data[-4:])[0] for one in mine]


@pytest.fixture
def mouth() -> Iterator[Mouth]:
    made = Mouth()
    yield made
    made.sock.close()


def test_frames_are_kept_both_ways_in_order_with_their_times(
    recorder: TapRecorder, mouth: Mouth
) -> None:
    before = time.time_ns()
    mouth.say(0, 50)
    kept = recorder.captured()
    assert mouth.numbers(kept) == mouth.numbers(kept, to_board=False) == list(range(50))
    times = [one.at_ns for one in kept if mouth.sign in one.data]
    assert before <= times[0] <= times[-1] <= time.time_ns()
    assert all(len(one.data) == one.length for one in kept if mouth.sign in one.data)


def test_a_mark_stands_where_it_was_made(recorder: TapRecorder, mouth: Mouth) -> None:
    mouth.say(1, 1)
    recorder.mark("between the two")
    mouth.say(2, 1)
    recorder.mark("after them")
    mine = [one for one in recorder.captured() if one.mark or mouth.sign in one.data]
    said = [one.text or one.data[-1] for one in mine]
    assert said == [1, 1, "between the two", 2, 2, "after them"]


def test_the_ring_has_an_end_and_keeps_the_newest(recorder: TapRecorder, mouth: Mouth) -> None:
    """Without a hole that is not counted: whoever takes the processor from its thread for a tenth
    of a second makes one.
    """
    recorder.mark("too long ago")
    for first in range(0, 40_000, 400):  # each is two frames
        mouth.say(first, 400)
        time.sleep(0.01)
    kept = recorder.captured()
    assert 10_000 <= len(kept) <= 60_000
    missed = recorder.missed
    holes = 0
    for to_board in (False, True):
        numbers = mouth.numbers(kept, to_board=to_board)
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        holes += 40_000 - numbers[0] - len(numbers)
    assert holes <= missed <= 4_000, "of 80,000; without its thread it would be 47,000"
    assert not any(one.mark for one in kept)


def test_what_was_recorded_stays_when_the_recorder_has_stopped(
    recorder: TapRecorder, mouth: Mouth
) -> None:
    mouth.say(7, 1)
    recorder.stop()
    recorder.stop()
    assert mouth.numbers(recorder.captured()) == [7]


def test_an_interface_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(RuntimeError, match="recorder"):
        TapRecorder("kyu-none")


# ---- A pipe --------------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[int, PipeRecorder]]:
    read, write = os.pipe()
    recorder = PipeRecorder(read, BOARD, keep_bytes=100_000)
    yield write, recorder
    recorder.stop()
    os.close(read)
    os.close(write)


def record(number: int, source: bytes = HOST, *, at_us: int = 0) -> bytes:
    frame = BOARD + source + struct.pack("!HI", 0x0800, number)
    return (
        struct.pack("<IIII", 1000 + at_us // 10**6, at_us % 10**6, len(frame), len(frame)) + frame
    )


def test_a_capture_that_comes_in_pieces_is_read_whole(pipe: tuple[int, PipeRecorder]) -> None:
    write, recorder = pipe
    whole = PCAP + record(1, at_us=5) + record(2, BOARD)
    for at in range(0, len(whole), 7):
        os.write(write, whole[at : at + 7])
    eventually(lambda: len(recorder.captured()) == 2)
    kept = recorder.captured()
    assert [one.to_board for one in kept] == [True, False]
    assert (kept[0].at_ns, kept[0].length) == (1_000_000_005_000, 18)
    assert recorder.missed == 0


def test_a_board_that_is_powered_again_goes_on_in_the_same_pipe(
    pipe: tuple[int, PipeRecorder],
) -> None:
    write, recorder = pipe
    os.write(write, PCAP + record(1))
    eventually(lambda: len(recorder.captured()) == 1)
    recorder.mark("powered again")
    os.write(write, PCAP + record(2))
    eventually(lambda: len(recorder.captured()) == 3)
    assert [one.text for one in recorder.captured()] == ["", "powered again", ""]


def test_the_oldest_go_first(pipe: tuple[int, PipeRecorder]) -> None:
    write, recorder = pipe
    for number in range(3000):
        os.write(write, record(number))
    eventually(lambda: recorder.captured()[-1].data[-4:] == struct.pack("!I", 2999))
    assert 500 < len(recorder.captured()) < 1000


def test_what_is_no_capture_is_counted_and_kept_out(pipe: tuple[int, PipeRecorder]) -> None:
    write, recorder = pipe
    os.write(write, PCAP + record(1) + b"\xff" * 100)
    eventually(lambda: recorder.missed == 100)
    os.write(write, record(2))
    eventually(lambda: len(recorder.captured()) == 2)


def test_no_mac_address_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="MAC"):
        PipeRecorder(0, b"short")
