"""The planted failures of build/defects/kyu.elf, and what must be found."""

from __future__ import annotations

from dataclasses import dataclass

from rig.verdict import Cause


@dataclass(frozen=True, slots=True)
class Defect:
    """`arg` names the argument, empty when there is none.

    The rest is for the proof: `example` arms it, `good_before` transfers pass first, the verdict
    has `cause`, names `function` and says each of `evidence`.
    """

    name: str
    arg: str
    what: str
    cause: Cause
    example: str
    good_before: int = 0
    function: str = ""
    evidence: tuple[str, ...] = ()

    @property
    def spelling(self) -> str:
        return f"{self.name}:{self.arg}" if self.arg else self.name


DEFECTS = (
    Defect(
        "panic",
        "N",
        "panics after N good transfers",
        Cause.PANIC,
        "panic:3",
        good_before=3,
        function="planted_panic",
        evidence=("planted panic",),
    ),
    Defect(
        "spin-irq-on",
        "",
        "an urgent thread spins for ever, interrupts on",
        Cause.HANG,
        "spin-irq-on@2",
        good_before=1,
        function="spin_with_interrupts_on",
        evidence=("no heartbeat",),
    ),
    Defect(
        "spin-irq-off",
        "",
        "an urgent thread spins for ever, interrupts off",
        Cause.HANG,
        "spin-irq-off@2",
        good_before=1,
        function="spin_with_interrupts_off",
        evidence=("no heartbeat", "the console does not answer"),
    ),
    Defect(
        "abba",
        "",
        "two threads take two mutexes in opposite order",
        Cause.DEADLOCK,
        "abba@2",
        good_before=1,
        function="take_both",
        evidence=("abba-a", "abba-b", "held by"),
    ),
    Defect(
        "wrong-byte",
        "OFFSET",
        "one byte is wrong",
        Cause.CORRUPTION,
        "wrong-byte:123456@3",
        good_before=2,
        evidence=("offset 123456: expected", "found"),
    ),
    Defect(
        "cut",
        "OFFSET",
        "the connection is closed too early",
        Cause.TRUNCATED,
        "cut:100000@2",
        good_before=1,
        evidence=("got 100000 of 200000 bytes",),
    ),
    Defect(
        "stall",
        "OFFSET",
        "the server stops sending, and stays",
        Cause.STALL,
        "stall:50000@2",
        good_before=1,
        evidence=("got 50000 of 200000 bytes",),
    ),
    Defect(
        "reset",
        "",
        "the connection is reset in the middle",
        Cause.RESET,
        "reset@2",
        good_before=1,
        evidence=("connection reset",),
    ),
)
