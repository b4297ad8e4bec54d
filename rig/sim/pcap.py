"""Frames of a simulated run as a capture file that tcpdump and Wireshark read.

Rules     the classic format, microseconds, little-endian. Time is the world's: 0 is its boot.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from kyusim import Passage

_MAGIC, _VERSION, _SNAPLEN, _ETHERNET = 0xA1B2C3D4, (2, 4), 65535, 1


def write_header(file: BinaryIO) -> None:
    file.write(struct.pack("<IHHiIII", _MAGIC, *_VERSION, 0, 0, _SNAPLEN, _ETHERNET))


def write_frame(file: BinaryIO, passage: Passage) -> None:
    seconds, us = divmod(passage.at_us, 1_000_000)
    size = len(passage.frame)
    file.write(struct.pack("<IIII", seconds, us, size, size) + passage.frame)
