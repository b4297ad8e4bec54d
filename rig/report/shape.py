"""The shape of many numbers: a histogram, and a course over time. Pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from rig.report.statistics import percentile

BINS = 24
STRETCHES = 120
#: No bin is narrower than this: times differ by more than that for no reason at all.
NARROWEST = 1.05


@dataclass(frozen=True, slots=True)
class Bin:
    """low <= value < high; the last one holds its upper edge too."""

    low: float
    high: float
    count: int


def histogram(values: Sequence[float], bins: int = BINS) -> list[Bin]:
    """At most `bins` of equal ratio, since times have long tails; empty without values."""
    if not values:
        return []
    low, high = max(min(values), 0.001), max(max(values), 0.001)
    bins = min(bins, 2 * math.isqrt(len(values)))
    count = max(1, min(bins, math.ceil(math.log(high / low) / math.log(NARROWEST))))
    ratio = (high / low) ** (1 / count)
    counts = [0] * count
    scale = count / math.log(high / low) if high > low else 0.0
    for value in values:
        at = int(math.log(max(value, low) / low) * scale)
        counts[min(at, count - 1)] += 1
    return [Bin(low * ratio**n, low * ratio ** (n + 1), seen) for n, seen in enumerate(counts)]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the transfers that ended in one stretch of time took; `at` is its middle, in seconds."""

    at: float
    p50: float
    p99: float
    max: float


def course(
    ends: Sequence[float], milliseconds: Sequence[float], stretches: int = STRETCHES
) -> list[Stretch]:
    """Stretches of equal length; those in which nothing ended are left out."""
    if not ends:
        return []
    width = max(ends) / stretches or 1.0
    held = [array("d") for _ in range(stretches)]
    for end, ms in zip(ends, milliseconds, strict=True):
        held[min(int(end / width), stretches - 1)].append(ms)
    found = []
    for number, times in enumerate(held):
        if times:
            ordered = sorted(times)
            found.append(
                Stretch(
                    (number + 0.5) * width,
                    percentile(ordered, 0.50),
                    percentile(ordered, 0.99),
                    ordered[-1],
                )
            )
    return found


#: A stretch shorter than this holds too few transfers to have a rate.
RATE_S = 1.0


def rates(
    ends: Sequence[float], sizes: Sequence[float], stretches: int = STRETCHES
) -> list[tuple[float, float]]:
    """(middle in seconds, megabytes a second) of stretches of equal length, from 0 to the end.

    Raises ValueError when there are none.
    """
    last = max(ends)
    count = max(1, min(stretches, int(last / RATE_S)))
    width = last / count or 1.0
    held = [0.0] * count
    for end, size in zip(ends, sizes, strict=True):
        held[min(int(end / width), count - 1)] += size
    return [((n + 0.5) * width, total / width / 1e6) for n, total in enumerate(held)]
