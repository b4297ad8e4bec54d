"""Backtraces from registers and a stack, by the image's .debug_frame.

Rules     reads the stack it was given and nothing else. Each step must move the stack pointer up,
          and there are FRAMES_MAX of them at most, so that a walk through a smashed stack ends.
          .debug_frame is what gdb goes by, and knows each instruction of a prologue; the board goes
          by .ARM.exidx. That the two agree is tested. Some assembly has .ARM.exidx only.
Source    DWARF 4 section 6.4; firmware/arch/armv7a/switch.S (a saved thread), vectors.S (the frame
          of an interrupt).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from elftools.dwarf.callframe import CallFrameInfo

from rig.inspect.exidx import Exidx, Registers
from rig.inspect.image import Image
from rig.inspect.memory import Memory, Span, UnreadableError, Windows

FRAMES_MAX = 64
FP, SP, LR, PC, CPSR = 11, 13, 14, 15, 16
_THUMB_STATE = 1 << 5
_CALLEE_SAVED, _SAVED_SP, _SAVED_PC = 8, 8, 9  # words of port::Context: r4-r11, sp, pc
_WORD = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """`exact`: pc is the instruction to run next, not the return address behind a call."""

    pc: int
    sp: int
    exact: bool


def saved_registers(context: Sequence[int]) -> tuple[int, ...]:
    """r0 to r15 and cpsr of a thread that is not running. What is not kept is 0."""
    registers = [0] * 17
    registers[4 : 4 + _CALLEE_SAVED] = context[:_CALLEE_SAVED]
    registers[SP], registers[PC] = context[_SAVED_SP], context[_SAVED_PC]
    registers[LR] = registers[PC]
    # What it was saved as is a return address: bit 0 says that it leads to Thumb code.
    registers[CPSR] = _THUMB_STATE * (registers[PC] & 1)
    registers[PC] &= ~1
    return tuple(registers)


class _CallFrames(CallFrameInfo):
    """pyelftools takes an augmentation for one with a length. That of an interrupt's frame, `S`, is
    only a mark (LSB 5.0 section 10.6.1.1.1), which nobody needs here.
    """

    def _parse_cie_augmentation(self, header: Any, entry_structs: Any) -> tuple[bytes, Any]:
        if header["augmentation"] == b"S":
            return b"", {}
        return super()._parse_cie_augmentation(header, entry_structs)


class Unwinder:
    def __init__(self, image: Image) -> None:
        self._image = image
        self._exidx = Exidx(image)
        self._interrupt = Span(
            image.symbols.get("kyu_irq_frame_begin", 0), image.symbols.get("kyu_irq_frame_end", 0)
        )
        self._begin = image.symbols.get("kyu_thread_begin", 0)

    def of_thread(
        self, context: Sequence[int], memory: Memory, stacks: Iterable[Span]
    ) -> tuple[Frame, ...]:
        """A thread that is not running; empty when it never ran."""
        if context[_SAVED_PC] in (0, self._begin):
            return ()
        return self.walk(saved_registers(context), memory, stacks, exact=False)

    def walk(
        self, registers: Sequence[int], memory: Memory, stacks: Iterable[Span], *, exact: bool
    ) -> tuple[Frame, ...]:
        """Innermost first; ends where the trail does."""
        stack = Windows(memory, stacks)
        now: Registers = dict(enumerate(registers[:16]))
        frames: list[Frame] = []
        while len(frames) < FRAMES_MAX:
            pc, sp = now[PC] & ~1, now[SP]
            if pc not in self._image.text:
                # A jump to nowhere: the call that made it left its return address in lr.
                if not exact or frames:
                    break
                frames.append(Frame(pc, sp, exact))
                now[PC], exact = now[LR], False
                continue
            try:
                caller = self._step(dict(now), pc, stack, exact=exact)
            except UnreadableError:
                caller = None
            if caller is None:
                # Nothing returns from the outermost frame: it is of no interest.
                if exact or not frames or not self._outermost(pc):
                    frames.append(Frame(pc, sp, exact))
                break
            frames.append(Frame(pc, sp, exact))
            now, is_exact = caller
            if now[SP] % 4 or now[SP] < sp or (now[SP] == sp and not exact):
                break
            exact = is_exact
        return tuple(frames)

    def _step(
        self, now: Registers, pc: int, stack: Memory, *, exact: bool
    ) -> tuple[Registers, bool] | None:
        """The caller's registers, and whether its pc is exact. None: there is no caller."""

        def read(address: int) -> int:
            return int.from_bytes(stack.read(address & _WORD, 4), "little")

        if not exact and pc in self._interrupt:
            return _interrupted(now, read(now[SP]), read)
        at = pc if exact else pc - 1
        row = self._row(at)
        if row is not None:
            caller = _apply(row, now, read)
            return None if caller is None else (caller, False)
        return (now, False) if self._exidx.step(now, at, exact=exact, read=read) else None

    def _outermost(self, pc: int) -> bool:
        return self._row(pc - 1) is None

    @cached_property
    def _functions(self) -> list[tuple[int, int, Any]]:
        """(start, end, description) of each function that .debug_frame knows, sorted."""
        if not self._image.dwarf.has_CFI():
            return []
        found = [
            (e["initial_location"], e["initial_location"] + e["address_range"], e)
            for e in _call_frames(self._image.dwarf).get_entries()
            if "initial_location" in e.header
        ]
        return sorted(found, key=lambda one: one[0])

    def _row(self, pc: int) -> dict[Any, Any] | None:
        """How to get out of the function at `pc`: the line of its table for this instruction."""
        at = bisect.bisect_right(self._functions, pc, key=lambda one: one[0]) - 1
        if at < 0 or pc >= self._functions[at][1]:
            return None
        rows = [row for row in self._functions[at][2].get_decoded().table if row["pc"] <= pc]
        return rows[-1] if rows else None


def _call_frames(dwarf: Any) -> Any:
    section = dwarf.debug_frame_sec
    return _CallFrames(section.stream, section.size, section.address, dwarf.structs)


def _apply(row: dict[Any, Any], now: Registers, read: Any) -> Registers | None:
    cfa_rule = row["cfa"]
    if cfa_rule.reg is None:
        return None
    cfa = (now[cfa_rule.reg] + cfa_rule.offset) & _WORD
    caller = {**now, SP: cfa}
    for register, rule in row.items():
        if not isinstance(register, int) or register > PC:
            continue
        match rule.type:
            case "SAME_VALUE":
                pass
            case "OFFSET":
                caller[register] = read(cfa + rule.arg)
            case "VAL_OFFSET":
                caller[register] = (cfa + rule.arg) & _WORD
            case "REGISTER":
                caller[register] = now[rule.arg]
            case _:  # UNDEFINED of lr: nobody called; an expression: nothing of ours has one
                return None
    caller[PC] = caller[LR]
    return caller


def _interrupted(now: Registers, pad: int, read: Any) -> tuple[Registers, bool] | None:
    """Out of the frame that vectors.S builds: pad, lr, pad bytes, r0-r3, r12, lr, pc, cpsr."""
    if pad not in (0, 4):
        return None
    at = now[SP] + 8 + pad
    caller = dict(now)
    for register in (0, 1, 2, 3, 12, LR, PC):
        caller[register] = read(at)
        at += 4
    caller[SP] = at + 4
    return caller, True
