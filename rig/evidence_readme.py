"""README.txt of a failure: ten lines for a tired person, then what each file is for.

Rules     pure. Every README says what, where, when, how often and how to see it again: what is not
          known is said too. All that a board chose is made harmless (rig/report/text.py).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rig import crash_text as words
from rig.console.symbols import same_function
from rig.crash_hints import hints
from rig.errors import RigError
from rig.hostload import told as told_load
from rig.report.text import escaped
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
    Cause.RIG: "Nothing is proved about the board: the host had no time for it.",
}
#: What heartbeats tell, not a thread.
_COUNTED = frozenset({Cause.LEAK, Cause.DRIFT})
#: In the order in which one looks at them.
_FILES = {
    "traceback.txt": "who was where, with file and line",
    "threads.txt": "every thread: where it stands, what it waits for",
    "transfer.json": "the transfers that went wrong: how far each came, and how long it took",
    "console.txt": "the serial line before and after, in seconds since power-on",
    "wire.pcapng": "the last frames, and what the wire did to them: for Wireshark",
    "frames.pcapng": "the last frames that the board itself kept: for Wireshark",
    "host.txt": "how busy this host was, second by second",
    "core.gdb": "the board's memory as it was (core); here: gdb-multiarch -x core.gdb",
    "crash.json": "the board's crash record, for programs",
    "verdict.json": "all of this, for programs",
    "repeat.txt": "the command above, alone",
}


def text(exhibit: Exhibit, symbols: Symbols, files: frozenset[str]) -> str:
    """`files`: what lies beside it."""
    verdict, record = exhibit.verdict, exhibit.record
    cause, dead = verdict.cause, record.alarming
    rows = [
        ("verdict", f"{cause.value if cause else '?'}: {_detail(exhibit)}"),
        ("where", _place(exhibit, symbols)),
        ("why", "; ".join(hints(record)[:2]) if dead else ""),
        ("waiting", "; ".join(words.wait_lines(record)[:3]) if dead else ""),
        ("when", _when(exhibit)),
        ("often", _often(exhibit)),
        ("network", str(network(exhibit))),
        ("host", told_load(exhibit.host)),
        ("board", f"build {exhibit.board.get('build') or 'unknown'}"),
        ("again", exhibit.repeat or "not known: no soak has made this"),
        ("no board", f"{exhibit.simulated} (this weather, simulated)" if exhibit.simulated else ""),
    ]
    lines = [f"{name:<8}  {escaped(' '.join(said.split()))}" for name, said in rows if said]
    beside = [f"  {name:<14}  {told}" for name, told in _FILES.items() if name in files]
    what = (_WHAT.get(cause) if cause else None) or "The run failed."
    return "\n".join([what, "", *lines, "", "files, the most telling first:", *beside]) + "\n"


def often(number: int, alike: int, good: int) -> str:
    """Of failure `number` of a run, `alike` of which have its signature, after so many `good`."""
    nth = "the first failure" if number == 1 else f"failure {number}"
    same = f", {alike} of them like this" if number > 1 else ""
    return f"{nth} of this run{same}, after {good:,} good transfers"


def network(exhibit: Exhibit) -> stopped.Stop:
    """Where the conversation stopped that went wrong first, if anybody has seen it."""
    ports = [one.port for one in exhibit.results[:1] if one.port]
    if exhibit.frames:
        return stopped.where(exhibit.frames, ports, digits=exhibit.digits)
    if exhibit.look is not None:
        with contextlib.suppress(RigError):
            return stopped.where(exhibit.look.kept(), ports)
    return stopped.Stop()


def _detail(exhibit: Exhibit) -> str:
    """Without the cause, which stands before it."""
    verdict = exhibit.verdict
    return verdict.detail.removeprefix(f"{verdict.cause.value} " if verdict.cause else "")


def _place(exhibit: Exhibit, symbols: Symbols) -> str:
    verdict, record = exhibit.verdict, exhibit.record
    thread, function = record.thread, verdict.function or record.function
    if not function:
        seen = "the pools' counters show" if verdict.cause in _COUNTED else "the traffic shows"
        return f"thread {thread}" if thread else f"no place in the program is known: {seen} it"
    files = ""
    if record.alarming:
        chains = (
            words.places(symbols, record, n, pc) for n, (pc, _) in enumerate(record.backtrace())
        )
        here = (place for chain in chains for place in chain if place.file)
        alike = (p for p in here if same_function(function, p.function))
        files = next((f" ({p.file}:{p.line})" for p in alike), "")
    return f"{function}{files}" + (f", thread {thread}" if thread else "")


def _when(exhibit: Exhibit) -> str:
    said = f"{exhibit.verdict.at:.3f} s after power-on"
    if exhibit.clock:
        said = f"{exhibit.clock}, {said}"
    if exhibit.results:
        one = exhibit.results[0]
        said += f"; in transfer {one.number} ({one.request}), after {one.received:,} bytes of it"
        if len(exhibit.results) > 1:
            said += f", and {len(exhibit.results) - 1} more went wrong with it"
    return said


def _often(exhibit: Exhibit) -> str:
    before = exhibit.seen or "not known"
    parts = [exhibit.often, f"in earlier runs: {before}", f"signature {exhibit.signature.key}"]
    return "; ".join(part for part in parts if part)
