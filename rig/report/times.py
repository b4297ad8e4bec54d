"""The times of a run's good transfers, in a size that does not grow with the night.

Rules     an HDR histogram (Gil Tene) to three digits holds them all; the last ones are kept as they
          came.
Context   any thread, under a lock: an HDR histogram that grows cannot be walked through.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from hdrh.histogram import HdrHistogram

from rig.report.statistics import rank

#: Of what is kept as it came: some seconds of a fast board.
RECENT = 4096
#: In microseconds: an hour; what takes longer is counted as that.
_LONGEST_US = 3_600_000_000
_DIGITS = 3


class Times:
    """In milliseconds."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.longest = 0.0
        self._lock = threading.Lock()
        self._histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
        self._recent: deque[float] = deque(maxlen=RECENT)

    def add(self, ms: float) -> None:
        with self._lock:
            self.count += 1
            self.total += ms
            self.longest = max(self.longest, ms)
            self._recent.append(ms)
            self._histogram.record_value(min(max(1, round(ms * 1000)), _LONGEST_US))

    def percentile(self, fraction: float) -> float:
        """Nearest rank, to three digits; 0 when there are none."""
        with self._lock:
            if not self.count:
                return 0.0
            # The library rounds to a rank: only of one that is whole it makes the same one.
            whole = 100 * rank(fraction, self.count) / self.count
            us = self._histogram.get_value_at_percentile(whole)
            return min(self.longest, float(self._histogram.get_lowest_equivalent_value(us)) / 1000)

    def last(self, count: int) -> list[float]:
        """The last `count` or, when so many are not remembered any more, RECENT."""
        with self._lock:
            kept = self._recent
            return list(islice(kept, max(0, len(kept) - count), None)) if count > 0 else []

    def up_to(self, edges_ms: Sequence[float]) -> list[int]:
        """How many took no longer than each of these ascending edges; last of all, how many."""
        counts = [0] * (len(edges_ms) + 1)
        with self._lock:
            steps = [
                (step.value_iterated_to / 1000, step.count_added_in_this_iter_step)
                for step in self._histogram.get_recorded_iterator()
            ]
        for ms, times in steps:
            at = next((n for n, edge in enumerate(edges_ms) if _at_most(ms, edge)), len(edges_ms))
            counts[at] += times
        for n in range(1, len(counts)):
            counts[n] += counts[n - 1]
        return counts


def _at_most(ms: float, edge: float) -> bool:
    """To the digits that the histogram has."""
    return ms <= edge or math.isclose(ms, edge, rel_tol=10**-_DIGITS)
