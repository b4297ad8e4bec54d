"""A crash as the board told it: the traceback for people and the record for programs.

Rules     a fold: add() one parsed line, get the next record; no I/O. Whatever is missing stays
          empty, for a dying board may stop in the middle of a line.
          A record has a size: what a board that babbles says beyond it is counted, not kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from rig.console.grammar import (
    WHILE_REPORTING,
    CalledFrom,
    CurrentThread,
    FaultLine,
    Frame,
    PanicLine,
    Parsed,
    StackLine,
    is_machinery,
    storm_told,
    waits_told,
)

#: The only version of the record that is known here.
VERSION = "1"
#: Some ten times what a board prints that has a hundred threads, each with a traceback of its own.
RECORD_CHARS_MAX = 1 << 19
FRAMES_MAX = 4000
CALLS_MAX = 256


@dataclass(frozen=True, slots=True)
class Traceback:
    """The lines for people."""

    thread: str = ""
    sp: int = 0
    fp: int = 0
    calls: tuple[CalledFrom, ...] = ()
    reason: str | None = None
    fault: FaultLine | None = None
    nested: str = ""
    calls_beyond: int = 0


NO_TRACEBACK = Traceback()


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """What is known so far. `frames` are the crash-… frames between begin and end."""

    traceback: Traceback = NO_TRACEBACK
    begin: Frame | None = None
    frames: tuple[Frame, ...] = ()
    end: Frame | None = None
    chars: int = 0
    beyond: int = 0

    @property
    def alarming(self) -> bool:
        """A traceback alone is no alarm (the shell can print one); a reason, fault or record is."""
        human = self.traceback
        return self.recorded or human.reason is not None or human.fault is not None

    @property
    def recorded(self) -> bool:
        """There is a line of a record, be it only its last."""
        return self.begin is not None or bool(self.frames) or self.end is not None

    @property
    def complete(self) -> bool:
        return self.end is not None

    @property
    def lines_missing(self) -> int:
        """Frames of the record that the board counted but the rig did not get; 0 when unknown."""
        if self.end is None:
            return 0
        got = len(self.frames) + self.beyond + (self.begin is not None)
        return max(0, self.end.number("lines") - got)

    @property
    def strange_version(self) -> str:
        """The version of the record, when it is not the one that is known here."""
        version = self.begin.text("v", VERSION) if self.begin else VERSION
        return "" if version == VERSION else version

    @property
    def nested(self) -> str:
        """Why the board died a second time, while it was reporting the first."""
        return self.traceback.nested

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
        """Why the board died; after a panic in a panic, both reasons."""
        first = self._first_reason()
        return f"{first}; then, while reporting it: {self.nested}" if self.nested else first

    def _first_reason(self) -> str:
        if self.begin is not None and self.begin.text("reason"):
            return self.begin.text("reason")
        if self.traceback.reason:
            return self.traceback.reason
        fault = self.traceback.fault
        if fault:
            return f"{fault.type} at {fault.pc:08x}"
        return "the line that tells why is lost" if self.alarming and not self.nested else ""

    @property
    def thread(self) -> str:
        told = (self.begin.text("thread") if self.begin else "") or self.traceback.thread
        running = (t.text("name") for t in self.of_kind("crash-thread") if _is_running(t))
        return told or next(running, "")

    @property
    def storm(self) -> tuple[str, int] | None:
        """(handler, its address or 0): what the processor was in when it struck is chance."""
        return storm_told(self.reason)

    @property
    def function(self) -> str:
        """The innermost function of the program itself; of a storm of interrupts, its handler."""
        if self.storm is not None:
            return self.storm[0]
        if self.begin is not None and self.begin.text("func"):
            return self.begin.text("func")
        names = (name.rpartition("+")[0] for _, name in self.backtrace())
        return next((name for name in names if name != "?" and not is_machinery(name)), "")

    def of_kind(self, kind: str) -> tuple[Frame, ...]:
        return tuple(f for f in self.frames if f.kind == kind)

    def backtrace(self) -> tuple[tuple[int, str], ...]:
        """(pc, the board's own name for it), innermost first, of the thread that crashed.

        What the record lacks of it is taken from what was printed for people, if that agrees.
        """
        key = self._thread_key()
        mine = {
            f.number("n"): (f.number("pc"), f.text("sym"))
            for f in self.of_kind("crash-frame")
            if f.text("thread") == key
        }
        printed = tuple((c.pc, f"{c.name}+{c.offset:x}") for c in self.traceback.calls)
        told = dict(enumerate(printed))
        if all(told[n][0] == pc for n, (pc, _) in mine.items() if n in told):
            mine = told | mine
        return tuple(mine[n] for n in sorted(mine))

    def _thread_key(self) -> str:
        """Frames carry a thread's id; a thread is named in the record."""
        name = self.thread
        for thread in self.of_kind("crash-thread"):
            if thread.text("name") == name:
                return thread.text("id")
        return name

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


def _is_running(thread: Frame) -> bool:
    return thread.text("state") == "running"


def add(record: CrashRecord, line: Parsed) -> CrashRecord:
    """The record with one more line. Lines that say nothing about this crash change nothing."""
    match line:
        case Frame(kind="crash-begin"):
            return CrashRecord(record.traceback, begin=line)
        case Frame(kind="crash-end"):
            return replace(record, end=line)
        case Frame() if line.kind.startswith("crash-"):
            chars = record.chars + sum(len(key) + len(line.fields[key]) for key in line.fields)
            if chars > RECORD_CHARS_MAX or len(record.frames) >= FRAMES_MAX:
                return replace(record, beyond=record.beyond + 1)
            return replace(record, frames=(*record.frames, line), chars=chars)
    human = _add_human(record, line)
    return record if human is record.traceback else replace(record, traceback=human)


def _add_human(record: CrashRecord, line: Parsed) -> Traceback:
    human = record.traceback
    match line:
        case FaultLine():
            return Traceback(fault=line)
        case CurrentThread(thread):
            return Traceback(thread=thread, fault=human.fault)
        case StackLine(sp, fp):
            return replace(human, sp=sp, fp=fp)
        case CalledFrom():
            if len(human.calls) >= CALLS_MAX:
                return replace(human, calls_beyond=human.calls_beyond + 1)
            return replace(human, calls=(*human.calls, line))
        case PanicLine(reason) if reason.startswith(WHILE_REPORTING):
            # The board names the second reason first: what stands here until now was that one.
            nested = human.nested or human.reason or ""
            return replace(human, reason=reason[len(WHILE_REPORTING) :], nested=nested)
        case PanicLine(reason) if human.reason is not None or record.begin is not None:
            return replace(human, nested=reason)
        case PanicLine(reason):
            return replace(human, reason=reason)
        case _:
            return human


def missing_lines(record: CrashRecord) -> tuple[tuple[int, str], ...]:
    """(how many at least, which) lines of the record are not there, as far as the others tell."""
    names = record.thread_names()
    told: list[tuple[int, str]] = []
    present = Counter(f.kind for f in record.frames)
    if not present["crash-regs"] and record.frames:
        told.append((1, "the registers"))
    seen: dict[str, set[int]] = {}
    for frame in record.of_kind("crash-frame"):
        seen.setdefault(frame.text("thread"), set()).add(frame.number("n"))
    for thread, numbers in seen.items():
        if thread not in names and thread != "0":
            told.append((1, f"the line of thread {thread}"))
        gaps = _gaps(numbers)
        if gaps:
            numbered = ", ".join(map(str, gaps))
            whose = names.get(thread, f"thread {thread}")
            told.append((len(gaps), f"frame {numbered} of {whose}"))
    for line in record.of_kind("crash-thread"):
        if line.text("id") not in seen and not line.text("like"):
            told.append((1, f"the frames of {line.text('name')}"))
    return tuple(told)


def _gaps(numbers: set[int]) -> list[int]:
    """The missing ones below the highest; of a nonsensical highest only the first few."""
    last = min(max(numbers), len(numbers) + 8)
    return [n for n in range(last) if n not in numbers]


@dataclass(frozen=True, slots=True)
class Wait:
    """`waiter` wants `lock`, which `owner` holds."""

    waiter: str
    lock: str
    owner: str


def wait_for_graph(record: CrashRecord) -> tuple[Wait, ...]:
    """Who waits for whom: as the locks tell it, the threads, and the reason of a deadlock.

    A thread that is refused a lock because of the ring it would close does not wait for it yet:
    only the reason names that edge.
    """
    owners: dict[str, str] = {}
    waits: dict[tuple[str, str], Wait] = {}
    for lock in record.of_kind("crash-lock"):
        name, owner = lock.text("name"), lock.text("owner", "-")
        owners[name] = owner
        for waiter in lock.text("waiters").split():
            if waiter != "-":
                waits.setdefault((waiter, name), Wait(waiter, name, owner))
    for thread in record.of_kind("crash-thread"):
        kind, _, name = thread.text("waits").partition(" ")
        if kind == "mutex" and name in owners:
            waiter = thread.text("name")
            waits.setdefault((waiter, name), Wait(waiter, name, owners[name]))
    if record.kind == "deadlock":
        for who, name, owner in waits_told(record.reason):
            waits.setdefault((who, name), Wait(who, name, owner))
    return tuple(waits.values())


def find_cycle(waits: tuple[Wait, ...]) -> tuple[Wait, ...]:
    """The waits that form a ring, in order; empty when there is none."""
    by_waiter = {w.waiter: w for w in waits}
    cleared: set[str] = set()
    for first in waits:
        ring: list[Wait] = []
        on_way: set[str] = set()
        step: Wait | None = first
        while step is not None and step.waiter not in on_way and step.waiter not in cleared:
            ring.append(step)
            on_way.add(step.waiter)
            step = by_waiter.get(step.owner)
        if step is not None and step.waiter in on_way:
            return tuple(ring[[w.waiter for w in ring].index(step.waiter) :])
        cleared |= on_way
    return ()


def describe_cycle(ring: tuple[Wait, ...]) -> str:
    return "; ".join(f"{w.waiter} waits for {w.lock}, held by {w.owner}" for w in ring)
