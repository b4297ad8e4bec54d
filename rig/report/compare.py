"""Two runs side by side: fixed, worse, the same, or not known yet.

Rules     The evidence is a Bayes factor: how much better two failure rates explain what was seen
          than one does, both rates drawn evenly beforehand. It may be looked at after every
          transfer, as often as one likes: unlike a p-value it does not become "significant" by
          looking (Jeffreys, Theory of Probability, 1961, section 5.12; Kass and Raftery, 1995).
          20 to 1 decides.
Context   pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from rig.report.statistics import failure_rate_lower, failure_rate_upper

#: Odds at which the rig says that it knows.
DECIDED = 20.0
#: What it never asks for: beyond that a rare failure is better sought in the simulator.
TRANSFERS_MAX = 10_000_000


class Change(Enum):
    FIXED = "fixed"
    WORSE = "worse"
    SAME = "the same"
    UNKNOWN = "not known yet"


@dataclass(frozen=True, slots=True)
class Rate:
    """Failures among transfers, with the exact bounds that hold in 95 of 100 such runs."""

    failed: int
    attempted: int

    def __post_init__(self) -> None:
        if not 0 <= self.failed <= self.attempted:
            raise ValueError(f"{self.failed} failures in {self.attempted} transfers")

    @property
    def bounds(self) -> tuple[float, float]:
        half = 0.975
        return (
            failure_rate_lower(self.failed, self.attempted, half),
            failure_rate_upper(self.failed, self.attempted, half),
        )

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{self.failed} of {self.attempted} ({low:.3%} to {high:.3%})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`odds`: for two different rates against one; below 1 they speak for one.

    `more`: good transfers that the newer run would still need; 0 when it is decided.
    """

    before: Rate
    after: Rate
    change: Change
    odds: float
    more: int = 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "change": self.change.value}


def compare(before: Rate, after: Rate) -> Comparison:
    odds = math.exp(min(log_odds(before, after), 700.0))
    change = _change(before, after, odds)
    more = _more(before, after) if change is Change.UNKNOWN else 0
    return Comparison(before, after, change, odds, more)


def log_odds(a: Rate, b: Rate) -> float:
    """Of two rates against one, natural logarithm."""
    good = a.attempted - a.failed, b.attempted - b.failed
    apart = _log_beta(a.failed, good[0]) + _log_beta(b.failed, good[1])
    return apart - _log_beta(a.failed + b.failed, sum(good))


def _log_beta(failed: int, good: int) -> float:
    return math.lgamma(failed + 1) + math.lgamma(good + 1) - math.lgamma(failed + good + 2)


def _change(before: Rate, after: Rate, odds: float) -> Change:
    if odds >= DECIDED:
        lower = after.failed * before.attempted < before.failed * after.attempted
        return Change.FIXED if lower else Change.WORSE
    return Change.SAME if odds <= 1 / DECIDED else Change.UNKNOWN


def _more(before: Rate, after: Rate) -> int:
    """Good transfers in a row until it is decided; 0: so many would not do.

    Over their number g the log odds are a valley: one more changes them by the logarithm of a
    ratio that is below 1 while before.failed * (g + 1) < good * (after.failed + 1), and above 1
    from there on, `good` being those of `before`. So the first decided one lies on the near slope
    when the bottom is decided, else on the far one, and on one slope bisection finds it.
    """

    def odds(extra: int) -> float:
        return log_odds(before, Rate(after.failed, after.attempted + extra))

    bottom = TRANSFERS_MAX
    if before.failed:
        good = (before.attempted - before.failed) * (after.failed + 1) // before.failed
        bottom = min(max(0, good - (after.attempted - after.failed)), TRANSFERS_MAX)
    enough = math.log(DECIDED)
    if odds(bottom) <= -enough:
        return _first(lambda extra: odds(extra) <= -enough, 0, bottom)
    if odds(TRANSFERS_MAX) >= enough:
        return _first(lambda extra: odds(extra) >= enough, bottom, TRANSFERS_MAX)
    return 0


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Where it begins to hold, between `low`, where it does not, and `high`, where it does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def render(found: Comparison) -> str:
    """A few lines for people."""
    lines = [
        f"before  {found.before}",
        f"after   {found.after}",
    ]
    match found.change:
        case Change.FIXED | Change.WORSE:
            lines.append(f"{found.change.value.upper()}: the odds for a change are {_odds(found)}")
        case Change.SAME:
            against = 1 / found.odds
            lines.append(f"THE SAME: the odds against a change are {against:,.0f} to 1")
        case Change.UNKNOWN:
            need = (
                f"{found.more:,} more good transfers of the newer one would decide it"
                if found.more
                else "more good transfers of the newer one alone would not decide it"
            )
            odds = f"{max(found.odds, 1 / found.odds):.1f} to 1"
            side = "for" if found.odds >= 1 else "against"
            lines.append(f"NOT KNOWN YET: the odds {side} a change are {odds}; {need}")
    return "\n".join(lines)


def _odds(found: Comparison) -> str:
    return (
        f"{found.odds:,.1f} to 1" if found.odds < 1e9 else f"10^{math.log10(found.odds):.0f} to 1"
    )
