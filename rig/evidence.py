"""failures/NNN-cause/: what a person needs the next morning to explain a failure.

Context   the thread that drives the board, right after the verdict, while the board still exists.
Rules     one trouble while gathering must not cost the rest: each file is tried by itself.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rig.console.crash import CrashRecord, wait_for_graph
from rig.console.grammar import Frame
from rig.console.symbols import Place, Symbols, same_function
from rig.inspect.look import Look
from rig.journal import write_json
from rig.traffic.request import Result
from rig.verdict import Cause, Verdict

#: A core is two megabytes. A night with --keep-going has its first ones, which tell the same.
CORES_MAX = 20


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Everything that the evidence is made from. `look`: what the halted board's memory shows."""

    verdict: Verdict
    crash: CrashRecord
    tail: Sequence[tuple[float, str]]
    results: Sequence[Result]
    repeat: str
    board: dict[str, Any]
    look: Look | None = None

    @property
    def record(self) -> CrashRecord:
        """The board's own; from outside when it hangs without a word, or died in mid-sentence."""
        if self.look is None or self.crash.complete:
            return self.crash
        outside = self.look.record
        better = not outside.halted if self.crash.alarming else self.verdict.cause is Cause.HANG
        return outside if better else self.crash


def write(failures: Path, number: int, exhibit: Exhibit, symbols: Symbols) -> Path:
    """Makes the folder and returns it. Raises RigError only when the folder cannot be made."""
    cause = exhibit.verdict.cause
    folder = failures / f"{number:03d}-{cause.value if cause else 'none'}"
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[Path], object]] = {
        "verdict.json": lambda path: write_json(path, verdict_json(exhibit, symbols)),
        "console.txt": lambda path: path.write_text(console_text(exhibit.tail), encoding="utf-8"),
        "repeat.txt": lambda path: path.write_text(exhibit.repeat + "\n", encoding="utf-8"),
    }
    if exhibit.results:
        transfers = {"transfers": [result.as_json() for result in exhibit.results]}
        parts["transfer.json"] = lambda path: write_json(path, transfers)
    record = exhibit.record
    if record.alarming:
        parts["crash.json"] = lambda path: write_json(path, record.as_json())
        parts["traceback.txt"] = lambda path: path.write_text(
            traceback_text(record, symbols), encoding="utf-8"
        )
    look = exhibit.look
    seen = record if record.alarming or look is None else look.record
    if seen.alarming:
        parts["threads.txt"] = lambda path: path.write_text(
            threads_text(seen, symbols), encoding="utf-8"
        )
    if look is not None and number <= CORES_MAX:
        parts["core"] = lambda path: path.write_bytes(look.core())
        parts["core.gdb"] = lambda path: path.write_text(
            look.gdb_script(path.with_suffix("")), encoding="utf-8"
        )
    for name, make in parts.items():
        with contextlib.suppress(OSError):
            make(folder / name)
    return folder


def verdict_json(exhibit: Exhibit, symbols: Symbols) -> dict[str, Any]:
    return {
        **asdict(exhibit.verdict),
        "function_check": check_function(exhibit.crash, symbols),
        **exhibit.board,
    }


def check_function(crash: CrashRecord, symbols: Symbols) -> str:
    """The function that the board names, held against DWARF: "confirmed", or what is wrong."""
    named = crash.function
    if not named or not crash.alarming:
        return ""
    places = [_place(symbols, crash, n, pc) for n, (pc, _) in enumerate(crash.backtrace())]
    known = [place.function for place in places if place.function]
    if not known:
        return ""
    if any(same_function(named, name) for name in known):
        return "confirmed"
    return f"not confirmed: the addresses belong to {', '.join(dict.fromkeys(known))}"


def _place(symbols: Symbols, crash: CrashRecord, index: int, pc: int) -> Place:
    """The place of a fault is exact, and where a board was halted; others are return addresses."""
    exact = index == 0 and (crash.kind == "fault" or crash.halted)
    return symbols.place(pc) if exact else symbols.call_place(pc)


def traceback_text(crash: CrashRecord, symbols: Symbols) -> str:
    """The traceback of the thread that crashed, with file and line, then who waits for whom."""
    source = " (told from outside)" if crash.from_outside else ""
    lines = [
        crash.reason if crash.halted else f"{crash.kind}: {crash.reason}{source}",
        f"thread {crash.thread}, function {crash.function}",
        "",
    ]
    for index, (pc, name) in enumerate(crash.backtrace()):
        place = _place(symbols, crash, index, pc)
        source = f"  {place.file}:{place.line}" if place.file else ""
        lines.append(f"  #{index:<2} {pc:08x}  {place.function or name}{source}")
    waits = wait_for_graph(crash)
    if waits:
        lines += ["", "waiting:"]
        lines += [f"  {w.waiter} waits for {w.lock}, held by {w.owner}" for w in waits]
    notes = [note.text("text") for note in crash.of_kind("crash-note")]
    if notes:
        lines += ["", "could not be read:", *(f"  {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def threads_text(crash: CrashRecord, symbols: Symbols) -> str:
    """Every thread. Those that do the same at the same place are told once, by all their names."""
    frames: dict[str, list[Frame]] = defaultdict(list)
    for frame in crash.of_kind("crash-frame"):
        frames[frame.text("thread")].append(frame)
    alike: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for thread in crash.of_kind("crash-thread"):
        # A thread in the same place as an earlier one is printed without its frames.
        stack = tuple(f.text("pc") for f in frames[thread.text("like") or thread.text("id")])
        alike[thread.text("state"), thread.text("waits"), *stack].append(thread)
    lines = [f"{crash.reason}\n"] if crash.halted else []
    for group in alike.values():
        first = group[0]
        names = ", ".join(thread.text("name") for thread in group)
        waits = f" for {first.text('waits')}" if first.text("waits") else ""
        deepest = max(thread.number("used") for thread in group)
        lines.append(f"{names}: {first.text('state')}{waits}, stack used {deepest}")
        for frame in frames[first.text("like") or first.text("id")]:
            find = symbols.exact_source if frame.text("exact") == "1" else symbols.source
            source = find(frame.number("pc"))
            lines.append(f"    {frame.text('pc')}  {frame.text('sym'):<40}  {source}".rstrip())
        lines.append("")
    return "\n".join(lines)


def console_text(tail: Sequence[tuple[float, str]]) -> str:
    return "".join(f"{at:12.6f}  {text}\n" for at, text in tail)
