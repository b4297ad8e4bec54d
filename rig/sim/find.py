"""Looking for bugs: fresh seeds, loads drawn from them, until something is wrong.

Rules     what is drawn does not depend on what is planted: one search finds all of them. Who runs
          the plans does not matter either: the first in their order that fails is what is found.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from rig.sim import diagnose, trial
from rig.sim.plan import DRAWN, Plan
from rig.sim.shrink import shrink

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Search:
    """One independent try: `trial` is the first run in which something was wrong."""

    seed: int
    runs: int
    seconds: float
    trial: trial.Trial | None

    def found(self, bug: str) -> bool:
        finding = self.trial.finding if self.trial else None
        return finding is not None and finding.cause == diagnose.EXPECTED[bug]


def plans(seed: int, bug: str = "") -> Iterator[Plan]:
    """Loads without end. The kinds take turns, in an order drawn from the seed."""
    draw = random.Random(seed)
    kinds = [_busy, _busy, _busy_for_long, _pieces, _crowd, _noise]
    while True:
        draw.shuffle(kinds)
        for kind in kinds:
            yield replace(kind(draw), seed=draw.randrange(1, 1 << 32), bug=bug)


def _schedule(draw: random.Random, every: int) -> str:
    """`every`: a scheduling point in so many takes time."""
    seed = draw.randrange(1 << 32)
    if draw.random() < 0.3:
        return f"pct:{seed}:3:{draw.choice((500, 2000, 8000))}:{every}"
    if draw.random() < 0.2:
        return f"random:{seed}:{every}:20:{draw.choice((100, 300, 1000))}"
    return f"random:{seed}:{every}"


#: What a wire may do, and how much of it: mild, so that TCP gets through by itself soon.
_HARM: tuple[Callable[[random.Random], dict[str, Any]], ...] = (
    lambda draw: {"loss": draw.choice((0.003, 0.01, 0.03))},
    lambda draw: {"burst_start": draw.choice((0.001, 0.003)), "burst_end": 0.3},
    lambda draw: {"duplicate": draw.choice((0.01, 0.1))},
    lambda draw: {"reorder": draw.choice((0.01, 0.1))},
    lambda draw: {"jitter_us": draw.choice((20, 200, 2000))},
    lambda draw: {"corrupt": draw.choice((0.003, 0.02))},
    lambda draw: {"truncate": draw.choice((0.003, 0.02))},
    lambda draw: {"rate_bytes_per_s": draw.choice((500_000, 5_000_000, 12_500_000))},
    lambda draw: {"flaps": _flaps(draw)},
)


def _flaps(draw: random.Random) -> str:
    """Down once or twice, not long after the load has begun."""
    times = sorted(draw.randrange(1_000_000, 1_500_000) for _ in range(2 * draw.randint(1, 2)))
    pairs = zip(times[::2], times[1::2], strict=True)
    return ",".join(f"{down}-{up}" for down, up in pairs if down < up)


def _wire(draw: random.Random, plan: Plan) -> Plan:
    """Half of the wires do no harm, so that what a fault would hide or excuse is seen too; the
    others do one to three kinds of it."""
    if draw.random() < 0.5:
        return plan
    changes: dict[str, Any] = {}
    for harm in draw.sample(_HARM, draw.choice((1, 1, 2, 3))):
        changes |= harm(draw)
    return replace(plan, **changes)


def _busy(draw: random.Random) -> Plan:
    clients, transfers = draw.randint(1, 3), draw.randint(1, 4)
    return _wire(draw, Plan(clients=clients, transfers=transfers, choices=_schedule(draw, 10)))


def _busy_for_long(draw: random.Random) -> Plan:
    return Plan(transfers=draw.choice((25, 50, 100)), choices=_schedule(draw, 10))


def _pieces(draw: random.Random) -> Plan:
    chunk = draw.choice((100, 500, 2000, 2047, 2048, 5000, 6500, 8000, 8191))
    every = draw.choice((0, 10, 100))
    plan = Plan(clients=draw.randint(1, 2), chunk=chunk, choices=_schedule(draw, every))
    return _wire(draw, plan)


def _crowd(draw: random.Random) -> Plan:
    return Plan(clients=4, transfers=120, size=2000, chunk=2000, choices=_schedule(draw, 0))


def _noise(draw: random.Random) -> Plan:
    burst = draw.choice((1, 8, 64, 200))
    plan = Plan(noise=draw.choice((150, 600)), burst=burst, choices=_schedule(draw, 20))
    return _wire(draw, plan)


#: Like the built-in map: trials in the order of the plans.
Spread = Callable[[Callable[[Plan], trial.Trial], Iterator[Plan]], Generator[trial.Trial]]


def here(work: Callable[[Plan], trial.Trial], some: Iterator[Plan]) -> Generator[trial.Trial]:
    """In this process, one after the other."""
    for plan in some:
        yield work(plan)


def search(
    seed: int, seconds: float, bug: str = "", runs_max: int = 1 << 30, spread: Spread = here
) -> Search:
    """Runs plans of `seed` until one fails or `seconds` have passed."""
    began = time.monotonic()
    with closing(spread(trial.run, plans(seed, bug))) as trials:
        for runs, tried in enumerate(trials, start=1):
            spent = time.monotonic() - began
            if tried.finding is not None:
                return Search(seed, runs, spent, tried)
            if spent >= seconds or runs >= runs_max:
                return Search(seed, runs, spent, None)
    raise AssertionError("plans never end")


#: How much a finding is worth to be made small: about half a minute. Counted and not timed, so that
#: the same finding comes out as the same plan on every machine, busy or not.
EVENTS_MAX = 3_000_000


class _Effort:
    def __init__(self, events: int) -> None:
        self.left = events

    def run(self, plan: Plan) -> trial.Trial:
        tried = trial.run(plan)
        self.left -= tried.events
        return tried


def smallest(failed: trial.Trial, events: int = EVENTS_MAX) -> trial.Trial:
    """The same finding from a smaller plan, with its choices and its faults as lists. When the
    lists alone do not bring it back (they always should), the plan as it was."""
    assert failed.finding is not None
    cause, effort = failed.finding.cause, _Effort(events)
    start = failed if failed.plan.recorded else effort.run(failed.recorded)
    if start.finding is None or start.finding.cause != cause:
        return failed

    def fails(plan: Plan) -> bool:
        return effort.left > 0 and _is(effort.run(plan), cause)

    simpler = _simpler_wire(start, failed.plan, cause, effort)
    if not simpler.plan.acts:
        simpler = _simpler_schedule(simpler, cause, effort, effort.left - events // 3)
    return trial.run(shrink(simpler.plan, fails, math.inf))


def _is(tried: trial.Trial, cause: str) -> bool:
    return tried.finding is not None and tried.finding.cause == cause


def _simpler_wire(failed: trial.Trial, drawn: Plan, cause: str, effort: _Effort) -> trial.Trial:
    """Without the kinds of fault that it does without. Then the rest is left out one by one."""
    kinds = [(name,) for name in drawn.drawn_faults()]
    for names in ([DRAWN] if kinds else []) + kinds:
        plan = drawn.without(*names)
        tried = effort.run(plan)
        if _is(tried, cause):
            drawn, failed = plan, effort.run(tried.recorded)
        if not drawn.drawn_faults():
            break
    return failed


def _simpler_schedule(failed: trial.Trial, cause: str, effort: _Effort, until: int) -> trial.Trial:
    """The same load under schedules with few departures. A list of many hardly shrinks: to leave
    one out moves all that follow. `until`: so much of the effort is to be left."""
    for every, order in ((1000, 0), (300, 0), (100, 0), (30, 0), (0, 100), (100, 100)):
        for seed in range(30):
            if effort.left < until:
                return failed
            plan = replace(failed.plan, choices=f"random:{seed}:{every}:{order}:0")
            tried = effort.run(plan)
            if _is(tried, cause):
                return effort.run(tried.recorded)
    return failed


def table_row(
    bug: str, tries: int, first_seed: int, seconds: float, say: Progress, spread: Spread = here
) -> dict[str, Any]:
    """`tries` independent searches for one planted bug: a row of the JSON."""
    times: list[float] = []
    best: trial.Trial | None = None
    others: list[str] = []
    for n in range(tries):
        result = search(first_seed + n, seconds, bug, spread=spread)
        if result.found(bug):
            times.append(result.seconds)
            best = best or result.trial
        elif result.trial is not None and result.trial.finding is not None:
            others.append(f"{result.trial.finding.cause}: {result.trial.plan}")
        what = result.trial.finding.cause if result.trial and result.trial.finding else "nothing"
        say(f"{bug} {n + 1}/{tries}: {what} after {result.runs} runs, {result.seconds:.2f} s")
    small = smallest(best) if best else None
    return {
        "name": bug,
        "cause": small.finding.cause if small and small.finding else "",
        "detail": small.finding.detail if small and small.finding else "",
        "tries": tries,
        "found": len(times),
        "seconds_median": round(statistics.median(times), 3) if times else None,
        "seconds_max": round(max(times), 3) if times else None,
        "replay": f"kyu sim replay '{small.plan}'" if small else "",
        "others": others,
    }
