"""failures/NNN-cause/: what a person needs the next morning to explain a failure.

Context   the thread that drives the board, right after the verdict, while the board still exists.
Rules     one trouble while gathering must not cost the rest: each file is tried by itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rig import crash_text as words
from rig import evidence_readme
from rig.console.crash import CrashRecord
from rig.console.symbols import Symbols, same_function
from rig.crash_hints import hints
from rig.errors import RigError
from rig.hostload import Load, table
from rig.inspect.look import Look
from rig.journal import write_json
from rig.signature import Signature, signature
from rig.traffic.request import Result
from rig.verdict import Cause, Verdict
from rig.wire.pcapng import Frame, encode

#: A core is two megabytes. A night with --keep-going has its first ones, which tell the same.
CORES_MAX = 20


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Everything that the evidence is made from.

    `look`: what the halted board's memory shows; `frames`: the last that the wire has seen, at
    10^-`digits` s; `seen`: whether the same has been seen in earlier runs; `often`: in this one;
    `clock`: the time of day; `host`: the last seconds of this host; `simulated`: the command that
    plays the same weather without a board.
    """

    verdict: Verdict
    crash: CrashRecord
    tail: Sequence[tuple[float, str]]
    results: Sequence[Result]
    repeat: str
    board: dict[str, Any]
    look: Look | None = None
    frames: Sequence[Frame] = ()
    digits: int = 6
    seen: str = ""
    often: str = ""
    clock: str = ""
    host: Sequence[Load] = ()
    simulated: str = ""

    @property
    def record(self) -> CrashRecord:
        """The board's own; from outside when it hangs without a word, or died in mid-sentence."""
        if self.look is None or self.crash.complete:
            return self.crash
        outside = self.look.record
        better = not outside.halted if self.crash.alarming else self.verdict.cause is Cause.HANG
        return outside if better else self.crash

    @property
    def signature(self) -> Signature:
        """What it has in common with others that have the same cause."""
        return signature(self.verdict, self.record, evidence_readme.network(self).told)


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
    if look is not None:
        parts["frames.pcapng"] = lambda path: path.write_bytes(look.frames())
    if exhibit.frames:
        parts["wire.pcapng"] = lambda path: path.write_bytes(
            encode(exhibit.frames, digits=exhibit.digits)
        )
    if exhibit.host:
        parts["host.txt"] = lambda path: path.write_text(table(exhibit.host), encoding="utf-8")
    parts["README.txt"] = lambda path: path.write_text(
        evidence_readme.text(exhibit, symbols, _beside(folder)), encoding="utf-8"
    )
    for name, make in parts.items():
        with contextlib.suppress(OSError, RigError):
            make(folder / name)
    return folder


def _beside(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir())


def verdict_json(exhibit: Exhibit, symbols: Symbols) -> dict[str, Any]:
    return {
        **asdict(exhibit.verdict),
        "network": str(evidence_readme.network(exhibit)),
        "signature": asdict(exhibit.signature),
        "function_check": check_function(exhibit.crash, symbols),
        **exhibit.board,
    }


def check_function(crash: CrashRecord, symbols: Symbols) -> str:
    """The function that the board names, held against DWARF: "confirmed", or what is wrong."""
    named = crash.function
    if not named or not crash.alarming:
        return ""
    calls = enumerate(crash.backtrace())
    chains = [words.places(symbols, crash, n, pc) for n, (pc, _) in calls]
    if crash.storm is not None:
        chains = [(symbols.place(crash.storm[1]),)]
    known = [place.function for chain in chains for place in chain if place.function]
    if not known:
        return ""
    if any(same_function(named, name) for name in known):
        return "confirmed"
    return f"not confirmed: the addresses belong to {', '.join(dict.fromkeys(known))}"


def traceback_text(crash: CrashRecord, symbols: Symbols) -> str:
    """The traceback of the thread that crashed, with file and line, then who waits for whom."""
    reason, source = words.short(crash.reason), " (told from outside)" if crash.from_outside else ""
    lines = [
        reason if crash.halted else f"{crash.kind}: {reason}{source}",
        f"thread {crash.thread}, function {crash.function}",
        *(f"why: {hint}" for hint in hints(crash)),
        "",
        *words.traceback_lines(crash, symbols),
    ]
    for title, content in (
        ("interrupted without end by:", words.storm_lines(crash, symbols)),
        ("waiting:", words.wait_lines(crash)),
        ("locks:", words.lock_lines(crash, symbols)),
        ("memory:", words.memory_lines(crash)),
        ("last events:", words.event_lines(crash)),
        ("could not be read:", words.note_lines(crash)),
    ):
        if content:
            lines += ["", title, *content]
    return "\n".join(lines) + "\n"


def threads_text(crash: CrashRecord, symbols: Symbols) -> str:
    """Every thread. Those that do the same at the same place are told once, by all their names."""
    head = [f"{crash.reason}\n"] if crash.halted else []
    return "\n".join([*head, *words.full_thread_lines(crash, symbols)])


def console_text(tail: Sequence[tuple[float, str]]) -> str:
    return "".join(f"{at:12.6f}  {text}\n" for at, text in tail)
