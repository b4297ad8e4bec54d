"""kyu sim in the simulator: each bug of the mission is found as what it is, and replays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.sim import diagnose, find, soak, trial
from rig.sim.plan import Plan


@pytest.mark.parametrize("bug", diagnose.EXPECTED)
def test_a_planted_bug_is_found_with_its_cause_and_replays(bug: str) -> None:
    found = find.search(seed=5, seconds=60, bug=bug)
    assert found.found(bug), found
    assert found.trial is not None
    again = trial.run(found.trial.recorded)
    assert again.finding == found.trial.finding
    assert again.hash == found.trial.hash, "the recorded choices give the same run"


def test_the_build_without_a_bug_is_quiet() -> None:
    assert find.search(seed=5, seconds=60, runs_max=40).trial is None


def test_a_failure_shrinks_and_still_has_its_cause() -> None:
    plan = Plan(seed=3, bug="unlocked-sendbuf", transfers=4, choices="random:1:10")
    failed = trial.run(plan)
    assert failed.finding is not None
    small = find.smallest(failed, seconds=20)
    assert small.finding is not None
    assert small.finding.cause == failed.finding.cause
    assert small.plan.recorded
    assert len(small.plan.choice_list()) <= 5
    assert len(small.plan.choice_list()) < len(failed.recorded.choice_list())


def test_a_log_changes_nothing_in_what_happens() -> None:
    plan = Plan(seed=5, transfers=2, loss=0.02, choices="random:5:10")
    lines: list[str] = []
    logged = trial.run(plan, log=lines.append)
    assert logged == trial.run(plan)
    assert sum("board: rx_frames" in line for line in lines) > 20


def test_choices_that_were_recorded_give_the_hash_that_they_gave() -> None:
    for choices in ("random:7:10", "pct:7:3:2000:10", "robin:3"):
        drawn = trial.run(Plan(seed=2, choices=choices))
        assert drawn.finding is None
        assert trial.run(drawn.recorded).hash == drawn.hash
        if "robin" not in choices:  # which takes no time, and the frames go as they went
            assert trial.run(replace(drawn.plan, choices="none")).hash != drawn.hash


def test_a_soak_is_byte_exact_and_leaves_the_pools_as_they_were() -> None:
    parts = soak.parts_of(transfers=60, seed=1, loss=0.01)
    results = [soak.run_part(part) for part in parts]
    assert [(r.transfers, r.failure) for r in results] == [(60, "")]
