"""A crash as the board told it: the traceback for people and the record for programs.

Rules     a fold: add() one parsed line, get the next record; no I/O. Whatever is missing stays
          empty, for a dying board may stop in the middle of a line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rig.console.grammar import (
    CalledFrom,
    CurrentThread,
    FaultLine,
    Frame,
    PanicLine,
    Parsed,
    StackLine,
    is_machinery,
)


@dataclass(frozen=True, slots=True)
class Traceback:
    """The lines for people."""

    thread: str = ""
    sp: int = 0
    fp: int = 0
    calls: tuple[CalledFrom, ...] = ()
    reason: str | None = None
    fault: FaultLine | None = None


NO_TRACEBACK = Traceback()


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """What is known so far. `frames` are the crash-… frames between begin and end."""

    traceback: Traceback = NO_TRACEBACK
    begin: Frame | None = None
    frames: tuple[Frame, ...] = ()
    end: Frame | None = None

    @property
    def alarming(self) -> bool:
        """A traceback alone is no alarm (the shell can print one); a reason, fault or record is."""
        human = self.traceback
        return self.begin is not None or human.reason is not None or human.fault is not None

    @property
    def complete(self) -> bool:
        return self.end is not None

    @property
    def lines_missing(self) -> int:
        """Frames of the record that the board counted but the rig did not get; 0 when unknown."""
        if self.begin is None or self.end is None:
            return 0
        return max(0, self.end.number("lines") - 1 - len(self.frames))

    @property
    def from_outside(self) -> bool:
        """Not told by the board: it was halted, and its memory read (rig/inspect)."""
        return self.begin is not None and self.begin.text("from") == "outside"

    @property
    def halted(self) -> bool:
        """The board said nothing: whatever it was doing, it was stopped in the middle of it."""
        return self.begin is not None and self.begin.text("halted") == "1"

    @property
    def kind(self) -> str:
        if self.begin is not None:
            return self.begin.text("kind", "panic")
        return "fault" if self.traceback.fault is not None else "panic"

    @property
    def reason(self) -> str:
        if self.begin is not None and self.begin.text("reason"):
            return self.begin.text("reason")
        if self.traceback.reason:
            return self.traceback.reason
        fault = self.traceback.fault
        return f"{fault.type} at {fault.pc:08x}" if fault else ""

    @property
    def thread(self) -> str:
        return (self.begin.text("thread") if self.begin else "") or self.traceback.thread

    @property
    def function(self) -> str:
        """The innermost function of the program itself."""
        if self.begin is not None and self.begin.text("func"):
            return self.begin.text("func")
        return next((c.name for c in self.traceback.calls if not is_machinery(c.name)), "")

    def of_kind(self, kind: str) -> tuple[Frame, ...]:
        return tuple(f for f in self.frames if f.kind == kind)

    def backtrace(self) -> tuple[tuple[int, str], ...]:
        """(pc, the board's own name for it), innermost first, of the thread that crashed."""
        mine = [f for f in self.of_kind("crash-frame") if f.text("thread") == self._thread_key()]
        if mine:
            mine.sort(key=lambda f: f.number("n"))
            return tuple((f.number("pc"), f.text("sym")) for f in mine)
        return tuple((c.pc, f"{c.name}+{c.offset:x}") for c in self.traceback.calls)

    def _thread_key(self) -> str:
        """Frames carry a thread's id; a thread is named in the record."""
        for thread in self.of_kind("crash-thread"):
            if thread.text("name") == self.thread:
                return thread.text("id")
        return self.thread

    def thread_names(self) -> dict[str, str]:
        return {f.text("id"): f.text("name") for f in self.of_kind("crash-thread")}

    def as_json(self) -> dict[str, Any]:
        frames = [self.begin] if self.begin else []
        frames += self.frames
        frames += [self.end] if self.end else []
        return {
            "kind": self.kind,
            "from": "outside" if self.from_outside else "board",
            "reason": self.reason,
            "thread": self.thread,
            "function": self.function,
            "complete": self.complete,
            "lines_missing": self.lines_missing,
            "record": [{"kind": f.kind, **f.fields} for f in frames],
        }


NO_CRASH = CrashRecord()


def add(record: CrashRecord, line: Parsed) -> CrashRecord:
    """The record with one more line. Lines that say nothing about a crash change nothing."""
    match line:
        case Frame(kind="crash-begin"):
            return replace(record, begin=line, frames=(), end=None)
        case Frame(kind="crash-end"):
            return replace(record, end=line)
        case Frame() if line.kind.startswith("crash-"):
            return replace(record, frames=(*record.frames, line))
    human = _add_human(record.traceback, line)
    return record if human is record.traceback else replace(record, traceback=human)


def _add_human(human: Traceback, line: Parsed) -> Traceback:
    match line:
        case FaultLine():
            return Traceback(fault=line)
        case CurrentThread(thread):
            return Traceback(thread=thread, fault=human.fault)
        case StackLine(sp, fp):
            return replace(human, sp=sp, fp=fp)
        case CalledFrom():
            return replace(human, calls=(*human.calls, line))
        case PanicLine(reason):
            return replace(human, reason=reason)
        case _:
            return human


@dataclass(frozen=True, slots=True)
class Wait:
    """`waiter` wants `lock`, which `owner` holds."""

    waiter: str
    lock: str
    owner: str


def wait_for_graph(record: CrashRecord) -> tuple[Wait, ...]:
    waits: list[Wait] = []
    for lock in record.of_kind("crash-lock"):
        owner = lock.text("owner", "-")
        waits += [
            Wait(w, lock.text("name"), owner) for w in lock.text("waiters").split() if w != "-"
        ]
    return tuple(waits)


def find_cycle(waits: tuple[Wait, ...]) -> tuple[Wait, ...]:
    """The waits that form a ring, in order; empty when there is none."""
    by_waiter = {w.waiter: w for w in waits}
    for first in waits:
        ring: list[Wait] = []
        step: Wait | None = first
        while step is not None and step not in ring:
            ring.append(step)
            step = by_waiter.get(step.owner)
        if step is first:
            return tuple(ring)
    return ()


def describe_cycle(ring: tuple[Wait, ...]) -> str:
    return "; ".join(f"{w.waiter} waits for {w.lock}, held by {w.owner}" for w in ring)
