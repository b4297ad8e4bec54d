"""What a crash record shows of its own accord: who waits in a ring, who sleeps on a lock.

Rules     pure, over any record, the board's own or one taken from outside. Says what is there; the
          watch judges.
"""

from __future__ import annotations

from rig.console.crash import CrashRecord, describe_cycle, find_cycle, wait_for_graph

SAID_MAX = 3


def findings(record: CrashRecord) -> tuple[str, ...]:
    """The most telling first; a few at most."""
    ring = find_cycle(wait_for_graph(record))
    said = [f"a ring of waits: {describe_cycle(ring)}"] if ring else []
    said += _sleeping_owners(record)
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
