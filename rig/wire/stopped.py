"""Where a conversation stopped: the last frames, put into a sentence.

Rules     pure: frames in, words out. It says what the frames show, not who is to blame; what a
          wire has dropped counts as sent by the one and not seen by the other. Damaged frames are
          passed over. Frames may be cut: only headers are read.
Source    RFC 9293 section 3.3.2 (states, told from outside); RFC 826 for ARP.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from rig.wire.pcapng import Frame
from rig.wire.recorded import THEN

_IPV4, _ARP, _TCP = 0x0800, 0x0806, 6
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_HALF = 1 << 31
#: So many of the same unanswered frames are no coincidence.
_TIMES = 2
#: Of the last so many frames of a conversation it is told what the wire has done to them.
_LATELY = 20


@dataclass(frozen=True, slots=True)
class _Segment:
    at: int
    out: bool
    sender: str
    peer: tuple[str, int]
    port: int
    flags: int
    seq: int
    ack: int
    window: int
    length: int  # sequence space
    lost: bool


@dataclass(slots=True)
class _Side:
    """What one end has said."""

    end: int | None = None  # highest sequence number it has sent, plus one
    acked: int | None = None  # of the other's
    window: int | None = None
    tries: int = 0  # segments in a row that brought nothing new
    last: int = 0
    fin: bool = False
    syns: int = 0
    spoke: bool = False  # it sent more than ACKs


@dataclass(slots=True)
class _Talk:
    peer: tuple[str, int]
    port: int
    board: _Side = field(default_factory=_Side)
    host: _Side = field(default_factory=_Side)
    reset: bool = False
    last: int = 0
    lost: deque[bool] = field(default_factory=lambda: deque(maxlen=_LATELY))

    @property
    def over(self) -> bool:
        done = self.board.fin and self.host.fin
        return self.reset or (done and self.host.acked == self.board.end)

    def take(self, s: _Segment) -> None:
        side = self.board if s.out else self.host
        self.last = side.last = s.at
        self.lost.append(s.lost)
        self.reset |= bool(s.flags & _RST)
        if s.flags & _SYN:
            side.syns += 1
        side.fin |= bool(s.flags & _FIN)
        end = (s.seq + s.length) % (1 << 32)
        fresh = side.end is None or _after(end, side.end)
        if s.length:
            side.spoke = True
            side.tries = 0 if fresh else side.tries + 1
        if fresh:
            side.end = end
        if s.flags & _ACK and not s.lost:
            side.acked, side.window = s.ack, s.window


@dataclass(frozen=True, slots=True)
class Stop:
    """`told`: where it stopped; `wire`: what the wire did to its last frames, if it did harm."""

    told: str = ""
    wire: str = ""

    def __str__(self) -> str:
        return "; ".join(said for said in (self.told, self.wire) if said)


def where(frames: Iterable[Frame], ports: Collection[int] = (), *, digits: int = 6) -> Stop:
    """Of the last conversation that did not end; with nothing to tell when all ended, or none was.

    `ports`: this host's, of the connections that went wrong: they come first. `digits`: unit of
    `Frame.at`, as in pcapng.encode.
    """
    talks: dict[tuple[tuple[str, int], int], _Talk] = {}
    asked: dict[str, int] = {}
    last, unit = 0, 10**digits
    for frame in frames:
        last = max(last, frame.at)
        if arp := _arp(frame):
            request, address = arp
            asked[address] = asked.get(address, 0) + 1 if request else 0
        for s in _segments(frame):
            talks.setdefault((s.peer, s.port), _Talk(s.peer, s.port)).take(s)
            if not s.lost:
                asked.pop(s.sender, None)  # who sends needs no answer to be found
    for address, times in asked.items():
        if times > _TIMES:
            return Stop(f"no ARP answer: {address} was asked for {times} times")
    open_ones = [talk for talk in talks.values() if not talk.over]
    if not open_ones:
        return Stop()
    talk = max(open_ones, key=lambda one: (one.peer[1] in ports, one.last))
    who = f"{talk.peer[0]}:{talk.peer[1]} with port {talk.port}"
    return Stop(f"{who}: {_told(talk, last, unit)}", _harm(talk))


def _harm(talk: _Talk) -> str:
    lost = sum(talk.lost)
    if not lost:
        return ""
    return f"the wire has dropped {lost} of its last {len(talk.lost)} frames"


def _told(talk: _Talk, last: int, unit: int) -> str:
    board, host = talk.board, talk.host
    if host.syns and board.end is None:
        return f"SYN unanswered, sent {host.syns} times"
    if board.syns and host.end is None:
        return f"the board's SYN is unanswered, sent {board.syns} times"
    quiet = (last - board.last) / unit
    unacked = board.end is not None and host.acked is not None and _after(board.end, host.acked)
    if host.window == 0:
        return "the host's window is zero: it does not read"
    if unacked and board.tries >= _TIMES:
        return f"the board sends again and again ({board.tries} times): no ACK reaches it"
    if unacked:
        return f"the board's last bytes are not acknowledged; nothing from it for {quiet:.2f} s"
    heard = host.end is None or (board.acked is not None and not _after(host.end, board.acked))
    missing = host.spoke and not heard
    if board.window == 0:
        return "the board's window is zero: nobody there reads"
    if missing and host.tries >= _TIMES:
        return f"the board is silent: the host has sent again {host.tries} times"
    if missing:
        return f"the board has not acknowledged what it was sent, {quiet:.2f} s ago"
    if board.fin or host.fin:
        closed = "the board" if board.fin else "the host"
        return f"{closed} has closed its half, all is acknowledged, the other half stays open"
    return f"all is acknowledged, and the board has sent nothing for {quiet:.2f} s"


def _after(a: int, b: int) -> bool:
    """Of sequence numbers."""
    return 0 < (a - b) % (1 << 32) < _HALF


def _arp(frame: Frame) -> tuple[bool, str] | None:
    """(it is a request, for whom; or an answer, from whom)."""
    data = frame.data
    if len(data) < 42 or _type(data) != _ARP:
        return None
    request = data[20:22] == b"\0\1"
    sender, target = data[28:32], data[38:42]
    if request and sender == target:  # an announcement asks for nothing
        return None
    return request, _dotted(target if request else sender)


def _dotted(address: bytes) -> str:
    return ".".join(str(byte) for byte in address)


def _segments(frame: Frame) -> Iterator[_Segment]:
    data = frame.data
    if len(data) < 34 or _type(data) != _IPV4 or data[14] >> 4 != 4 or data[23] != _TCP:
        return
    header = (data[14] & 15) * 4
    at = 14 + header
    if header < 20 or len(data) < at + 20:
        return
    total: int = struct.unpack_from("!H", data, 16)[0]
    source, port, seq, ack, offset, flags, window = struct.unpack_from("!HHIIBBH", data, at)
    text = max(0, total - header - (offset >> 4) * 4)
    length = text + (flags & _SYN != 0) + (flags & _FIN != 0)
    sender = _dotted(data[26:30])
    host, ours = (port, source) if frame.out else (source, port)
    peer = (_dotted(data[30:34]) if frame.out else sender, host)
    lost = frame.comment.partition(THEN)[0].endswith("dropped")
    yield _Segment(frame.at, frame.out, sender, peer, ours, flags, seq, ack, window, length, lost)


def _type(data: bytes) -> int:
    return data[12] << 8 | data[13]
