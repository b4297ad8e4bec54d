"""Drift: what creeps up while every transfer is good, and what is not given back afterwards.

Rules     a fold over heartbeats and transfers; no clock of its own. Judged by stretches: a run is
          cut into twelve of equal length, each has one value, and an alarm needs both a rise that
          hardly ever comes by chance (Kendall's tau, 1938) and one that matters.
          What a pool holds is its least in a stretch: what traffic borrows it gives back.
          Growing pools fail a board; slower transfers and more retransmissions warn, for the host
          may be their reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from statistics import median
from typing import Any

from rig.console.grammar import Frame

STRETCHES = 12
#: Of 66 pairs of 12 values: more than 60 of them rise by chance once in 100,000 runs.
TAU = 0.8
#: A shorter run shows how a board warms up, not how it ages.
SECONDS_MIN = 120.0
#: A stack that is deeper in so many of the stretches than ever before has no depth yet.
STACK_FALLS = 4
SAMPLES_MAX = 4096
#: Of a pool: beyond that it is no count, whatever a board says.
DIGITS_MAX = 12
POOLS = ("mbufs", "clusters", "sockets")


@dataclass(frozen=True, slots=True)
class Sample:
    """A heartbeat. `at` in seconds since power-on; pools in objects in use; `ms` of a transfer.

    `rexmt` and `transfers` count from the boot on; `ms` 0: none has ended since the last one.
    """

    at: float
    mbufs: int
    clusters: int
    sockets: int
    rexmt: int
    stack_left: int
    transfers: int
    ms: float = 0.0

    def held(self, pool: str) -> int:
        return int(getattr(self, pool))


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that drifts. `points`: (seconds, value), one a stretch: the evidence."""

    name: str
    told: str
    fails: bool
    points: tuple[tuple[float, float], ...]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "told": self.told, "fails": self.fails, "points": self.points}


def sample(at: float, beat: Frame, ms: float = 0.0) -> Sample | None:
    """None: this board does not tell what its pools hold."""
    used = [beat.text(name).partition("/")[0] for name in POOLS]
    if not all(one.isascii() and one.isdigit() and len(one) <= DIGITS_MAX for one in used):
        return None
    mbufs, clusters, sockets = (int(one) for one in used)
    rexmt, left, transfers = (beat.number(k) for k in ("rexmt", "stack_left", "transfers"))
    return Sample(at, mbufs, clusters, sockets, rexmt, left, transfers, ms)


class Course:
    """The samples since a boot, of which it keeps a bounded number, evenly spread."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._every = 1
        self._seen = 0

    def add(self, one: Sample) -> None:
        self._seen += 1
        if (self._seen - 1) % self._every == 0:
            self.samples.append(one)
        if len(self.samples) >= SAMPLES_MAX:
            del self.samples[1::2]
            self._every *= 2


def leftovers(first: Sample, now: Sample) -> dict[str, int]:
    """What is in use more than before the traffic, by pool."""
    more = {pool: now.held(pool) - first.held(pool) for pool in POOLS}
    return {pool: count for pool, count in more.items() if count > 0}


def floor(a: Sample | None, b: Sample) -> Sample:
    """The least of each pool: what the board holds for itself."""
    if a is None:
        return b
    return replace(b, **{pool: min(a.held(pool), b.held(pool)) for pool in POOLS})


def told(left: dict[str, int]) -> str:
    return ", ".join(f"{pool}: {count} more in use" for pool, count in left.items())


@dataclass(frozen=True, slots=True)
class Trend:
    """How one thing went, drifting or not. `points` as in Alarm; `tau` of their values."""

    name: str
    what: str
    points: tuple[tuple[float, float], ...]
    alarm: Alarm | None = None

    @property
    def tau(self) -> float:
        return tau([value for _, value in self.points])

    @property
    def per_hour(self) -> float:
        """From the first stretch to the last."""
        (start, first), (end, last) = self.points[0], self.points[-1]
        return 3600 * (last - first) / (end - start) if end > start else 0.0


def alarms(samples: Sequence[Sample]) -> list[Alarm]:
    """What drifts in these, the worst kind first; nothing in a run that is too short to tell."""
    return [one.alarm for one in trends(samples) if one.alarm is not None]


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Everything that is judged, with what was found; nothing in a run too short to tell."""
    if len(samples) < 2 * STRETCHES or samples[-1].at - samples[0].at < SECONDS_MIN:
        return []
    cut = _stretches(samples)
    found = [_pool_trend(pool, cut) for pool in POOLS]
    found.append(_trend("transfer_ms", "ms a transfer", _points(cut, _median_ms), 0.25, 0.5))
    again = _points(cut, _again)
    found.append(_trend("rexmt", "segments sent again of 1,000 transfers", again, 0.5, 10.0))
    found.append(_stack_trend(_points(cut, lambda part: float(min(s.stack_left for s in part)))))
    return [one for one in found if one.points]


def _stack_trend(points: tuple[tuple[float, float], ...]) -> Trend:
    """The least that was left of any stack never rises: it must have stopped falling at some time.

    One stack is looked at with each heartbeat, so that all have been seen after two minutes.
    """
    name, what = "stack_left", "bytes left of a stack"
    values = [value for _, value in points]
    falls = sum(b < a for a, b in pairwise(values))
    if len(values) < STRETCHES or falls < STACK_FALLS:
        return Trend(name, what, points)
    text = f"{what}: {values[0]:g} to {values[-1]:g}, in {falls} steps"
    return Trend(name, what, points, Alarm(name, text, fails=False, points=points))


def _pool_trend(pool: str, cut: Sequence[Sequence[Sample]]) -> Trend:
    points = _points(cut, lambda part: float(min(one.held(pool) for one in part)))
    return _trend(pool, f"{pool} in use", points, 0.0, 8.0, fails=True)


def _trend(
    name: str,
    what: str,
    points: tuple[tuple[float, float], ...],
    share: float,
    least: float,
    *,
    fails: bool = False,
) -> Trend:
    """A rise by `share` of what it was and by `least` matters."""
    calm = Trend(name, what, points)
    values = [value for _, value in points]
    if len(values) < STRETCHES or tau(values) < TAU:
        return calm
    rise = values[-1] - values[0]
    if rise < max(least, share * values[0]):
        return calm
    text = f"{what}: {values[0]:g} to {values[-1]:g}, {slope(calm.per_hour)} an hour"
    return replace(calm, alarm=Alarm(name, text, fails, points))


def slope(per_hour: float) -> str:
    """With its sign, three figures at most below a thousand, and no exponent above."""
    return f"{per_hour:+.3g}" if abs(per_hour) < 999.5 else f"{per_hour:+,.0f}"


def tau(values: Sequence[float]) -> float:
    """Rising pairs less falling ones, of all pairs: 1 when each is above those before it."""
    pairs = list(combinations(values, 2))
    return sum((b > a) - (b < a) for a, b in pairs) / len(pairs) if pairs else 0.0


def _stretches(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The first one, in which a board warms up, is left out."""
    start, length = samples[0].at, (samples[-1].at - samples[0].at) / (STRETCHES + 1)
    parts: list[list[Sample]] = [[] for _ in range(STRETCHES + 1)]
    for one in samples:
        parts[min(int((one.at - start) / length), STRETCHES)].append(one)
    return [part for part in parts[1:] if part]


def _points(
    cut: Sequence[Sequence[Sample]], value: Callable[[Sequence[Sample]], float | None]
) -> tuple[tuple[float, float], ...]:
    found = ((part[len(part) // 2].at, value(part)) for part in cut)
    return tuple((round(at, 1), known) for at, known in found if known is not None)


def _median_ms(part: Sequence[Sample]) -> float | None:
    times = [one.ms for one in part if one.ms > 0]
    return median(times) if times else None


def _again(part: Sequence[Sample]) -> float | None:
    done = part[-1].transfers - part[0].transfers
    return 1000 * (part[-1].rexmt - part[0].rexmt) / done if done > 0 else None
