"""An image whose clock runs fast: minutes of the board's pass in moments.

Rules     The board counts ticks of a timer and believes what CNTFRQ says of its rate, which a boot
          loader writes. In the copy that is made here the instruction that reads it says less than
          the truth: every time of the board is shorter by the same factor, and nothing else is
          changed. Its processor seems slower by that factor.
"""

from __future__ import annotations

import re
from pathlib import Path

#: CNTFRQ of the emulated board.
EMULATED_HZ = 62_500_000
#: What is said instead: a byte that is shifted, as Thumb's `mov.w` has it.
_BYTE, _SHIFT = 0x98, 12
FASTER = EMULATED_HZ / (_BYTE << _SHIFT)

#: mrc p15, 0, rN, c14, c0, 0 in Thumb, as it lies in memory; N is the upper half of the last byte.
_READ = re.compile(rb"\x1e\xee\x10([\x0f-\xef])")


def _says(read: re.Match[bytes]) -> bytes:
    """mov.w rN, #_BYTE << _SHIFT (DDI 0406C, A6.3.2: turned right by 32 - _SHIFT)."""
    turned = 32 - _SHIFT
    first = 0xF04F | (turned >> 4) << 10
    second = (turned >> 1 & 7) << 12 | (read[1][0] >> 4) << 8 | (turned & 1) << 7 | _BYTE & 0x7F
    return first.to_bytes(2, "little") + second.to_bytes(2, "little")


def hurried(image: Path, into: Path) -> Path:
    """A copy of `image` at `into`, FASTER times as fast. ValueError: it reads no such register."""
    made, count = _READ.subn(_says, image.read_bytes())
    if count == 0:
        raise ValueError(f"{image} does not read CNTFRQ")
    into.write_bytes(made)
    return into
