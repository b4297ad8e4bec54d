"""What the board itself calls its functions: the symbol table that is linked into the image.

Rules     the same words as in the board's own traceback, so that the two can be laid side by side.
          An image without the table has no names, and that is no error.
"""

from __future__ import annotations

import bisect
import itertools
import struct
from functools import cached_property

from rig.errors import UserError
from rig.inspect.image import Image

MACHINERY = "kMachinery"  # firmware/kernel/crash_record.cpp
UNKNOWN = "?+0"
MACHINERY_MAX, MACHINERY_NAME_MAX = 64, 80


class Names:
    def __init__(self, image: Image) -> None:
        self._image = image

    @cached_property
    def _table(self) -> tuple[tuple[int, ...], tuple[int, ...], bytes]:
        """(addresses, one more than there are names; where each name begins; the names)."""
        symbols = self._image.symbols
        start, raw = self._image.section(".kyu_symbols")
        try:
            count = struct.unpack_from("<I", raw, symbols["kyu_symbol_count"] - start)[0]
            begin = struct.unpack_from("<I", raw, symbols["kyu_symbol_begin"] - start)[0]
            # How far it is to the next one; bit 0 says that it is Thumb code (ci/symtab.py).
            where = symbols["kyu_symbol_steps"] - start
            steps = (step & ~1 for step in struct.unpack_from(f"<{count}H", raw, where))
            addresses = tuple(itertools.accumulate(steps, initial=begin))
            where = symbols["kyu_symbol_names"] - start
            names = struct.unpack_from(f"<{count}H", raw, where)
        except (KeyError, struct.error):
            return (), (), b""
        return addresses, names, raw[symbols["kyu_symbol_text"] - start :]

    @cached_property
    def machinery(self) -> frozenset[str]:
        """Functions that stand between a culprit and its record: the board's own list of them.

        An array of std::string_view (a length, a pointer), up to the first that is none.
        """
        found: list[str] = []
        try:
            at = self._image.variable(MACHINERY)
        except UserError:
            return frozenset()
        while len(found) < MACHINERY_MAX:
            size, text = struct.unpack("<II", self._image.content(at, 8) or bytes(8))
            name = self._image.content(text, size) if 0 < size <= MACHINERY_NAME_MAX else b""
            if not name.isascii() or not name.decode().isprintable() or not name:
                break
            found.append(name.decode())
            at += 8
        return frozenset(found)

    def find(self, pc: int) -> tuple[str, int]:
        """(name, bytes past its start); an empty name when nobody knows."""
        addresses, names, text = self._table
        at = bisect.bisect_right(addresses, pc) - 1
        if not 0 <= at < len(names):
            return "", 0
        return text[names[at] :].split(b"\0", 1)[0].decode(errors="replace"), pc - addresses[at]

    def shown(self, pc: int, *, exact: bool) -> str:
        """NAME+OFFSET. A return address belongs to the call before it, as on the board."""
        name, offset = self.find(pc if exact else pc - 1)
        return f"{name}+{offset + (not exact):x}" if name else UNKNOWN
