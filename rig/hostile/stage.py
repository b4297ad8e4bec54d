"""Stage: where a case is played, and the far side of a TCP connection there.

Rules     A stage is the simulator (sim_stage.py) or a wire with a board on it; a case cannot tell
          which. It answers ARP for the stations it speaks for and nothing else.
          What the board sends is checked frame by frame: a wrong checksum or a length that does not
          fit is a failure of every case.
Time      microseconds: virtual ones in the simulator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kyusim.segment import IpPacket, checksum
from rig.hostile import frames as f

MODULUS = 1 << 32
MS = 1_000
S = 1_000_000


@dataclass(frozen=True, slots=True)
class Station:
    """A host that a stage speaks for."""

    ip: str
    mac: bytes


class Stage(Protocol):
    """What a case sees of the world."""

    #: The board.
    ip: str
    mac: bytes
    me: Station
    conns: dict[tuple[int, int], Conn]
    #: How much later than it happens at the board something may seem to happen here.
    blur_us: int
    #: How often the board has asked where we are.
    sought: int

    def send(self, *frames: bytes) -> None:
        """Puts frames on the wire."""

    def hear(self, for_us: int = 100 * MS) -> list[bytes]:
        """What the board says within a time; its ARP requests are answered and left out."""

    def inject(self, frames: Sequence[bytes], times: int, gap_us: int = 100) -> None:
        """Sends all of `frames`, `times` times over."""

    def flood(self, frames: Sequence[bytes], times: int = 1, gap_us: int = 10) -> None:
        """As inject(), but on a wire without any gap: what the board is too slow for is lost."""

    def least(self, sent: int) -> int:
        """So many of a flood must have come."""

    def hear_some(self, enough: int, for_us: int) -> list[bytes]:
        """As hear(); a wire's stage waits no longer once `enough` frames have come."""

    def hear_first(self, for_us: int) -> list[bytes]:
        """As hear(); a wire's stage does not wait any longer once it is silent after an answer."""

    def often(self, times: int) -> int:
        """How many times something is repeated that the simulator repeats so often."""

    def counters(self) -> Mapping[str, int]: ...
    def count_of(self, counter: str) -> int | None:
        """While the shell does what type() told it. None: it is the one that would tell."""

    def fresh_port(self) -> int:
        """A port that no connection of ours has had."""

    @property
    def now_us(self) -> int: ...
    def run_for(self, duration_us: int) -> None:
        """Time passes; what comes meanwhile is kept for hear()."""

    def drop(self) -> None:
        """What has come is of no interest."""

    @property
    def busy(self) -> bool:
        """Somebody else fetches at the same time."""

    def echo(self) -> None:
        """A clean conversation with the echo service; of other connections of ours no more is
        known."""

    # ---- The board from inside ---------------------------------------------------------------

    def state(self, conn: Conn) -> str:
        """Of the connection at the board, by RFC 9293 §3.3.2; of none: LISTEN or CLOSED."""

    def reading(self) -> tuple[int, User]:
        """Waits at a port for a connection, and reads all of it."""

    def leave(self, conn: Conn) -> None:
        """Who reads has heard the end, and closes; we agree."""

    def ignoring(self) -> Ignoring:
        """A listener that says nothing to who connects, and lets only a few in."""

    def connecting(self, remote_port: int) -> tuple[User, Conn]:
        """Connects to us, and reads all; and our end, after its SYN has come."""

    def shell(self, command: str) -> str: ...
    def type(self, command: str) -> int:
        """A command, of which await_said() tells what comes of it: from here on."""

    def await_said(self, text: str, start: int) -> str:
        """All that was said since `start`, with `text` in it. AssertionError: it does not come."""


class User(Protocol):
    """Somebody at the board who uses a connection."""

    @property
    def received(self) -> bytes: ...
    @property
    def done(self) -> bool: ...
    @property
    def error(self) -> str:
        """Of who connects: "connect: refused", for instance; empty: none."""


@dataclass(frozen=True, slots=True)
class Ignoring:
    """Who ignores its clients."""

    port: int
    most: int  # sockets that it takes, with its own
    end: Callable[[Sequence[Conn]], None]  # of all that these clients had, in its way


def gone(stage: Stage, conn: Conn) -> bool:
    """The board knows nothing of it any more."""
    return stage.state(conn) in ("CLOSED", "LISTEN")


def packet(stage: Stage, protocol: int, payload: bytes, *, source: str = "") -> bytes:
    """A frame from us with an honest IPv4 header."""
    ip = f.ipv4(source or stage.me.ip, stage.ip, protocol, payload)
    return f.ether(stage.mac, stage.me.mac, f.IPV4, ip)


@dataclass(slots=True)
class Conn:
    """One TCP connection to the board; nothing is said that a case did not ask for."""

    stage: Stage
    port: int
    local_port: int
    seq: int = 0  # our next byte
    ack: int = 0  # the board's next byte
    acked: int = 0  # what the board last said that it expects of us
    window: int = 65535
    options: bytes = b""  # on every segment
    began: int = 0  # the board's SYN
    heard: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.seq = self.seq or 0x1234_0000 + self.local_port
        self.stage.conns[self.port, self.local_port] = self

    def segment(
        self,
        flags: str | int,
        data: bytes = b"",
        *,
        seq: int = 0,
        ack: int = 0,
        window: int | None = None,
        options: bytes | None = None,
        urgent: int = 0,
        offset: int | None = None,
        sum_: int | None = None,
    ) -> bytes:
        """A frame; `seq` and `ack` are counted from what is expected."""
        bits = f.flag_bits(flags) if isinstance(flags, str) else flags
        segment = f.tcp(
            self.stage.me.ip,
            self.stage.ip,
            self.local_port,
            self.port,
            bits,
            seq=self.seq + seq,
            ack=self.ack + ack if bits & f.ACK else 0,
            window=self.window if window is None else window,
            urgent=urgent,
            options=self.options if options is None else options,
            offset=offset,
            data=data,
            sum_=sum_,
        )
        return packet(self.stage, f.TCP, segment)

    def say(self, flags: str, data: bytes = b"", **more: Any) -> list[bytes]:
        """Sends a segment, moves on, and hears what comes."""
        self.stage.send(self.segment(flags, data, **more))
        self.seq += len(data) + ("S" in flags) + ("F" in flags)
        return self.take(self.stage.hear_first(60 * MS))

    def owns(self, frame: bytes) -> bool:
        """It came for this connection."""
        got = parse_tcp(frame)
        return got is not None and (got.source_port, got.port) == (self.port, self.local_port)

    def hear_own(self, for_us: int = 20 * MS) -> list[bytes]:
        """The next of its frames, whatever comes late for others; moves on by it. Empty: none."""
        for _ in range(20):
            own = [frame for frame in self.stage.hear_some(1, for_us) if self.owns(frame)]
            if own:
                return self.take(own)
        return []

    def take(self, frames: Sequence[bytes]) -> list[bytes]:
        """Moves on by what came for this connection in order, and keeps its text."""
        for frame in frames:
            got = parse_tcp(frame)
            if got is None or (got.source_port, got.port) != (self.port, self.local_port):
                continue
            self.acked = got.ack if "A" in got.flags else self.acked
            if "S" in got.flags:
                self.began, self.ack = got.seq, (got.seq + 1) % MODULUS
            elif got.seq == self.ack % MODULUS:
                self.heard += got.data
                self.ack += len(got.data) + ("F" in got.flags)
        return list(frames)

    def open(self, *, options: bytes = b"\x02\x04\x05\xb4", answer: str = "tcp SA") -> Conn:
        """The three-way handshake."""
        for wait_us in (20 * MS, 1_000 * MS, 1_000 * MS):  # like any client it asks again
            self.stage.send(self.segment("S", options=options))
            came = [frame for frame in self.stage.hear_first(wait_us) if self.owns(frame)]
            if came:
                break
        assert texts(self.stage, came)[:1] == [answer], texts(self.stage, came)
        self.take(came)
        self.seq += 1
        self.stage.send(self.segment("A"))
        self.take(self.stage.hear(1 * MS))
        return self

    def abort(self) -> None:
        """Ends it, wherever it is: a reset at the exact number, which is one of these."""
        for seq in (0, 1, self.acked - self.seq if self.acked else 0):
            self.stage.send(self.segment("RA", seq=seq, options=b""))
        self.stage.hear(10 * MS)
        self.stage.conns.pop((self.port, self.local_port), None)

    def read_all(self, least: int, rounds: int = 2000) -> bytes:
        """Acknowledges whatever comes until `least` bytes are here."""
        for _ in range(rounds):
            if len(self.heard) >= least:
                break
            self.stage.send(self.segment("A"))
            self.take(self.stage.hear(5 * MS))
        return bytes(self.heard)


@dataclass(frozen=True, slots=True)
class Tcp:
    """A segment of the board's."""

    source_port: int
    port: int
    seq: int
    ack: int
    flags: str
    window: int
    options: bytes
    data: bytes


def parse_tcp(frame: bytes) -> Tcp | None:
    if frame[12:14] != b"\x08\x00" or frame[23] != f.TCP:
        return None
    body = IpPacket.parse(frame[14:]).payload
    end = (body[12] >> 4) * 4
    return Tcp(
        int.from_bytes(body[0:2], "big"),
        int.from_bytes(body[2:4], "big"),
        int.from_bytes(body[4:8], "big"),
        int.from_bytes(body[8:12], "big"),
        f.flag_text(body[13] & 0x3F),
        int.from_bytes(body[14:16], "big"),
        body[20:end],
        body[end:],
    )


def established(stage: Stage, port: int = 9, **more: Any) -> Conn:
    """A connection to the board's discard service, or to another."""
    return Conn(stage, port, stage.fresh_port(), **more).open()


def closing(stage: Stage) -> Conn:
    """No connection: the next segment is the first."""
    return Conn(stage, 9, stage.fresh_port())


def clean_echo(stage: Stage) -> None:
    """A clean conversation with the echo service: the board is well."""
    conn = Conn(stage, 7, stage.fresh_port()).open()
    text = b"are you well?"
    conn.say("PA", text)
    while not conn.heard and conn.hear_own():
        pass
    assert bytes(conn.heard) == text
    conn.say("FA")
    while (conn.ack - conn.began) % MODULUS != 1 + len(text) + 1 and conn.hear_own():
        pass  # its end, without whose ACK it would ask for long
    stage.send(conn.segment("A"))
    stage.hear(1 * MS)
    stage.conns.clear()


# ---- What came -----------------------------------------------------------------------------------


def texts(stage: Stage, frames: Sequence[bytes]) -> list[str]:
    known: dict[bytes, str] = {}  # of ten thousand answers most are the same
    return [known.get(frame) or known.setdefault(frame, describe(stage, frame)) for frame in frames]


def describe(stage: Stage, frame: bytes) -> str:
    """A frame of the board's in a few words. AssertionError: nobody may send such a frame."""
    assert frame[6:12] == stage.mac, f"not from the board: {frame.hex()}"
    kind = int.from_bytes(frame[12:14], "big")
    if kind == f.ARP:
        return _arp_text(frame)
    assert kind == f.IPV4, frame.hex()
    packet_ = IpPacket.parse(frame[14:])  # ValueError: a wrong header
    head, total = 14 + (frame[14] & 15) * 4, int.from_bytes(frame[16:18], "big")
    assert not frame[14 + total :].strip(b"\0"), f"stale bytes behind the packet: {frame.hex()}"
    if int.from_bytes(frame[20:22], "big") & 0x3FFF:
        return "fragment"
    body = frame[head : 14 + total]
    if packet_.protocol in (f.TCP, f.UDP):
        pseudo = frame[26:34] + bytes([0, packet_.protocol]) + len(body).to_bytes(2, "big")
        assert checksum(pseudo + body) == 0, f"a wrong checksum: {frame.hex()}"
    else:
        assert checksum(body) == 0, f"a wrong checksum: {frame.hex()}"
    if packet_.protocol == f.TCP:
        return _tcp_text(stage, frame)
    if packet_.protocol == f.ICMP:
        text = f"icmp {body[0]}.{body[1]}"
        return text + (f" +{len(body) - 8}" if body[0] == 0 else "")
    if packet_.protocol == f.IGMP:
        return f"igmp {body[0]:x}"
    return f"udp {int.from_bytes(body[0:2], 'big')} +{len(body) - 8}"


def _arp_text(frame: bytes) -> str:
    operation = int.from_bytes(frame[20:22], "big")
    if operation == f.REPLY:
        return "arp reply"
    return "arp announcement" if frame[28:32] == frame[38:42] else "arp request"


def _tcp_text(stage: Stage, frame: bytes) -> str:
    got = parse_tcp(frame)
    assert got is not None
    text = f"tcp {got.flags}"
    conn = stage.conns.get((got.source_port, got.port))
    if conn is not None and "S" not in got.flags:
        for name, number, expected in (("seq", got.seq, conn.ack), ("ack", got.ack, conn.seq)):
            far = (number - expected + MODULUS // 2) % MODULUS - MODULUS // 2
            if far and (name == "seq" or "A" in got.flags):
                text += f" {name}{far:+d}"
    return text + (f" +{len(got.data)}" if got.data else "")
