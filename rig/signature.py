"""Signatures: two failures that have the same cause have the same one, whatever their addresses.

Rules     made from names alone: the cause, the ring of those who wait for each other or the
          innermost functions, the reason with its numbers taken out. Addresses, offsets, numbers
          of threads and of transfers have no part in it, so that it outlives a new image.
Context   pure.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from rig.console.crash import CrashRecord, Wait, find_cycle, wait_for_graph
from rig.console.grammar import is_machinery, is_waiting
from rig.verdict import Cause, Verdict

FRAMES = 3
TITLE_MAX = 160
#: Hexadecimal or decimal, with or without 0x and thousands: what differs from case to case.
_NUMBER = re.compile(r"\b(?:0x[0-9a-fA-F]+|[0-9a-fA-F]*\d[0-9a-fA-F,.]*)\b")
_END_DIGITS = re.compile(r"[ _-]?\d+$")


@dataclass(frozen=True, slots=True)
class Signature:
    """`key` is what is compared: 8 hexadecimal digits; `title` is what it was made from."""

    key: str
    title: str


def signature(verdict: Verdict, record: CrashRecord, network: str = "") -> Signature:
    """`network`: where the conversation stopped (rig/wire/stopped.py), told of traffic alone."""
    cause = verdict.cause.value if verdict.cause else "none"
    ring = find_cycle(wait_for_graph(record))
    if ring:
        parts = [_ring(ring, record)]
    elif record.alarming:
        stack = functions(record)
        parts = ["" if verdict.cause is Cause.HANG else plain(record.reason), " < ".join(stack)]
    else:
        parts = [_seen(verdict), verdict.function, plain(network)]
    title = ": ".join([cause, *(part for part in parts if part)])
    key = hashlib.sha256(title.encode()).hexdigest()[:8]
    return Signature(key, title[:TITLE_MAX])


def _seen(verdict: Verdict) -> str:
    """What the traffic or the silence looked like; of a wrong byte not which values it had."""
    end = ": expected" if verdict.cause is Cause.CORRUPTION else ";"
    return plain(verdict.detail.partition(end)[0])


def plain(text: str) -> str:
    """Without the numbers that differ from case to case; words are kept, `bad` and `add` too."""
    return " ".join(_NUMBER.sub("#", text).split())


def kind(name: str) -> str:
    """Of a thread or a lock: `wang_17` and `wang_3` do the same."""
    return _END_DIGITS.sub("", name)


def functions(record: CrashRecord) -> tuple[str, ...]:
    """The innermost functions of the program itself: no reporter, nothing that only waits."""
    if record.storm is not None:
        return (record.storm[0],)
    names = [bare(name) for _, name in record.backtrace()]
    own = [n for n in names if n != "?" and not is_machinery(n) and not is_waiting(n)]
    alike = list(dict.fromkeys(own))  # a recursion is one function, however deep
    return tuple(alike[:FRAMES]) or ((record.function,) if record.function else ())


def bare(symbol: str) -> str:
    """The board's own name for a place, without the offset in it."""
    return symbol.rpartition("+")[0] or symbol


def _ring(ring: tuple[Wait, ...], record: CrashRecord) -> str:
    """Told from the same one, wherever it was found to begin."""
    where = _waiting_in(record)
    edges = [
        f"{kind(w.waiter)} waits for {kind(w.lock)}"
        + (f" in {where[w.waiter]}" if w.waiter in where else "")
        for w in ring
    ]
    turns = [edges[n:] + edges[:n] for n in range(len(edges))]
    return ", ".join(min(turns))


def _waiting_in(record: CrashRecord) -> dict[str, str]:
    """The function of each thread that asked for what it does not get."""
    names = record.thread_names()
    found: dict[str, str] = {}
    frames = sorted(record.of_kind("crash-frame"), key=lambda frame: frame.number("n"))
    for frame in frames:
        name = bare(frame.text("sym"))
        own = name != "?" and not is_machinery(name) and not is_waiting(name)
        if own:
            found.setdefault(names.get(frame.text("thread"), ""), name)
    return found
