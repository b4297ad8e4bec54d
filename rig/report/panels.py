"""The small plots of what heartbeats told: what each pool holds, and whatever drift is judged by.

Rules     pure. Words and numbers are made here, of numbers alone; nothing is judged (rig/drift.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rig.drift import POOLS, TAU, Sample, Trend, slope
from rig.report import charts
from rig.report.beats import Beats
from rig.report.charts import Point

MOST, LEAST = ("most", "var(--faint)"), ("least", "var(--accent)")


@dataclass(frozen=True, slots=True)
class Panel:
    """`told`: what it shows, in a sentence; `drift`: what was found, loud when `alarm`."""

    title: str
    svg: str
    told: str
    drift: str
    alarm: bool = False


def panels(beats: Beats) -> list[Panel]:
    """Nothing when no heartbeat told of pools."""
    if not beats.samples:
        return []
    parts = charts.groups(beats.samples)
    trends = {one.name: one for one in beats.trends}
    found: list[Panel | None] = [_pool(pool, parts, beats, trends.get(pool)) for pool in POOLS]
    found.append(_times(parts, trends.get("transfer_ms")))
    found.append(_again(beats.samples, trends.get("rexmt")))
    found.append(_stacks(parts, trends.get("stack_left")))
    return [one for one in found if one is not None]


def _pool(pool: str, parts: Sequence[Sequence[Sample]], beats: Beats, trend: Trend | None) -> Panel:
    most = [(part[-1].at, float(max(one.held(pool) for one in part))) for part in parts]
    least = [(part[-1].at, float(min(one.held(pool) for one in part))) for part in parts]
    top, size = int(max(value for _, value in most)), beats.size(pool)
    told = f"At most {top:,} at once"
    if size:
        told += f", of {size:,}: never fewer than {max(0, size - top):,} free."
    lines = [(*MOST, most), (*LEAST, least)] if most != least else [("in use", LEAST[1], most)]
    return _panel(f"{pool} in use", lines, trend, "in use", told)


def _times(parts: Sequence[Sequence[Sample]], trend: Trend | None) -> Panel | None:
    points: list[Point] = []
    for part in parts:
        times = sorted(one.ms for one in part if one.ms > 0)
        if times:
            points.append((part[-1].at, times[len(times) // 2]))
    if not points:
        return None
    told = "The median between heartbeats, good transfers alone."
    return _panel("transfer time", [("median", LEAST[1], points)], trend, "ms", told)


def _again(samples: Sequence[Sample], trend: Trend | None) -> Panel | None:
    """Counters begin anew with each power-on: what falls is left out.

    A board counts the transfers of `big` alone: of a run without any, it is told by time.
    """
    lasts = [samples[0], *(part[-1] for part in charts.groups(samples))]
    steps = [(now, now.rexmt - was.rexmt, now.transfers - was.transfers, now.at - was.at)
             for was, now in pairwise(lasts) if now.rexmt >= was.rexmt]  # fmt: skip
    total = sum(again for _, again, _, _ in steps)
    points: list[Point] = [
        (now.at, 1000 * again / done) for now, again, done, _ in steps if done > 0
    ]
    unit = "of 1,000 transfers"
    if not points:
        points = [(now.at, again / gone) for now, again, _, gone in steps if gone > 0]
        unit = "a second"
    if not points:
        return None
    told = f"Segments that the board sent again: {total:,} in all."
    lines = [("sent again", LEAST[1], points)]
    return _panel("retransmissions", lines, trend, unit, told)


def _stacks(parts: Sequence[Sequence[Sample]], trend: Trend | None) -> Panel:
    points = [(part[-1].at, float(min(one.stack_left for one in part))) for part in parts]
    least = int(min(value for _, value in points))
    told = f"Of the deepest stack that was looked at: never fewer than {least:,} bytes."
    return _panel("stack left", [("least", LEAST[1], points)], trend, "bytes", told)


def _panel(
    title: str,
    lines: Sequence[tuple[str, str, Sequence[Point]]],
    trend: Trend | None,
    unit: str,
    told: str,
) -> Panel:
    alarm = trend is not None and trend.alarm is not None
    judged = trend.points if trend else ()
    return Panel(title, charts.panel(lines, judged, unit), told, _found(trend), alarm)


def _found(trend: Trend | None) -> str:
    if trend is None:
        return ""
    if trend.alarm is not None:
        return f"DRIFT: {trend.alarm.told}"
    first, last = trend.points[0][1], trend.points[-1][1]
    told = f"{slope(trend.per_hour)} an hour, tau {trend.tau:+.2f}, an alarm needs {TAU:g}"
    return f"No drift: {_short(first)} to {_short(last)} ({told})."


def _short(value: float) -> str:
    """Three figures at most below a thousand, and no exponent."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
