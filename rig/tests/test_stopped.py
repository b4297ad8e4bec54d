"""Where a conversation stopped, told from its frames."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyusim.segment import Segment
from rig.wire.pcapng import Frame
from rig.wire.recorded import frames_of
from rig.wire.stopped import where

HOST, BOARD = "192.168.0.1", "192.168.0.73"
MS = 1000


class Talk:
    """Frames of one conversation, in microseconds."""

    def __init__(self, port: int = 40_000) -> None:
        self.frames: list[Frame] = []
        self.port = port
        self.at = 0

    def _add(self, out: bool, segment: Segment, comment: str = "") -> Talk:
        ends = (BOARD, HOST) if out else (HOST, BOARD)
        tcp = segment.to_bytes(*ends)
        addresses = b"".join(ipaddress.IPv4Address(end).packed for end in ends)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + addresses
        data = bytes(12) + b"\x08\x00" + ip + tcp
        self.at += MS
        self.frames.append(Frame(self.at, out, len(data), data[:80], comment))
        return self

    def host(
        self,
        flags: str,
        seq: int = 0,
        ack: int = 0,
        size: int = 0,
        lost: bool = False,
        window: int = 65535,
    ) -> Talk:
        segment = Segment(
            self.port, 114, flags, 1000 + seq, 5000 + ack, payload=bytes(size), window=window
        )
        return self._add(False, segment, "dropped" if lost else "")

    def board(
        self,
        flags: str,
        seq: int = 0,
        ack: int = 0,
        size: int = 0,
        lost: bool = False,
        window: int = 65535,
    ) -> Talk:
        segment = Segment(
            114, self.port, flags, 5000 + seq, 1000 + ack, payload=bytes(size), window=window
        )
        return self._add(True, segment, "dropped" if lost else "")

    def opened(self) -> Talk:
        return self.host("S").board("S.", 0, 1).host(".", 1, 1)

    def told(self) -> str:
        return str(where(self.frames))


def arp(request: bool, target: str = BOARD) -> Frame:
    sender, asked = (HOST, target) if request else (target, HOST)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1 if request else 2)
    body += bytes(6) + ipaddress.IPv4Address(sender).packed
    body += bytes(6) + ipaddress.IPv4Address(asked).packed
    data = bytes(12) + b"\x08\x06" + body
    return Frame(0, not request, len(data), data)


CASES = {
    "SYN unanswered, sent 3 times": Talk().host("S").host("S").host("S"),
    "the board's SYN is unanswered, sent 2 times": Talk().board("S").board("S"),
    "the host's window is zero: it does not read": (
        Talk().opened().board(".", 1, 1, 1000).host(".", 1, 1001, window=0)
    ),
    "the board's window is zero: nobody there reads": (
        Talk().opened().host("P.", 1, 1, 900).board(".", 1, 901, window=0)
    ),
    "the board sends again and again (3 times): no ACK reaches it": (
        Talk()
        .opened()
        .board(".", 1, 1, 1000)
        .board(".", 1, 1, 1000)
        .board(".", 1, 1, 1000)
        .board(".", 1, 1, 1000)
    ),
    "the board is silent: the host has sent again 3 times": (
        Talk()
        .opened()
        .host("P.", 1, 1, 4)
        .host("P.", 1, 1, 4)
        .host("P.", 1, 1, 4)
        .host("P.", 1, 1, 4)
    ),
    "the board's last bytes are not acknowledged; nothing from it for 0.00 s": (
        Talk().opened().board(".", 1, 1, 1000).board(".", 1001, 1, 1000)
    ),
    "the board has closed its half, all is acknowledged, the other half stays open": (
        Talk().opened().board("F.", 1, 1).host(".", 1, 2)
    ),
    "all is acknowledged, and the board has sent nothing for 0.00 s": (
        Talk().opened().board("P.", 1, 1, 10).host(".", 1, 11).board(".", 11, 1)
    ),
}


@pytest.mark.parametrize("expected", CASES)
def test_what_the_last_frames_show(expected: str) -> None:
    assert CASES[expected].told() == f"{HOST}:40000 with port 114: {expected}"


def test_a_conversation_that_ended_stopped_nowhere() -> None:
    talk = Talk().opened().board("F.", 1, 1).host("F.", 1, 2).board(".", 2, 2)
    assert talk.told() == ""
    assert Talk().opened().host("R", 1).told() == ""


def test_of_several_it_is_the_last_that_is_still_open() -> None:
    old = Talk(40_001).opened()
    done = Talk(40_002)
    done.at = 50 * MS
    done.opened().host("R", 1)
    assert "40001" in where(old.frames + done.frames).told


def test_the_one_that_went_wrong_is_told_before_the_others() -> None:
    wrong, later = Talk(40_001).opened(), Talk(40_002)
    later.at = wrong.at
    later.opened()
    assert "40002" in where(wrong.frames + later.frames).told
    assert "40001" in where(wrong.frames + later.frames, [40_001]).told
    assert "40002" in where(wrong.frames + later.frames, [40_003]).told, "it is not in the capture"


def test_what_the_wire_did_to_its_last_frames_stands_beside_where_it_stopped() -> None:
    talk = Talk().host("F.", 1, 1, lost=True).host("F.", 1, 1, lost=True).host("F.", 1, 1)
    stop = where(talk.frames)
    assert stop.told.endswith(": the board is silent: the host has sent again 2 times")
    assert stop.wire == "the wire has dropped 2 of its last 3 frames"
    assert str(stop) == f"{stop.told}; {stop.wire}"
    for n in range(20):
        talk.host("F.", 1, 1 + n)
    assert where(talk.frames).wire == "", "that was long ago"


def test_an_address_that_nobody_has_is_told_first() -> None:
    talk = Talk().host("S")
    asked = [arp(True)] * 3
    told = f"no ARP answer: {BOARD} was asked for 3 times"
    assert where([*talk.frames, *asked]).told == told
    assert where([*Talk().opened().frames, *asked]).told == told, "it has spoken, but before that"
    assert "ARP" not in where([*talk.frames, *asked, arp(False)]).told
    assert "ARP" not in where([*asked, *Talk().opened().frames]).told, "it spoke after all"


def test_sequence_numbers_may_wrap() -> None:
    near = (1 << 32) - 5500  # the board's space ends 500 bytes behind that
    talk = Talk().board(".", near, 1, 1000).host(".", 1, near + 1000)
    assert "all is acknowledged" in talk.told()
    assert "not acknowledged" in talk.board(".", near + 1000, 1, 10).told()


def test_an_ack_that_the_wire_has_dropped_was_not_heard() -> None:
    talk = Talk().opened().host("P.", 1, 1, 100).board(".", 1, 101, lost=True)
    assert "has not acknowledged" in talk.told()


@dataclass(frozen=True)
class Captured:
    """What a recorder of C++ hands out: a frame with its fate, or a mark."""

    at_ns: int = 0
    to_board: bool = True
    length: int = 0
    data: bytes = b""
    text: str = ""
    mark: bool = False


def test_a_last_frame_that_the_wire_has_dropped_stays_lost_when_a_mark_follows_it() -> None:
    """As it is where a transfer stalls: the ACK is dropped, the transfer fails, nothing follows."""
    talk = Talk().opened().host("P.", 1, 1, 100).board(".", 1, 101, lost=True)
    captured = [Captured(f.at, not f.out, f.length, f.data, f.comment) for f in talk.frames]
    for marks in (["transfer 7: stall"], ["transfer 7: stall", "the board is reset"]):
        frames = frames_of([*captured, *(Captured(text=text, mark=True) for text in marks)])
        assert frames[-1].comment == f"dropped; then {'; '.join(marks)}"
        assert where(frames) == where(talk.frames)
    assert where(talk.frames).wire == "the wire has dropped 1 of its last 5 frames"


@given(st.lists(st.binary(max_size=80), max_size=20), st.booleans())
def test_whatever_the_frames_hold_it_is_words(content: list[bytes], out: bool) -> None:
    heads = (b"", bytes(12) + b"\x08\x00\x45", bytes(12) + b"\x08\x06")
    frames = [
        Frame(at, out, len(head + data), head + data)
        for at, data in enumerate(content)
        for head in heads
    ]
    assert "\n" not in str(where(frames, [0]))
