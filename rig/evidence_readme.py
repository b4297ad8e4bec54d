"""README.txt of a failure: what a tired person has to know, in ten lines."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rig import crash_text as words
from rig.crash_hints import hints
from rig.errors import RigError
from rig.verdict import Cause
from rig.wire import stopped

if TYPE_CHECKING:
    from rig.console.symbols import Symbols
    from rig.evidence import Exhibit

_WHAT = {
    Cause.PANIC: "The board panicked.",
    Cause.FAULT: "The board's processor met what it cannot do.",
    Cause.DEADLOCK: "Threads of the board wait for each other, for ever.",
    Cause.HANG: "The board fell silent.",
    Cause.STALL: "A transfer stopped in the middle; the board is alive.",
    Cause.CORRUPTION: "A byte was wrong.",
    Cause.TRUNCATED: "A stream ended too early.",
    Cause.REFUSED: "The board refused a connection.",
    Cause.CONNECT_TIMEOUT: "The board did not answer a connection.",
    Cause.RESET: "The board reset a connection.",
    Cause.LEAK: "The board did not give back what the traffic had borrowed.",
    Cause.DRIFT: "The board held more and more, though every transfer was good.",
}
_FILES = {
    "traceback.txt": "who was where",
    "threads.txt": "every thread",
    "console.txt": "the serial line",
    "wire.pcapng": "the last frames, and what the wire did to them",
    "frames.pcapng": "the last frames that the board kept",
    "core.gdb": "gdb-multiarch -x core.gdb",
}


def text(exhibit: Exhibit, symbols: Symbols, files: frozenset[str]) -> str:
    """`files`: what lies beside it."""
    verdict, record = exhibit.verdict, exhibit.record
    cause = verdict.cause
    what = _WHAT.get(cause, "The run failed.") if cause else "The run failed."
    rows: list[tuple[str, str]] = [
        ("verdict", f"{cause.value if cause else '?'}: {verdict.detail}")
    ]
    rows.append(("where", _place(exhibit, symbols)))
    rows.append(("why", "; ".join(hints(record)[:2]) if record.alarming else ""))
    rows.append(("waiting", "; ".join(words.wait_lines(record)[:3]) if record.alarming else ""))
    rows.append(("when", _when(exhibit)))
    rows.append(("network", network(exhibit)))
    if exhibit.seen:
        rows.append(("seen", f"{exhibit.seen} (signature {exhibit.signature.key})"))
    rows.append(("board", f"build {exhibit.board.get('build') or 'unknown'}"))
    rows.append(("again", exhibit.repeat))
    beside = [f"{name} ({told})" for name, told in _FILES.items() if name in files]
    rows.append(("look at", ", ".join(beside)))
    lines = [f"{name:<8}  {' '.join(said.split())}" for name, said in rows if said]
    return "\n".join([what, "", *lines]) + "\n"


def network(exhibit: Exhibit) -> str:
    """Where the last conversation stopped, if anybody has seen it."""
    if exhibit.frames:
        return stopped.where(exhibit.frames, digits=exhibit.digits)
    if exhibit.look is not None:
        with contextlib.suppress(RigError):
            return stopped.where(exhibit.look.kept())
    return ""


def _place(exhibit: Exhibit, symbols: Symbols) -> str:
    verdict, record = exhibit.verdict, exhibit.record
    thread, function = record.thread, verdict.function or record.function
    if not function:
        return f"thread {thread}" if thread else ""
    files = ""
    if record.alarming:
        chains = (
            words.places(symbols, record, n, pc) for n, (pc, _) in enumerate(record.backtrace())
        )
        here = (place for chain in chains for place in chain if place.file)
        files = next((f" ({p.file}:{p.line})" for p in here if p.function == function), "")
    return f"{function}{files}" + (f", thread {thread}" if thread else "")


def _when(exhibit: Exhibit) -> str:
    said = f"{exhibit.verdict.at:.3f} s after power-on"
    if exhibit.results:
        one = exhibit.results[0]
        said += f"; transfer {one.number} ({one.request}), {one.received:,} bytes in"
        if len(exhibit.results) > 1:
            said += f", and {len(exhibit.results) - 1} more"
    return said
