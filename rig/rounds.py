"""A scenario under pytest: some visits, in parallel, judged like any other traffic.

Context   the main thread of pytest.
Rules     what a scenario needs and the board lacks is a skip with the reason, before it boots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import pytest

from rig.errors import RigError
from rig.report.text import escaped
from rig.scenario import NEEDS, SIMULATED, Body, Terms, name_of, terms_of
from rig.traffic.request import Result
from rig.traffic.visit import Visit
from rig.verdict import Cause
from rig.wire import faults
from rig.wire.faults import FaultPlan

if TYPE_CHECKING:
    from rig.campaign.session import Session
    from rig.pytest_plugin import Keeper
    from rig.traffic.pattern import Native

#: Of whatever is random in visits under pytest.
SEED = 1


def skip_unless(able: Iterable[str], needs: Iterable[str], board: str) -> None:
    """Skips with the first need that is not met."""
    for need in needs:
        if need not in able:
            pytest.skip(f"needs {NEEDS[need]}: {board} has none")


def visits_of(body: Body, terms: Terms) -> list[Visit]:
    return [Visit(body, SEED, number, quick=True) for number in range(1, terms.visits + 1)]


class Rounds:
    """What the fixture `guest` stands for until the test is run: the visits of a function."""

    def __init__(self, play: Callable[[Body, Terms], Sequence[Result]]) -> None:
        self._play = play

    def play(self, body: Body) -> None:
        """Fails the test when a visit fails."""
        terms = terms_of(body)
        results = self._play(body, terms)
        bad = [result for result in results if not result.ok]
        if bad:
            one = bad[0]
            if one.cause is Cause.RIG:
                raise RigError(one.detail)
            cause = one.cause.value if one.cause else "abandoned"
            pytest.fail(
                f"visit {one.number} of {name_of(body)}: {cause}: {escaped(one.detail)}", False
            )
        if len(results) != terms.visits:
            pytest.fail(f"{len(results)} of {terms.visits} visits came to an end", pytrace=False)


def on_board(keeper: Keeper, native: Native, who: str) -> Rounds:
    """The shared board; for a scenario with faults one of its own, on a wire that does harm."""

    def play(body: Body, terms: Terms) -> list[Result]:
        plan = faults.parse(terms.faults) if terms.faults else None
        keeper.need(*terms.needs)
        if plan is None:
            return run(keeper.shared(), body, terms)
        with keeper.on_a_bad_wire(plan, SEED) as session:
            return run(session, body, terms)

    def run(session: Session, body: Body, terms: Terms) -> list[Result]:
        results = session.run(native, visits_of(body, terms), parallel=terms.parallel)
        if session.watch.symptom is not None:
            session.await_verdict()
        if session.verdict is not None:
            keeper.judge(who, session.verdict)
        return results

    return Rounds(play)


def simulated() -> Rounds:
    """A world for each test, in this process, in virtual time."""

    def play(body: Body, terms: Terms) -> list[Result]:
        from rig.sim.visits import play as play_simulated

        skip_unless(SIMULATED, terms.needs, "sim")
        plan: FaultPlan | None = faults.parse(terms.faults) if terms.faults else None
        return play_simulated(visits_of(body, terms), terms.parallel, plan, SEED)

    return Rounds(play)
