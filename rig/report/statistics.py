"""The arithmetic of a summary. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

CONFIDENCE = 0.95


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Nearest rank in an ascending sequence; 0 when it is empty."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def failure_rate_upper(failures: int, attempts: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided upper bound on the failure rate (Clopper and Pearson, 1934).

    The rate p at which `failures` or fewer in `attempts` would be seen with probability
    1 - confidence. No failures: 1 - (1 - confidence)^(1/attempts), nearly 3/attempts at 95 %.
    Otherwise the binomial tail, which falls with p, is solved by bisection to the last bit.
    """
    if attempts <= 0 or failures >= attempts:
        return 1.0
    if failures == 0:
        return -math.expm1(math.log1p(-confidence) / attempts)
    low, high = failures / attempts, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high
        if _tail(failures, attempts, middle) > 1 - confidence:
            low = middle
        else:
            high = middle


def failure_rate_lower(failures: int, attempts: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided lower bound: what is good fails at most so often, seen the other way."""
    if failures <= 0:
        return 0.0
    return 1.0 - failure_rate_upper(attempts - failures, attempts, confidence)


def _tail(failures: int, attempts: int, rate: float) -> float:
    """P(at most `failures` of `attempts`), each with probability `rate`, 0 < rate < 1."""
    log_rate, log_rest = math.log(rate), math.log1p(-rate)
    return math.fsum(
        math.exp(
            math.lgamma(attempts + 1)
            - math.lgamma(k + 1)
            - math.lgamma(attempts - k + 1)
            + k * log_rate
            + (attempts - k) * log_rest
        )
        for k in range(failures + 1)
    )
