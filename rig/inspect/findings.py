"""What a crash record shows of its own accord: who waits in a ring, who sleeps on a lock.

Rules     pure, over any record, the board's own or one taken from outside. Says what is there; the
          watch judges.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from rig.console.crash import CrashRecord, describe_cycle, find_cycle, wait_for_graph
from rig.console.grammar import Frame, is_idling
from rig.crash_text import Group, groups, telling_frame

SAID_MAX = 3


def findings(record: CrashRecord) -> tuple[str, ...]:
    """The most telling first; a few at most."""
    ring = find_cycle(wait_for_graph(record))
    said = [f"a ring of waits: {describe_cycle(ring)}"] if ring else []
    said += _sleeping_owners(record)
    said += [
        f"{line.text('queued')} bytes wait for the console's transmitter, which takes none"
        for line in _stuck_console(record)
    ]
    return tuple(said[:SAID_MAX])


def _sleeping_owners(record: CrashRecord) -> list[str]:
    """Locks whose owner waits for something that is no lock; those that somebody wants first."""
    threads = {thread.text("name"): thread for thread in record.of_kind("crash-thread")}
    found: list[tuple[int, str]] = []
    for lock in record.of_kind("crash-lock"):
        owner = threads.get(lock.text("owner"))
        if owner is None or owner.text("state") != "waiting":
            continue
        if owner.text("waits").startswith("mutex"):
            continue
        waiters = lock.text("waiters").split()
        wanted = f", wanted by {_some(waiters)}" if waiters else ""
        sleeps = owner.text("waits") or "something"
        text = f"{lock.text('name')} is held by {owner.text('name')}, which waits in {sleeps}"
        found.append((len(waiters), text + wanted))
    return [text for _, text in sorted(found, key=lambda one: -one[0])]


def _some(names: list[str]) -> str:
    shown = " ".join(names[:SAID_MAX])
    return shown if len(names) <= SAID_MAX else f"{shown} and {len(names) - SAID_MAX} more"


@dataclass(frozen=True, slots=True)
class Odd:
    """A thread that matters, and what it does. `pc`: a return address in `function`."""

    thread: str
    does: str
    function: str
    pc: int


def silenced(record: CrashRecord) -> Odd | None:
    """Who spoke last to a console whose transmitter takes nothing, on a board that has nothing else
    to do: its words are what is missed.
    """
    if not is_idling(record.function):
        return None
    for line in _stuck_console(record):
        writer = line.text("writer")
        for group in groups(record):
            frame = telling_frame(group.frames) if writer in group.names else None
            if frame is not None:
                function = frame.text("sym").rpartition("+")[0]
                return Odd(writer, "wrote last", function, frame.number("pc"))
    return None


def _stuck_console(record: CrashRecord) -> tuple[Frame, ...]:
    return tuple(line for line in record.of_kind("crash-console") if line.number("queued"))


def standing_out(record: CrashRecord) -> Odd | None:
    """Workers are named NAME-0, NAME-1, …, and most of them wait for work. Who waits elsewhere, in
    the largest family in which anybody does, is the one that serves what does not go on.
    """
    families: dict[str, list[Group]] = defaultdict(list)
    for group in groups(record):
        stem, dash, number = group.names[0].rpartition("-")
        if dash and number.isdigit():
            families[stem].append(group)
    for family in sorted(families.values(), key=_size, reverse=True):
        idle = max(family, key=lambda group: len(group.threads))
        for group in family:
            frame = telling_frame(group.frames)
            if group is idle or frame is None or not group.first.text("waits"):
                continue
            function = frame.text("sym").rpartition("+")[0]
            does = f"waits for {group.first.text('waits')}"
            return Odd(group.names[0], does, function, frame.number("pc"))
    return None


def _size(family: list[Group]) -> int:
    return sum(len(group.threads) for group in family)
