"""Unwind rules from .ARM.exidx: for assembly, which has no .debug_frame.

Rules     the table describes a function whose frame is built; an address at its very first
          instruction is the only one for which it is known that nothing is.
Source    ARM IHI 0038 (Exception handling ABI), sections 6 and 10.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from rig.inspect.image import Image

Registers = dict[int, int]
ReadWord = Callable[[int], int]
FINISH = 0xB0


class Exidx:
    def __init__(self, image: Image) -> None:
        self._image = image

    @cached_property
    def _info(self) -> Any:
        found = list(self._image.elf.get_ehabi_infos() or ())
        return found[0] if found else None

    @cached_property
    def _shift(self) -> int:
        """pyelftools counts from the start of the file."""
        section = self._image.elf.get_section_by_name(".ARM.exidx")
        return int(section["sh_addr"] - section["sh_offset"])

    def step(self, registers: Registers, pc: int, *, exact: bool, read: ReadWord) -> bool:
        """From a frame to its caller's, in place. False: the outermost, or not known how.

        Raises what `read` raises.
        """
        entry = self._entry(pc)
        if entry is None or not entry.unwindable or entry.corrupt or not entry.bytecode_array:
            return False
        if exact and pc == self._begin(entry):
            registers[15] = registers[14]
            return True
        return _run(registers, entry.bytecode_array, read)

    def _begin(self, entry: Any) -> int:
        """Of the entry's function; bit 0 in the table says that it is Thumb code."""
        return int(entry.function_offset + self._shift) & ~1

    def _entry(self, pc: int) -> Any:
        """The last whose function begins at or before `pc`."""
        low, high, found = 0, 0 if self._info is None else self._info.num_entry(), None
        while low < high:
            middle = (low + high) // 2
            entry = self._info.get_entry(middle)
            if entry.function_offset is None:
                return None
            if self._begin(entry) <= pc:
                found, low = entry, middle + 1
            else:
                high = middle
        return found


def _run(registers: Registers, code: list[int], read: ReadWord) -> bool:
    sp, popped_pc = registers[13], False
    instructions = iter(code)
    for op in instructions:
        if op == FINISH:
            break
        if op < 0x40:
            sp += ((op & 0x3F) << 2) + 4
        elif op < 0x80:
            sp -= ((op & 0x3F) << 2) + 4
        elif 0x90 <= op < 0xA0 and op & 15 not in (13, 15):
            sp = registers[op & 15]
        else:
            wanted = _popped(op, instructions)
            if not wanted:
                return False
            for number in wanted:
                registers[number] = read(sp)
                sp += 4
                popped_pc = popped_pc or number == 15
    registers[13] = sp
    if not popped_pc:
        registers[15] = registers[14]
    return True


def _popped(op: int, following: Iterator[int]) -> list[int]:
    """The registers that an instruction takes from the stack, in order; none: not understood."""
    if 0x80 <= op < 0x90:
        mask = ((op & 15) << 8 | next(following, 0)) << 4
        return [] if mask & 1 << 13 else [n for n in range(16) if mask >> n & 1]
    if 0xA0 <= op < 0xB0:
        return [*range(4, 5 + (op & 7)), *([14] if op & 8 else [])]
    if op == 0xB1:
        mask = next(following, 0)
        return [n for n in range(4) if mask >> n & 1] if mask < 16 else []
    return []
