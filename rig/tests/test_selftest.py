"""kyu selftest: its arithmetic, and that its rounds are the same again."""

from __future__ import annotations

from itertools import islice

import pytest

from rig.campaign.selftest import Outcomes, Round, add, busy_host, rounds
from rig.defects import DEFECTS
from rig.report.summary import Summary, Tally
from rig.verdict import Cause, Verdict, failed, inconclusive, passed

ABBA = next(one for one in DEFECTS if one.name == "abba")
PLANTED = Round(1, ABBA, "soak", "", 7)
CLEAN = Round(2, None, "mixed", "loss=1%", 8)
FOUND = failed(Cause.DEADLOCK, 1.0, "wang-0 waits for abba-b", "take_both")


def summary(verdict: Verdict) -> Summary:
    return Summary(verdict, Tally(attempted=400, ok=400), 1.0)


def test_the_same_seed_draws_the_same_rounds_and_all_kinds_come() -> None:
    first, again = (list(islice(rounds(3), 300)) for _ in range(2))
    assert first == again
    drawn = {one.defect.name for one in first if one.defect}
    assert len(drawn) > 25
    assert 100 < sum(one.defect is None for one in first) < 200
    assert list(islice(rounds(4), 300)) != first


def test_a_planted_failure_with_its_cause_and_function_is_found() -> None:
    total = add(Outcomes(), PLANTED, summary(FOUND), 1.0)
    assert (total.planted, total.found, total.good) == (1, 1, True)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (passed(1.0), "deadlock was planted: PASSED"),
        (failed(Cause.HANG, 1.0, "x", "take_both"), "deadlock was planted: FAILED (hang): x"),
        (failed(Cause.DEADLOCK, 1.0, "x", "idle"), "in take_both, not in idle"),
        (inconclusive(1.0, "the emulator is gone"), "INCONCLUSIVE (rig): the emulator is gone"),
    ],
)
def test_one_that_is_missed_or_told_wrongly_is_said(verdict: Verdict, said: str) -> None:
    total = add(Outcomes(), PLANTED, summary(verdict), 1.0)
    assert (total.planted, total.found, total.good) == (1, 0, False)
    assert said in total.wrong[0]
    assert "round 1 (abba)" in total.render()


def test_a_clean_board_that_is_blamed_is_a_false_alarm() -> None:
    total = add(Outcomes(), CLEAN, summary(passed(1.0)), 1.0)
    total = add(total, CLEAN, summary(failed(Cause.STALL, 1.0, "x")), 2.0)
    assert (total.clean, total.alarms, total.transfers) == (2, 1, 800)
    assert "clean     2 boards, 800 transfers, 1 false alarms" in total.render()
    assert total.as_json()["recall"] is None


def test_a_round_that_the_rig_broke_is_no_alarm_but_told() -> None:
    total = add(Outcomes(), CLEAN, summary(inconclusive(1.0, "x")), 1.0)
    assert (total.alarms, total.inconclusive, total.good) == (0, 1, False)


def test_the_busy_host_ends_with_its_block() -> None:
    with busy_host(1):
        pass
