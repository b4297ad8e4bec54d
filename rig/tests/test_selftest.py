"""kyu selftest: its arithmetic, and that its rounds are the same again."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from rig.campaign.selftest import Outcomes, Round, add, busy_host, rounds, run
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


@pytest.fixture
def soaked(monkeypatch: pytest.MonkeyPatch) -> list[Summary]:
    """What the rounds come to, one after the other."""
    ends: list[Summary] = []

    def soak(_: Round, __: Path, out: Path) -> Summary:
        out.mkdir(parents=True)
        (out / "run.json").touch()
        return ends.pop(0)

    monkeypatch.setattr("rig.campaign.selftest._soak", soak)
    monkeypatch.setattr("rig.campaign.selftest.CLEAN_SHARE", 1.0)
    return ends


def test_the_folder_of_a_round_that_was_wrong_stays_and_is_told(
    tmp_path: Path, soaked: list[Summary]
) -> None:
    soaked += [
        summary(passed(1.0)),
        summary(failed(Cause.LEAK, 1.0, "1 more")),
        summary(passed(1.0)),
    ]
    told: list[str] = []
    total = run(Path("kyu.elf"), tmp_path, seed=1, count=3, seconds=None, say=told.append)
    assert (total.clean, total.alarms, len(total.wrong)) == (3, 1, 1)
    assert [one.name for one in tmp_path.iterdir()] == ["0002"]
    assert told[2].startswith("      wrong: round 2 (clean ")
    assert told[2].endswith(f"FAILED (leak): 1 more; see {tmp_path / '0002'}")


def test_an_interrupted_round_is_none(tmp_path: Path, soaked: list[Summary]) -> None:
    cut = replace(summary(inconclusive(1.0, "interrupted")), interrupted=True)
    soaked += [summary(passed(1.0)), cut]
    total = run(Path("kyu.elf"), tmp_path, seed=1, count=9, seconds=None, say=lambda _: None)
    assert (total.clean, total.interrupted, total.good) == (1, True, True)
    assert list(tmp_path.iterdir()) == []
