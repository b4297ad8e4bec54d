"""Capture files: pcapng, which holds which way each frame went and what is to be said of it.

Source    the pcapng file format (draft-ietf-opsawg-pcapng), sections 3.5, 4.1 to 4.3: a section,
          one interface, an enhanced packet block for each frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_ETHERNET, _NO_LIMIT = 1, 0
_OPT_COMMENT, _IF_TSRESOL, _EPB_FLAGS = 1, 9, 2
_INBOUND, _OUTBOUND = 1, 2
_COMMENT_MAX = 2000


@dataclass(frozen=True, slots=True)
class Frame:
    """`at` counts units of 10^-`digits` s (see encode); `data` is what was kept of `length` bytes.

    `out`: the board has sent it.
    """

    at: int
    out: bool
    length: int
    data: bytes
    comment: str = ""


def encode(frames: Iterable[Frame], *, digits: int = 6) -> bytes:
    """A whole file."""
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    unit = _option(_IF_TSRESOL, bytes([digits])) + _END if digits != 6 else b""
    interface = struct.pack("<HHI", _ETHERNET, 0, _NO_LIMIT) + unit
    parts = [_block(_SECTION, section), _block(_INTERFACE, interface)]
    for frame in frames:
        high, low = frame.at >> 32 & 0xFFFF_FFFF, frame.at & 0xFFFF_FFFF
        head = struct.pack("<IIIII", 0, high, low, len(frame.data), frame.length)
        flags = struct.pack("<I", _OUTBOUND if frame.out else _INBOUND)
        options = _option(_EPB_FLAGS, flags)
        if frame.comment:
            said = frame.comment.encode()[:_COMMENT_MAX].decode("utf-8", "ignore").encode()
            options += _option(_OPT_COMMENT, said)
        parts.append(_block(_PACKET, head + _padded(frame.data) + options + _END))
    return b"".join(parts)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


_END = struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
