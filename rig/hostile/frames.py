"""Frames, right unless a case says otherwise: every field can be given, none is checked.

Rules     pure: values in, bytes out. A field that is None is what an honest host would write there;
          checksums are made last, over whatever lies before them was made of.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from kyusim.segment import checksum, flag_letters

BROADCAST = b"\xff" * 6
IPV4 = 0x0800
ARP = 0x0806
ICMP, IGMP, TCP, UDP = 1, 2, 6, 17

REQUEST, REPLY, REVERSE_REPLY = 1, 2, 4

DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
_LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK, "U": URG, "E": 64, "W": 128}


def packed(ip: str) -> bytes:
    return IPv4Address(ip).packed


def ether(to: bytes, source: bytes, kind: int, payload: bytes) -> bytes:
    return to + source + kind.to_bytes(2, "big") + payload


def arp(
    operation: int,
    sender_mac: bytes,
    sender: str,
    target_mac: bytes,
    target: str,
    *,
    hardware: int = 1,
    protocol: int = IPV4,
    hardware_bytes: int = 6,
    protocol_bytes: int = 4,
) -> bytes:
    head = struct.pack("!HHBBH", hardware, protocol, hardware_bytes, protocol_bytes, operation)
    return head + sender_mac + packed(sender) + target_mac + packed(target)


def ipv4(
    source: str,
    destination: str,
    protocol: int,
    payload: bytes,
    *,
    version: int = 4,
    ihl: int | None = None,
    tos: int = 0,
    total: int | None = None,
    ident: int = 0,
    fragment: int = DONT_FRAGMENT,
    ttl: int = 64,
    options: bytes = b"",
    sum_: int | None = None,
) -> bytes:
    """`fragment` is the flags and, in eights of bytes, the offset."""
    words = 5 + len(options) // 4 if ihl is None else ihl
    whole = 20 + len(options) + len(payload) if total is None else total
    header = struct.pack(
        "!BBHHHBBH", version << 4 | words, tos, whole & 0xFFFF, ident, fragment, ttl, protocol, 0
    )
    header += packed(source) + packed(destination) + options
    # What the receiver takes for the header is what it sums.
    right = checksum((header + payload)[: max(words * 4, 20)])
    return with_u16(header, 10, right if sum_ is None else sum_) + payload


def with_u16(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


def icmp(
    kind: int, code: int = 0, rest: bytes = bytes(4), data: bytes = b"", *, sum_: int | None = None
) -> bytes:
    whole = bytes([kind, code, 0, 0]) + rest + data
    return with_u16(whole, 2, checksum(whole) if sum_ is None else sum_)


def echo(data: bytes = b"x" * 16, ident: int = 7, sequence: int = 1) -> bytes:
    return icmp(8, 0, struct.pack("!HH", ident, sequence), data)


def igmp(kind: int, response: int, group: str, more: bytes = b"") -> bytes:
    whole = bytes([kind, response, 0, 0]) + packed(group) + more
    return with_u16(whole, 2, checksum(whole))


def _pseudo(source: str, destination: str, protocol: int, length: int) -> bytes:
    return packed(source) + packed(destination) + struct.pack("!BBH", 0, protocol, length)


def udp(
    source: str,
    destination: str,
    source_port: int,
    port: int,
    data: bytes,
    *,
    length: int | None = None,
    sum_: int | None = None,
) -> bytes:
    said = 8 + len(data) if length is None else length
    whole = struct.pack("!HHHH", source_port, port, said & 0xFFFF, 0) + data
    covered = whole[:said] if 8 <= said <= len(whole) else whole
    right = checksum(_pseudo(source, destination, UDP, said & 0xFFFF) + covered) or 0xFFFF
    return with_u16(whole, 6, right if sum_ is None else sum_)


def flag_bits(flags: str) -> int:
    return sum(_LETTERS[letter] for letter in flags)


def flag_text(bits: int) -> str:
    return flag_letters(bits).replace(".", "A")


def tcp(
    source: str,
    destination: str,
    source_port: int,
    port: int,
    flags: str | int,
    *,
    seq: int = 0,
    ack: int = 0,
    window: int = 65535,
    urgent: int = 0,
    options: bytes = b"",
    offset: int | None = None,
    data: bytes = b"",
    sum_: int | None = None,
) -> bytes:
    """`options` is padded to words with EOL; `offset` is in words."""
    options += bytes(-len(options) % 4)
    bits = flag_bits(flags) if isinstance(flags, str) else flags
    words = 5 + len(options) // 4 if offset is None else offset
    header = struct.pack(
        "!HHIIBBHHH",
        source_port,
        port,
        seq & 0xFFFFFFFF,
        ack & 0xFFFFFFFF,
        words << 4,
        bits,
        window,
        0,
        urgent,
    )
    whole = header + options + data
    right = checksum(_pseudo(source, destination, TCP, len(whole)) + whole)
    return with_u16(whole, 16, right if sum_ is None else sum_)


def repaired(frame: bytes) -> bytes:
    """The same frame with right checksums, as far as it has a header to put them in."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return frame
    head = 14 + max((frame[14] & 15) * 4, 20)
    total = 14 + int.from_bytes(frame[16:18], "big")
    if head > len(frame):
        return frame
    frame = with_u16(frame, 24, 0)
    frame = with_u16(frame, 24, checksum(frame[14:head]))
    end = total if head <= total <= len(frame) else len(frame)
    at = {TCP: 16, UDP: 6, ICMP: 2, IGMP: 2}.get(frame[23])
    if at is None or int.from_bytes(frame[20:22], "big") & 0x3FFF or end < head + at + 2:
        return frame
    frame = with_u16(frame, head + at, 0)
    covered = frame[head:end]
    if frame[23] in (TCP, UDP):
        pseudo = frame[26:34] + struct.pack("!BBH", 0, frame[23], len(covered))
        covered = pseudo + covered
    return with_u16(frame, head + at, checksum(covered))


def patch(frame: bytearray, at: int, value: int, *sums: int) -> None:
    """Another 16-bit word at `at`, and the checksums at `sums`, which cover it, made right again
    (RFC 1624): floods are made of one frame."""
    old = frame[at] << 8 | frame[at + 1]
    frame[at], frame[at + 1] = value >> 8, value & 0xFF
    for place in sums:
        total = (~(frame[place] << 8 | frame[place + 1]) & 0xFFFF) + (~old & 0xFFFF) + value
        total = (total & 0xFFFF) + (total >> 16)
        total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        frame[place], frame[place + 1] = total >> 8, total & 0xFF
