"""Peer and Connection: the far side of a conversation, saying exactly what a test wants.

A peer answers ARP and nothing else by itself. A Connection keeps the numbers of one TCP connection
and says nothing that the test did not ask for: no ACK, no retransmission, no FIN.

Rules     offsets are relative: byte 0 is the first byte after the SYN, on both sides.
Time      whole microseconds; waiting moves the world's clock, saying something does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from kyusim.errors import Unexpected
from kyusim.segment import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    PROTOCOL_TCP,
    IpPacket,
    Segment,
    ip_packet,
)
from kyusim.world import s

if TYPE_CHECKING:
    from kyusim._sim import Endpoint
    from kyusim.world import Board, World

_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class Heard:
    """A segment that came from the board. Two are equal when they carry the same bytes of the
    stream: a retransmission equals the first one."""

    offset: int
    payload: bytes
    flags: str = field(compare=False)
    ack: int = field(compare=False)  # of our bytes, relative
    window: int = field(compare=False)
    at_us: int = field(compare=False)
    segment: Segment = field(compare=False, repr=False)

    @property
    def end(self) -> int:
        return self.offset + len(self.payload)


class Peer:
    """A host on the wire that a test speaks for."""

    def __init__(self, world: World, endpoint: Endpoint, ip: str, number: int) -> None:
        self.world = world
        self.endpoint = endpoint
        self.name = endpoint.name
        self.ip = ip
        self.mac = bytes([0x02, 0, 0, 0, 1, number])
        self.answers_arp = True
        self.packets: deque[tuple[int, IpPacket]] = deque()
        self._connections: dict[tuple[str, int, int], Connection] = {}
        self._next_port = 40_000

    # ---- Frames and packets ------------------------------------------------------------------

    def send_frame(self, frame: bytes) -> None:
        """Any Ethernet frame, for example `bytes(...)` of a packet built with scapy."""
        self.endpoint.send(frame)

    def send_packet(self, board: Board, payload: bytes, protocol: int) -> None:
        """An IPv4 packet from this peer to `board`."""
        packet = ip_packet(self.ip, board.ip, payload, protocol)
        self.endpoint.send(board.mac + self.mac + ETHERTYPE_IPV4.to_bytes(2, "big") + packet)

    def expect_packet(self, protocol: int, within_us: int = 2 * s) -> IpPacket:
        """The next IPv4 packet of `protocol` that belongs to no connection of this peer."""

        def found() -> bool:
            return any(packet.protocol == protocol for _, packet in self.packets)

        if not self.world.wait_for(found, within_us):
            raise Unexpected(f"{self.name}: no packet of protocol {protocol} in {within_us} us")
        entry = next(e for e in self.packets if e[1].protocol == protocol)
        self.packets.remove(entry)
        return entry[1]

    def pump(self) -> None:
        """Takes what has arrived: the world calls it whenever it stops."""
        for at_us, frame in self.endpoint.receive():
            kind = int.from_bytes(frame[12:14], "big")
            if kind == ETHERTYPE_ARP:
                self._arp(frame)
            elif kind == ETHERTYPE_IPV4:
                self._ip(at_us, frame[14:])

    def _arp(self, frame: bytes) -> None:
        asks = int.from_bytes(frame[20:22], "big") == 1
        if not (self.answers_arp and asks and frame[38:42] == IPv4Address(self.ip).packed):
            return
        ask_mac, ask_ip = frame[22:28], frame[28:32]
        answer = frame[14:20] + b"\0\2" + self.mac + frame[38:42] + ask_mac + ask_ip
        self.endpoint.send(ask_mac + self.mac + b"\x08\x06" + answer)

    def _ip(self, at_us: int, data: bytes) -> None:
        try:
            packet = IpPacket.parse(data)
            if packet.destination != self.ip:
                return
            if packet.protocol == PROTOCOL_TCP:
                segment = Segment.parse(packet.payload, packet.source, packet.destination)
                key = (packet.source, segment.source_port, segment.port)
                if (connection := self._connections.get(key)) is not None:
                    connection.hear(at_us, segment)
                    return
        except ValueError:  # a frame that a wire has damaged
            return
        self.packets.append((at_us, packet))

    # ---- TCP ---------------------------------------------------------------------------------

    def connection(self, board: Board, port: int, *, local_port: int = 0) -> Connection:
        """A connection whose handshake the test does itself."""
        if not local_port:
            local_port, self._next_port = self._next_port, self._next_port + 1
        connection = Connection(self, board, port, local_port)
        self._connections[board.ip, port, local_port] = connection
        return connection

    def connect(
        self,
        board: Board,
        port: int,
        *,
        mss: int | None = 1460,
        window: int = 65535,
        sack: bool = False,
        window_scale: int | None = None,
        local_port: int = 0,
        within_us: int = 5 * s,
    ) -> Connection:
        """The three-way handshake with a board that is still booting, if need be."""
        self.world.wait_for(lambda: board.listens(port), within_us)
        connection = self.connection(board, port, local_port=local_port)
        connection.window = window
        connection.say("S", mss=mss, sack_permitted=sack, window_scale=window_scale)
        answer = connection.expect("S.", within_us=within_us)
        connection.sack = sack and answer.segment.sack_permitted
        connection.ack()
        return connection


class Connection:
    """One TCP connection of a peer, as its test drives it."""

    def __init__(self, peer: Peer, board: Board, port: int, local_port: int) -> None:
        self.peer = peer
        self.board = board
        self.port = port
        self.local_port = local_port
        self.window = 65535
        self.sack = False
        self.first_seq = 1_000_000 + local_port  # our SYN's number
        self.board_seq: int | None = None  # the board's SYN's number
        self.said = -1  # our next offset; -1: the SYN
        self.acked = 0  # what our last ACK acknowledged
        self.heard: list[Heard] = []  # all of it
        self.waiting: deque[Heard] = deque()  # what no expectation has taken yet
        self.taken: list[Heard] = []
        self._reached = 0  # how far `taken` goes without a hole
        self._ahead: list[Heard] = []  # what of `taken` lies behind a hole

    # ---- Saying ------------------------------------------------------------------------------

    def say(
        self,
        flags: str,
        payload: bytes = b"",
        *,
        offset: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        mss: int | None = None,
        sack: Sequence[tuple[int, int]] = (),
        sack_permitted: bool = False,
        window_scale: int | None = None,
        checksum_ok: bool = True,
    ) -> None:
        """One segment, as written. Offsets that are not given continue what was said before, and
        only such a segment moves them on."""
        base = self.board_seq if self.board_seq is not None else 0
        at = self.said if offset is None else offset
        number = self.acked if ack is None else ack
        segment = Segment(
            self.local_port,
            self.port,
            flags,
            (self.first_seq + 1 + at) % _MODULUS,
            (base + 1 + number) % _MODULUS if "." in flags else 0,
            self.window if window is None else window,
            payload,
            mss=mss,
            window_scale=window_scale,
            sack_permitted=sack_permitted,
            sack=tuple(((base + 1 + a) % _MODULUS, (base + 1 + b) % _MODULUS) for a, b in sack),
            checksum_ok=checksum_ok,
        )
        self.peer.send_packet(
            self.board, segment.to_bytes(self.peer.ip, self.board.ip), PROTOCOL_TCP
        )
        if offset is None:
            self.said += segment.length

    def send(self, payload: bytes) -> None:
        """One segment with data."""
        self.say("P.", payload)

    def ack(self, up_to: Heard | int | None = None, *, window: int | None = None) -> None:
        """Acknowledges what expectations have taken in order, or up to the end of `up_to`."""
        if up_to is None:
            self.acked = max(self.acked, self.in_order())
        else:
            self.acked = up_to if isinstance(up_to, int) else up_to.end
        self.say(".", window=window)

    def ack_with_sack(self, up_to: Heard | int, holes: Sequence[Heard]) -> None:
        """Acknowledges up to the end of `up_to`, and by SACK all else that was taken but for
        `holes`."""
        self.acked = up_to if isinstance(up_to, int) else up_to.end
        pieces = sorted(
            (max(h.offset, self.acked), h.end)
            for h in self.taken
            if h.end > self.acked and h.payload and h not in holes
        )
        blocks: list[tuple[int, int]] = []
        for start, end in pieces:
            if blocks and start <= blocks[-1][1]:
                blocks[-1] = (blocks[-1][0], max(end, blocks[-1][1]))
            else:
                blocks.append((start, end))
        self.say(".", sack=blocks[:4])

    def finish(self) -> None:
        """FIN: we have said everything."""
        self.say("F.")

    def reset(self) -> None:
        self.say("R.")

    # ---- Hearing -----------------------------------------------------------------------------

    def hear(self, at_us: int, segment: Segment) -> None:
        """The peer passes on what came for this connection."""
        if segment.has("S"):
            self.board_seq = segment.seq
        base = self.board_seq if self.board_seq is not None else segment.seq
        heard = Heard(
            offset=_relative(segment.seq, base) + ("S" in segment.flags),
            payload=segment.payload,
            flags=segment.flags,
            ack=_relative(segment.ack, self.first_seq) if "." in segment.flags else 0,
            window=segment.window,
            at_us=at_us,
            segment=segment,
        )
        self.heard.append(heard)
        self.waiting.append(heard)

    def in_order(self) -> int:
        """How far the stream was taken without a hole; the board's FIN counts as one byte."""
        moved = True
        while moved:
            moved = False
            for heard in self._ahead:
                end = heard.end + ("F" in heard.flags)
                if heard.offset <= self._reached < end:
                    self._reached, moved = end, True
            self._ahead = [h for h in self._ahead if h.end >= self._reached]
        return self._reached

    def next(self, within_us: int = 2 * s) -> Heard:
        """Takes the next segment, whatever it is."""
        if not self.peer.world.wait_for(lambda: bool(self.waiting), within_us):
            raise Unexpected(f"nothing came in {within_us} us\n{self.trace()}")
        heard = self.waiting.popleft()
        self.taken.append(heard)
        if heard.payload or "F" in heard.flags:
            self._ahead.append(heard)
        return heard

    def expect(
        self,
        flags: str,
        *,
        ack: int | None = None,
        payload: bytes | None = None,
        within_us: int = 2 * s,
    ) -> Heard:
        """The next segment has exactly these flags (but for P), and what else is given."""
        heard = self.next(within_us)
        wanted = {letter for letter in flags if letter != "P"}
        right = (
            {letter for letter in heard.flags if letter != "P"} == wanted
            and ack in (None, heard.ack)
            and payload in (None, heard.payload)
        )
        if not right:
            more = f" ack={ack}" * (ack is not None)
            more += f" payload={payload!r}" * (payload is not None)
            raise Unexpected(f"expected {flags}{more}, heard {heard}\n{self.trace()}")
        return heard

    def expect_data(self, segments: int = 1, within_us: int = 2 * s) -> list[Heard]:
        """The next `segments` segments that carry data; pure ACKs between them are passed over."""
        found: list[Heard] = []
        while len(found) < segments:
            try:
                heard = self.next(within_us)
            except Unexpected as silence:
                got = f"{len(found)} of {segments} segments with data came"
                raise Unexpected(f"{got}\n{silence}") from None
            if heard.payload:
                found.append(heard)
        return found

    def expect_again(self, segment: Heard, within_us: int = 2 * s) -> Heard:
        """The same bytes come once more; what comes before them is passed over."""
        limit = self.peer.world.now_us + within_us
        while (heard := self.next(max(0, limit - self.peer.world.now_us))) != segment:
            pass
        return heard

    def expect_silence(self, for_us: int) -> None:
        """Nothing comes for `for_us`."""
        if self.peer.world.wait_for(lambda: bool(self.waiting), for_us):
            raise Unexpected(f"expected silence, heard {self.waiting[0]}\n{self.trace()}")

    def read_all(self, within_us: int = 60 * s) -> bytes:
        """Reads like a well-behaved receiver, acknowledging everything at once, until the board's
        FIN has come. Returns the stream from the first byte on."""
        stream = bytearray()
        limit = self.peer.world.now_us + within_us
        while True:
            heard = self.next(max(0, limit - self.peer.world.now_us))
            if "R" in heard.flags:
                raise Unexpected(f"the board has reset the connection\n{self.trace()}")
            self.ack()
            if any("F" in piece.flags and self.acked > piece.end for piece in self.taken):
                for piece in self.taken:
                    stream[piece.offset : piece.end] = piece.payload
                return bytes(stream)

    def trace(self, last: int = 12) -> str:
        """The last segments heard, one a line: what a failed expectation prints."""
        lines = [
            f"  {h.at_us:>9} us  {h.flags:4} {h.offset}:{h.end}({len(h.payload)}) "
            f"ack {h.ack} win {h.window}"
            for h in self.heard[-last:]
        ]
        who = f"{self.board.name}:{self.port} -> {self.peer.name}:{self.local_port}"
        return "\n".join([f"{who}, {len(self.heard)} segments heard:", *lines])


def _relative(number: int, base: int) -> int:
    """Offset of a sequence number; -1 is the SYN itself."""
    difference = (number - base - 1) % _MODULUS
    return difference - _MODULUS if difference >= _MODULUS // 2 else difference
