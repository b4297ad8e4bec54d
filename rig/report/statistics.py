"""The arithmetic of a summary. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

CONFIDENCE = 0.95


def rank(fraction: float, count: int) -> int:
    """The nearest rank among `count`, from 1: the ceiling, of the fraction as it is written."""
    return max(1, math.ceil(Fraction(str(fraction)) * count))


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Nearest rank in an ascending sequence; 0 when it is empty."""
    return ordered[rank(fraction, len(ordered)) - 1] if ordered else 0.0


def failure_rate_upper(failures: int, attempts: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided upper bound on the failure rate (Clopper and Pearson, 1934).

    The rate at which `failures` or fewer in `attempts` would be seen with probability
    1 - confidence. No failures: 1 - (1 - confidence)^(1/attempts), nearly 3/attempts at 95 %.
    `confidence` is at least a half.
    """
    if attempts <= 0 or failures >= attempts:
        return 1.0
    if failures <= 0:
        return -math.expm1(math.log1p(-confidence) / attempts)
    return _rare(failures, attempts, 1 - confidence)[0]


def failure_rate_lower(failures: int, attempts: int, confidence: float = CONFIDENCE) -> float:
    """The exact one-sided lower bound: what is good fails at most so often, seen the other way."""
    if failures <= 0:
        return 0.0
    if failures >= attempts:
        return 1.0 - failure_rate_upper(0, attempts, confidence)
    return _rare(attempts - failures, attempts, 1 - confidence)[1]


def _rare(most: int, attempts: int, probability: float) -> tuple[float, float]:
    """The rate at which `most` or fewer of `attempts` are so improbable, and 1 - rate.

    0 < most < attempts. Newton's method on the logarithm of the binomial tail over the log odds
    of the rate: a concave curve, since a part of a binomial distribution varies less than the
    whole. So it comes to the answer from wherever it begins, after one step from one side only,
    and keeps all digits of rates that are near 0 as of those near 1.
    """
    odds, step = math.log(most / (attempts - most)), 1.0
    while True:
        rate, rest = 1 / (1 + math.exp(-odds)), 1 / (1 + math.exp(odds))
        if abs(step) < 1e-10:  # it doubles its digits: the one after it would change none
            return rate, rest
        terms = _terms(most, attempts, rate, rest)
        log_tail = math.log(terms) + _log_probability(most, attempts, rate, rest)
        step = (log_tail - math.log(probability)) * terms / ((attempts - most) * rate)
        odds += step


def _terms(most: int, attempts: int, rate: float, rest: float) -> float:
    """P(at most `most` of `attempts`), in units of P(exactly `most`).

    At a rate above most/attempts the terms fall from the first on: after some multiples of
    sqrt(attempts) they are too small to be seen in the sum.
    """
    total = term = 1.0
    for k in range(most, 0, -1):
        term *= k * rest / ((attempts - k + 1) * rate)
        if total + term == total:
            break
        total += term
    return total


def _log_probability(k: int, attempts: int, rate: float, rest: float) -> float:
    """Of exactly `k` of `attempts`, 0 < k < attempts.

    By Loader's saddle point (Fast and Accurate Computation of Binomial Probabilities, 2000): the
    logarithms of factorials of millions would cancel each other, and most digits with them.
    """
    good = attempts - k
    log = _stirling(attempts) - _stirling(k) - _stirling(good)
    log -= _deviance(k, attempts * rate) + _deviance(good, attempts * rest)
    return log + math.log(attempts / (math.tau * k * good)) / 2


def _stirling(n: int) -> float:
    """What Stirling's formula lacks of log n!, n > 0."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - math.log(math.tau) / 2
    square = float(n) * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / n


def _deviance(seen: int, expected: float) -> float:
    """seen * log(seen / expected) + expected - seen, without cancellation where they are near."""
    off = (expected - seen) / seen
    return seen * (off - (math.log1p(off) if off > -0.5 else math.log(expected / seen)))
