"""What a run proved.

Rules     one type for every verdict; nothing else in the rig judges.
          `inconclusive` means that the rig failed, not the board: never a failure, never a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Cause(StrEnum):
    """Why a run did not pass. All but RIG blame the board."""

    PANIC = "panic"
    FAULT = "fault"
    DEADLOCK = "deadlock"
    HANG = "hang"
    STALL = "stall"
    CORRUPTION = "corruption"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    RESET = "reset"
    LEAK = "leak"
    DRIFT = "drift"
    RIG = "rig"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`at` is in seconds since power-on; `function` is the board's own innermost function."""

    outcome: Outcome
    cause: Cause | None
    at: float
    detail: str
    function: str = ""

    @property
    def exit_status(self) -> int:
        return {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.INCONCLUSIVE: 3}[self.outcome]


def passed(at: float, detail: str = "") -> Verdict:
    return Verdict(Outcome.PASSED, None, at, detail)


def failed(cause: Cause, at: float, detail: str, function: str = "") -> Verdict:
    return Verdict(Outcome.FAILED, cause, at, detail, function)


def inconclusive(at: float, detail: str) -> Verdict:
    return Verdict(Outcome.INCONCLUSIVE, Cause.RIG, at, detail)


def overall(last: Verdict, failures: Mapping[str, int]) -> Verdict:
    """Of a run that kept going after failures: it failed, though its last board was well. When the
    rig itself has failed in the end, that comes first, since the run is not whole.
    """
    seen = {cause: count for cause, count in failures.items() if cause != Cause.RIG.value}
    if last.outcome is Outcome.FAILED or not seen:
        return last
    worst = Cause(max(seen, key=lambda cause: seen[cause]))
    total = sum(seen.values())
    told = f"{total} failure{'s' if total > 1 else ''}"
    if last.cause is Cause.RIG:
        return inconclusive(last.at, f"{last.detail}; before that {told} of the board")
    return failed(worst, last.at, f"{told}, kept going")
