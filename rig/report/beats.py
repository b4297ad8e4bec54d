"""What the board's heartbeats told of its pools, read back from events.jsonl.

Rules     judged by rig/drift.py, of the longest power-on, with the eyes of the run itself. What is
          torn or foreign is left out: it is a plot, and no more. Bounded, however long the night.
Time      seconds of the run: a power-on begins where the last one ended (rig/report/material.py).
          The clock of the events begins anew with the power, and goes on over a reset.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rig.console import events as ev
from rig.console import grammar
from rig.drift import POOLS, Course, Sample, Trend, sample, trends

#: Beyond these no clock and no counter of a board comes.
SECONDS_MAX, COUNT_MAX = 1e9, 1 << 40
#: What a line must hold to be looked at: of a night, one in three does.
_TELLING = (b"@kyu hb ", b'"power-on"', b'"traffic-ended"')


@dataclass(frozen=True, slots=True)
class Beats:
    """`samples` of the whole run; `trends` of its longest power-on, empty when that was short.

    `sizes`: of each pool, as the last heartbeat told it; 0 when it did not.
    """

    samples: tuple[Sample, ...] = ()
    trends: tuple[Trend, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    boots: int = 0

    def size(self, pool: str) -> int:
        return dict(self.sizes).get(pool, 0)


def read(
    lines: Iterable[bytes], ends: Sequence[float] = (), milliseconds: Sequence[float] = ()
) -> Beats:
    """`lines` of events.jsonl; `ends` and times of the good transfers, in order of their ends."""
    whole, own, longest = Course(), Course(), Course()
    begin = at = own_clock = 0.0
    boots, done, sizes, traffic = 0, 0, dict.fromkeys(POOLS, 0), True
    for event in _events(lines):
        if isinstance(event, ev.TrafficEnded):
            traffic = False  # what is given back afterwards is no drift
            continue
        if isinstance(event, ev.PowerOn):
            begin = at if event.at < own_clock else begin
            own_clock, boots, traffic = event.at, boots + 1, True
            own, longest = Course(), max(own, longest, key=_length)
            continue
        beat = grammar.parse(event.text)
        if not isinstance(beat, grammar.Frame) or beat.kind != "hb":
            continue
        told = sample(begin + event.at, beat)
        if told is None or not _sane(told) or told.at < at:
            continue
        at, own_clock, before = told.at, event.at, done
        while done < len(ends) and ends[done] <= at:
            done += 1
        told = replace(told, ms=median(milliseconds[before:done]) if done > before else 0.0)
        whole.add(told)
        if traffic:
            own.add(told)
        sizes = {pool: _size(beat, pool) for pool in POOLS}
    longest = max(own, longest, key=_length)
    return Beats(
        tuple(whole.samples), tuple(trends(longest.samples)), tuple(sizes.items()), max(boots, 1)
    )


def _events(lines: Iterable[bytes]) -> Iterator[ev.PowerOn | ev.TrafficEnded | ev.Line]:
    for raw in lines:
        if any(mark in raw for mark in _TELLING):
            event = ev.from_json(raw)
            kinds = ev.PowerOn | ev.TrafficEnded | ev.Line
            if isinstance(event, kinds) and 0 <= event.at <= SECONDS_MAX:
                yield event


def _sane(one: Sample) -> bool:
    counts = (one.mbufs, one.clusters, one.sockets, one.rexmt, one.stack_left, one.transfers)
    return math.isfinite(one.at) and all(0 <= count <= COUNT_MAX for count in counts)


def _size(beat: grammar.Frame, pool: str) -> int:
    size = beat.text(pool).partition("/")[2]
    return int(size) if size.isascii() and size.isdigit() and len(size) < 12 else 0


def _length(course: Course) -> float:
    return course.samples[-1].at - course.samples[0].at if course.samples else -1.0
