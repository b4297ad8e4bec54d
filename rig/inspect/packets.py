"""The GDB remote serial protocol on the wire: packets, checksums, escapes, run lengths.

Rules     pure. Whatever comes, feed() returns what it found and goes on; a packet that is damaged
          is told, for the other side will send it again when asked.
Source    GDB manual, appendix E "Remote Serial Protocol", "Overview".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ACK, NAK, INTERRUPT = b"+", b"-", b"\x03"
#: No answer is longer: whoever sends more without an end does not speak this protocol.
PACKET_BYTES_MAX = 1 << 20
_HEX_PAIR = re.compile(rb"[0-9a-fA-F]{2}")
_RUN_BASE = 29  # '*' and a character: so many more of the last one, plus this


@dataclass(frozen=True, slots=True)
class Packet:
    """Its checksum was right; escapes and run lengths are undone."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Its checksum or its form was wrong."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side did not understand what was sent last."""


Heard = Packet | Damaged | Refused


class TooLongError(Exception):
    """So many bytes, and no end of a packet."""


def frame(body: bytes) -> bytes:
    """A packet that can be sent. Commands need no escapes: they are plain text."""
    return b"$%s#%02x" % (body, sum(body) & 0xFF)


class Splitter:
    """Bytes to packets. Acknowledgements and notifications are left out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Heard]:
        """Raises TooLongError."""
        self._rest += data
        heard: list[Heard] = []
        while True:
            starts = [at for mark in b"$%-" if (at := self._rest.find(mark)) >= 0]
            if not starts:
                self._rest = b""
                return heard
            self._rest = self._rest[min(starts) :]
            if self._rest.startswith(NAK):
                heard.append(Refused())
                self._rest = self._rest[1:]
                continue
            end = self._rest.find(b"#")
            if end < 0 or len(self._rest) < end + 3:
                if len(self._rest) > PACKET_BYTES_MAX:
                    raise TooLongError
                return heard
            kind, body = self._rest[:1], self._rest[1:end]
            told, self._rest = self._rest[end + 1 : end + 3], self._rest[end + 3 :]
            if kind == b"$":  # else a notification, which nobody here has asked for
                heard.append(_packet(body, told))


def _packet(body: bytes, told: bytes) -> Packet | Damaged:
    if not _HEX_PAIR.fullmatch(told) or int(told, 16) != sum(body) & 0xFF:
        return Damaged()
    plain = _unfold(body)
    return Damaged() if plain is None else Packet(plain)


def _unfold(body: bytes) -> bytes | None:
    """Undoes `}x` (a byte with bit 5 turned) and `x*n` (x again, n - 29 times)."""
    if b"}" not in body and b"*" not in body:
        return body
    out = bytearray()
    at = 0
    while at < len(body):
        byte = body[at]
        if byte in b"}*":
            if at + 1 == len(body) or len(out) > PACKET_BYTES_MAX:
                return None
            following = body[at + 1]
            if byte == ord("}"):
                out.append(following ^ 0x20)
            elif not out or following < _RUN_BASE + 3:
                return None
            else:
                out += out[-1:] * (following - _RUN_BASE)
            at += 2
        else:
            out.append(byte)
            at += 1
    return bytes(out)
