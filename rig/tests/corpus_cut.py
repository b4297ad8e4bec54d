"""Makes a real log small: a whole crash record has some 400 lines, and most of them say the same.

Rules     deterministic, and the only way in which a real log of the corpus is changed: whole lines
          of a record are left out, none is written anew but those that count lines.
          Kept are all that is not of a record, the traceback too; of a record its begin, registers,
          fault, locks, pools and damage, its last EVENTS_KEPT events, and each thread with its
          frames that crashed, holds a lock, waits for one, is named by an event that is kept, or
          shows the frames of such a one (like=).
          crash-end and last-crash are counted anew, with the checksum that belongs to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rig.console.grammar import LAST_CRASH, Frame, make_frame, parse

EVENTS_KEPT = 12
#: The events whose numbers are threads.
_OF_THREADS = ("switch", "wake", "timeout")


def cut(lines: Sequence[str]) -> list[str]:
    """A log, without line ends, with each record in it cut; so are those of an earlier boot."""
    kept: list[str] = []
    record: list[str] = []
    for line in lines:
        kind = _kind(line)
        if kind.startswith("crash-"):
            record.append(line)
        if kind == "crash-end":
            kept += _cut_record(record)
            record = []
        elif not kind.startswith("crash-"):
            kept += [*record, line]  # it has no end: what there is of it is kept
            record = []
    return list(_announced([*kept, *record]))


def _bare(line: str) -> str:
    return line.removeprefix(LAST_CRASH)


def _kind(line: str) -> str:
    frame = parse(_bare(line))
    return frame.kind if isinstance(frame, Frame) else ""


def _cut_record(lines: Sequence[str]) -> list[str]:
    told = [(line, frame) for line in lines if isinstance(frame := parse(_bare(line)), Frame)]
    events = [frame for _, frame in told if frame.kind == "crash-event"][-EVENTS_KEPT:]
    wanted = _wanted([frame for _, frame in told], events)
    kept = []
    for line, frame in told[:-1]:
        match frame.kind:
            case "crash-thread" if frame.text("id") not in wanted:
                continue
            case "crash-frame" if frame.text("thread") not in wanted:
                continue
            case "crash-event" if not any(frame is one for one in events):
                continue
        kept.append(line)
    prefix = LAST_CRASH if lines[-1].startswith(LAST_CRASH) else ""
    return [*kept, prefix + make_frame("crash-end", lines=len(kept))]


def _wanted(frames: Sequence[Frame], events: Sequence[Frame]) -> set[str]:
    """The numbers of the threads that are kept."""
    names = {frame.text("thread") for frame in frames if frame.kind == "crash-begin"}
    for lock in (frame for frame in frames if frame.kind == "crash-lock"):
        names |= {lock.text("owner"), *lock.text("waiters").split()}
    of_threads = [event for event in events if event.text("what") in _OF_THREADS]
    numbers = {str(event.number(key)) for event in of_threads for key in "ab"}
    wanted: set[str] = set()
    for thread in (frame for frame in frames if frame.kind == "crash-thread"):
        if thread.text("name") in names or thread.text("id") in numbers:
            wanted |= {thread.text("id"), thread.text("like") or thread.text("id")}
    return wanted


def _announced(lines: list[str]) -> Iterator[str]:
    """The same, with the lines of an earlier boot's crash counted anew where they are announced."""
    for at, line in enumerate(lines):
        frame = parse(line)
        if not isinstance(frame, Frame) or frame.kind != "last-crash":
            yield line
            continue
        behind = lines[at + 1 :]
        ends = (n for n, after in enumerate(behind) if not after.startswith(LAST_CRASH))
        count = next(ends, len(behind))
        yield make_frame("last-crash", **(dict(frame.fields) | {"lines": str(count)}))
