"""Which commit brought a failure that comes by chance: probabilities instead of a fixed count.

Rules     one commit is the first bad one; from it on each transfer fails with the same unknown
          rate, before it (nearly) never. What is known is the joint probability of commit and rate,
          on a grid; each trial is folded in by Bayes' rule. The next trial is the one from which
          most is to be learnt for each transfer that it takes (Lindley, 1956).
Context   pure. Commits are numbers, 0 the first after the good one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Failures a transfer, evenly by magnitude: from one in a million to every one.
RATES = (*(10 ** (-6 + n / 8) for n in range(48)), 0.9999)
#: A good commit too may meet an accident of another kind, once in ten million transfers.
ACCIDENT = 1e-7
#: Lengths of a trial that are weighed against each other.
LENGTHS = tuple(5 * 2**n for n in range(18))
#: So many commits are weighed against each other, spread evenly over what is believed.
CANDIDATES = 24
#: What a trial costs besides its transfers, in transfers: a build, a boot.
START_COST = 2_000.0


@dataclass(frozen=True, slots=True)
class Trial:
    """`transfers` good ones in a row, and then a failure or none.

    `somewhere`: they are all there were, and the failure came among them, it is not known where.
    """

    commit: int
    transfers: int
    failed: bool
    somewhere: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What to try next; `transfers` at most."""

    commit: int
    transfers: int


class Belief:
    """Joint probability of first bad commit and rate, after the trials so far."""

    def __init__(self, commits: int, trials: Sequence[Trial] = ()) -> None:
        if commits < 1:
            raise ValueError("no commit between good and bad")
        each = 1.0 / (commits * len(RATES))
        self._joint = [[each] * len(RATES) for _ in range(commits)]
        for trial in trials:
            self.learn(trial)

    def learn(self, trial: Trial) -> None:
        good = _likelihood(ACCIDENT, trial)
        bad = [_likelihood(rate, trial) for rate in RATES]
        for first, row in enumerate(self._joint):
            is_bad = trial.commit >= first
            self._joint[first] = [p * (bad[r] if is_bad else good) for r, p in enumerate(row)]
        total = math.fsum(map(math.fsum, self._joint))
        if total <= 0.0:
            raise ValueError("these trials contradict each other")
        self._joint = [[p / total for p in row] for row in self._joint]

    @property
    def commits(self) -> list[float]:
        """Of each commit, how probably it is the first bad one."""
        return [math.fsum(row) for row in self._joint]

    @property
    def rate(self) -> float:
        """The failures a transfer of a bad commit: the median."""
        below = 0.0
        for r, rate in enumerate(RATES):
            below += math.fsum(row[r] for row in self._joint)
            if below >= 0.5:
                return rate
        return RATES[-1]

    def choose(self, testable: Sequence[bool], longest: int) -> Choice | None:
        """The trial that teaches most for its cost; None when none would teach anything."""
        best: tuple[float, Choice] | None = None
        now = self.commits
        candidates = _spread(now, testable)
        for length in (one for one in LENGTHS if one <= longest or one == LENGTHS[0]):
            silent = [(1.0 - rate) ** length for rate in RATES]
            hushed = [
                math.fsum(p * s for p, s in zip(row, silent, strict=True)) for row in self._joint
            ]
            for commit in candidates:
                gain = _gain(commit, now, hushed)
                worth = gain / (START_COST + length)
                if gain > 1e-9 and (best is None or worth > best[0]):
                    best = worth, Choice(commit, length)
        return best[1] if best else None


def _spread(now: Sequence[float], testable: Sequence[bool]) -> list[int]:
    """Testable commits at about equal steps of probability."""
    found: list[int] = []
    total = due = 0.0
    for commit, (p, may) in enumerate(zip(now, testable, strict=True)):
        total += p
        if may and (total >= due or len(now) <= CANDIDATES):
            found.append(commit)
            due = total + 1.0 / CANDIDATES
    return found


def _gain(commit: int, now: Sequence[float], hushed: Sequence[float]) -> float:
    """Bits about the first bad commit that a trial of `commit` is expected to give.

    `hushed`: of each, the probability that it is the first one and that the trial fails nowhere.
    """
    quiet = [*hushed[: commit + 1], *now[commit + 1 :]]
    loud = [max(0.0, whole - part) for whole, part in zip(now, quiet, strict=True)]
    return _entropy(now) - _weighed(quiet) - _weighed(loud)


def _likelihood(rate: float, trial: Trial) -> float:
    silent = float((1.0 - rate) ** trial.transfers)
    if trial.somewhere:
        return 1.0 - silent
    return silent * rate if trial.failed else silent


def _entropy(parts: Sequence[float]) -> float:
    return -math.fsum(p * math.log2(p) for p in parts if p > 0)


def _weighed(parts: Sequence[float]) -> float:
    """Entropy of what is believed after one outcome, times how probable that outcome is."""
    total = math.fsum(parts)
    return total * _entropy([p / total for p in parts]) if total > 1e-15 else 0.0
