"""Every hostile case in the simulator, under the common rule: no crash, the one reaction, the
counter, pools as they were a minute later, and a clean echo."""

import pytest

from rig.hostile import ipv4, play
from rig.hostile.case import Case
from rig.hostile.sim_stage import SimStage
from rig.hostile.table import CASES

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_as_stated(case: Case) -> None:
    stage = SimStage()
    for shot in case.shots:
        play.once(stage, shot)
    for story in case.stories:
        story.play(stage)
    stage.finish()


@each_case
def test_ten_thousand_times(case: Case) -> None:
    stage = SimStage()
    for shot in case.shots:
        play.many(stage, shot, 10_000 if len(case.shots) <= play.VARIANTS else 2_000)
    for story in case.stories:
        play.story_many(stage, story)
    stage.finish()


@each_case
def test_beside_a_transfer(case: Case) -> None:
    stage = SimStage(busy=True)
    play.beside_a_transfer(stage, case)
    stage.finish()


@each_case
def test_cut_at_every_byte(case: Case) -> None:
    stage = SimStage()
    play.cut_everywhere(stage, case)
    stage.finish()


@each_case
def test_mutated(case: Case) -> None:
    stage = SimStage()
    assert play.mutated(stage, case) > 0 or not case.shots
    stage.finish()


@pytest.mark.parametrize(
    "disturbance",
    [lambda stage: ipv4.first_fragments(stage, 50_000), ipv4.small_steps],
    ids=["first fragments", "small steps"],
)
def test_fragments_leave_others_nine_tenths_of_their_rate(disturbance: play.Disturbance) -> None:
    """Case 15, in virtual time."""
    assert play.transfers_us(disturbance) * 0.9 <= play.transfers_us(None)
