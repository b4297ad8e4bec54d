"""The planted failures of build/defects/kyu.elf (DESIGN §4), and what must be found."""

from __future__ import annotations

from dataclasses import dataclass

from rig.verdict import Cause


@dataclass(frozen=True, slots=True)
class Defect:
    """`arg` names the argument, empty when there is none; `example` arms it in the tests."""

    name: str
    arg: str
    what: str
    cause: Cause
    example: str

    @property
    def spelling(self) -> str:
        return f"{self.name}:{self.arg}" if self.arg else self.name


DEFECTS = (
    Defect("panic", "N", "panics after N good transfers", Cause.PANIC, "panic:3"),
    Defect("spin-irq-on", "", "a thread spins for ever, interrupts on", Cause.HANG, "spin-irq-on"),
    Defect(
        "spin-irq-off", "", "a thread spins for ever, interrupts off", Cause.HANG, "spin-irq-off"
    ),
    Defect("abba", "", "two threads take two mutexes in opposite order", Cause.DEADLOCK, "abba"),
    Defect("wrong-byte", "OFFSET", "one byte is wrong", Cause.CORRUPTION, "wrong-byte:123456"),
    Defect("cut", "OFFSET", "the connection is closed too early", Cause.TRUNCATED, "cut:100000"),
    Defect("stall", "OFFSET", "the server stops sending, and stays", Cause.STALL, "stall:50000"),
    Defect("reset", "", "the connection is reset in the middle", Cause.RESET, "reset"),
)
