"""failures/NNN-cause/: what a person needs the next morning to explain a failure.

Context   the thread that drives the board, right after the verdict, while the board still exists.
Rules     one trouble while gathering must not cost the rest: each file is tried by itself, the most
          telling first, and none is left half written. A disk that is full has no room for a core.
          In files for people nothing that a board said steers a terminal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
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
from rig.report.text import escaped
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


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the evidence is, and what of it could not be written."""

    folder: Path
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        without = f", without {', '.join(self.missing)} (no room?)" if self.missing else ""
        return f"{self.folder}{without}"


def write(failures: Path, number: int, exhibit: Exhibit, symbols: Symbols) -> Kept:
    """Makes the folder. Raises RigError only when that cannot be made."""
    cause = exhibit.verdict.cause
    folder = failures / f"{number:03d}-{cause.value if cause else 'none'}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RigError(f"{folder} cannot be made: {error.strerror}") from None
    parts = _texts(exhibit, symbols)
    parts |= _binaries(exhibit, folder / "core", with_core=number <= CORES_MAX)

    def readme(beside: Iterable[str]) -> bool:
        text = evidence_readme.text(exhibit, symbols, frozenset(beside))
        return _made(folder / README, _text(lambda: text))

    readme(parts)  # first: whatever else finds no room, this one does
    missing = [name for name, make in parts.items() if not _made(folder / name, make)]
    if missing:
        readme(name for name in parts if name not in missing)
    if not (folder / README).exists():
        missing.append(README)
    return Kept(folder, tuple(missing))


README = "README.txt"
_Make = Callable[[Path], object]


def _made(path: Path, make: _Make) -> bool:
    """Whole, or not at all: then an older one stays."""
    partial = path.with_name(path.name + ".part")
    try:
        make(partial)
        partial.replace(path)
    except (OSError, RigError):
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        return False
    return True


def _text(content: Callable[[], str]) -> _Make:
    return lambda path: path.write_text(content(), encoding="utf-8")


def _texts(exhibit: Exhibit, symbols: Symbols) -> dict[str, _Make]:
    """The most telling first."""
    parts: dict[str, _Make] = {
        "verdict.json": lambda path: write_json(path, verdict_json(exhibit, symbols)),
        "repeat.txt": _text(lambda: exhibit.repeat + "\n"),
    }
    if exhibit.results:
        transfers = {"transfers": [result.as_json() for result in exhibit.results]}
        parts["transfer.json"] = lambda path: write_json(path, transfers)
    record, look = exhibit.record, exhibit.look
    if record.alarming:
        parts["traceback.txt"] = _text(lambda: traceback_text(record, symbols))
        parts["crash.json"] = lambda path: write_json(path, record.as_json())
    seen = record if record.alarming or look is None else look.record
    if seen.alarming:
        parts["threads.txt"] = _text(lambda: threads_text(seen, symbols))
    if exhibit.host:
        parts["host.txt"] = _text(lambda: table(exhibit.host))
    parts["console.txt"] = _text(lambda: console_text(exhibit.tail))
    return parts


def _binaries(exhibit: Exhibit, core: Path, *, with_core: bool) -> dict[str, _Make]:
    """The smaller first."""
    parts: dict[str, _Make] = {}
    look = exhibit.look
    if look is not None:
        parts["frames.pcapng"] = lambda path: path.write_bytes(look.frames())
    if exhibit.frames:
        wire = exhibit.frames
        parts["wire.pcapng"] = lambda path: path.write_bytes(encode(wire, digits=exhibit.digits))
    if look is not None and with_core:
        parts["core.gdb"] = _text(lambda: look.gdb_script(core))
        parts["core"] = lambda path: path.write_bytes(look.core())
    return parts


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
    return "\n".join(map(escaped, lines)) + "\n"


def threads_text(crash: CrashRecord, symbols: Symbols) -> str:
    """Every thread. Those that do the same at the same place are told once, by all their names."""
    head = [crash.reason, ""] if crash.halted else []
    return "\n".join(map(escaped, [*head, *words.full_thread_lines(crash, symbols)]))


def console_text(tail: Sequence[tuple[float, str]]) -> str:
    return "".join(f"{at:12.6f}  {escaped(text.expandtabs(8))}\n" for at, text in tail)
