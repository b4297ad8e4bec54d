"""TCP segments as plain values: what scripted peers say and hear.

Rules     pure: bytes in, values out. Nothing here decides what is right; a peer may say nonsense.
          For anything that is no TCP over IPv4, build frames with scapy and send those.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field, replace

#: Flags are written as packetdrill and tcpdump write them.
_FLAG_BITS = {
    "F": 0x01,
    "S": 0x02,
    "R": 0x04,
    "P": 0x08,
    ".": 0x10,
    "U": 0x20,
    "E": 0x40,
    "W": 0x80,
}

#: Of those options that have one size, without kind and length.
_OPTION_BYTES = {2: 2, 3: 1, 4: 0, 8: 8}

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
PROTOCOL_TCP = 6


def flag_bits(flags: str) -> int:
    """ "S." is SYN and ACK. KeyError: a letter that names no flag."""
    bits = 0
    for letter in flags:
        bits |= _FLAG_BITS[letter]
    return bits


def flag_letters(bits: int) -> str:
    return "".join(letter for letter, bit in _FLAG_BITS.items() if bits & bit)


def checksum(data: bytes) -> int:
    """RFC 1071: 0 over a packet whose checksum field is right."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment with absolute sequence numbers. `None` options are absent."""

    source_port: int = 0
    port: int = 0
    flags: str = "."
    seq: int = 0
    ack: int = 0
    window: int = 65535
    payload: bytes = b""
    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    sack: tuple[tuple[int, int], ...] = ()
    timestamps: tuple[int, int] | None = None
    checksum_ok: bool = field(default=True, compare=False)

    @property
    def length(self) -> int:
        """Sequence space it takes: bytes, SYN and FIN."""
        return len(self.payload) + ("S" in self.flags) + ("F" in self.flags)

    def has(self, flags: str) -> bool:
        return all(letter in self.flags for letter in flags)

    def options(self) -> bytes:
        out = b""
        if self.mss is not None:
            out += struct.pack("!BBH", 2, 4, self.mss)
        if self.window_scale is not None:
            out += struct.pack("!BBBB", 1, 3, 3, self.window_scale)
        if self.sack_permitted:
            out += b"\x01\x01\x04\x02"
        if self.timestamps is not None:
            out += struct.pack("!BBBBII", 1, 1, 8, 10, *self.timestamps)
        if self.sack:
            out += struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(self.sack))
            out += b"".join(struct.pack("!II", *edges) for edges in self.sack)
        return out

    def to_bytes(self, source: str, destination: str) -> bytes:
        """With its checksum; `checksum_ok=False` makes it a wrong one."""
        options = self.options()
        header = struct.pack(
            "!HHIIBBHHH",
            self.source_port,
            self.port,
            self.seq & 0xFFFFFFFF,
            self.ack & 0xFFFFFFFF,
            (5 + len(options) // 4) << 4,
            flag_bits(self.flags),
            self.window,
            0,
            0,
        )
        whole = header + options + self.payload
        sum_ = checksum(_pseudo_header(source, destination, len(whole)) + whole)
        if not self.checksum_ok:
            sum_ ^= 0x0001
        return whole[:16] + struct.pack("!H", sum_) + whole[18:]

    @staticmethod
    def parse(data: bytes, source: str, destination: str) -> Segment:
        """ValueError: shorter than its header."""
        if len(data) < 20 or len(data) < (data[12] >> 4) * 4 or data[12] >> 4 < 5:
            raise ValueError(f"no TCP segment: {len(data)} bytes")
        source_port, port, seq, ack, offset, bits, window = struct.unpack("!HHIIBBH", data[:16])
        end = (offset >> 4) * 4
        plain = Segment(
            source_port,
            port,
            flag_letters(bits),
            seq,
            ack,
            window,
            data[end:],
            checksum_ok=checksum(_pseudo_header(source, destination, len(data)) + data) == 0,
        )
        return _with_options(plain, data[20:end])


def _with_options(segment: Segment, options: bytes) -> Segment:
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
            continue
        if len(options) < 2 or not 2 <= options[1] <= len(options):
            raise ValueError("a TCP option that ends outside of the header")
        kind, body = options[0], options[2 : options[1]]
        if len(body) != _OPTION_BYTES.get(kind, len(body)) or (kind == 5 and len(body) % 8):
            raise ValueError(f"a TCP option {kind} of {len(body)} bytes")
        if kind == 2:
            segment = replace(segment, mss=int.from_bytes(body, "big"))
        elif kind == 3:
            segment = replace(segment, window_scale=body[0])
        elif kind == 4:
            segment = replace(segment, sack_permitted=True)
        elif kind == 5:
            edges = struct.unpack(f"!{len(body) // 4}I", body)
            segment = replace(segment, sack=tuple(zip(edges[::2], edges[1::2], strict=True)))
        elif kind == 8:
            value, echo = struct.unpack("!II", body)
            segment = replace(segment, timestamps=(value, echo))
        options = options[options[1] :]
    return segment


def _pseudo_header(source: str, destination: str, length: int) -> bytes:
    return (
        ipaddress.IPv4Address(source).packed
        + ipaddress.IPv4Address(destination).packed
        + struct.pack("!BBH", 0, PROTOCOL_TCP, length)
    )


def ip_packet(source: str, destination: str, payload: bytes, protocol: int = PROTOCOL_TCP) -> bytes:
    """An IPv4 packet without options, not to be fragmented."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    header += ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


@dataclass(frozen=True, slots=True)
class IpPacket:
    """The parts of a received IPv4 packet that peers look at."""

    source: str
    destination: str
    protocol: int
    payload: bytes

    @staticmethod
    def parse(data: bytes) -> IpPacket:
        """ValueError: no whole IPv4 packet with a right header checksum."""
        if len(data) < 20 or data[0] >> 4 != 4:
            raise ValueError("no IPv4 packet")
        header, total = (data[0] & 15) * 4, int.from_bytes(data[2:4], "big")
        if not 20 <= header <= total <= len(data):
            raise ValueError("an IPv4 packet with impossible lengths")
        if checksum(data[:header]) != 0:
            raise ValueError("an IPv4 header with a wrong checksum")
        return IpPacket(
            str(ipaddress.IPv4Address(data[12:16])),
            str(ipaddress.IPv4Address(data[16:20])),
            data[9],
            data[header:total],
        )
