"""Fixed, worse, the same, or not known yet."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import cli
from rig.report.compare import DECIDED, Change, Rate, compare, log_odds, render
from rig.report.statistics import failure_rate_lower, failure_rate_upper

COUNTS = st.integers(0, 500)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    attempted = draw(st.integers(1, 5000))
    return Rate(draw(st.integers(0, attempted)), attempted)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Rate(20, 200), Rate(0, 200), Change.FIXED),
        (Rate(0, 200), Rate(20, 200), Change.WORSE),
        (Rate(100, 1000), Rate(101, 1000), Change.SAME),
        (Rate(8, 100), Rate(2, 100), Change.UNKNOWN),
        (Rate(500, 10_000), Rate(505, 10_000), Change.SAME),
        (Rate(1, 10), Rate(0, 10), Change.UNKNOWN),
        (Rate(0, 5000), Rate(0, 5000), Change.SAME),
        (Rate(0, 0), Rate(0, 0), Change.UNKNOWN),
    ],
)
def test_what_the_rig_would_say(before: Rate, after: Rate, change: Change) -> None:
    assert compare(before, after).change is change


def test_the_missions_rate_is_fixed_after_some_dozens_of_good_transfers() -> None:
    """One in ten failed: nobody should have to run all night to believe the fix."""
    found = compare(Rate(10, 100), Rate(0, 10))
    assert found.change is Change.UNKNOWN
    assert 20 < found.more < 120
    assert compare(Rate(10, 100), Rate(0, 10 + found.more)).change is Change.FIXED
    assert compare(Rate(10, 100), Rate(0, 9 + found.more)).change is Change.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Rate(1, 100), Rate(1, 5)),  # the same for a while, then not known again, then fixed
        (Rate(5, 1000), Rate(1, 50)),
        (Rate(10, 100), Rate(0, 10)),
        (Rate(8, 100), Rate(2, 100)),
        (Rate(0, 30), Rate(1, 20)),
        (Rate(3, 3), Rate(0, 0)),
    ],
)
def test_what_is_still_needed_is_the_least_that_decides(before: Rate, after: Rate) -> None:
    """Against a walk over every number of good transfers."""

    def change(more: int) -> Change:
        return compare(before, Rate(after.failed, after.attempted + more)).change

    assert change(0) is Change.UNKNOWN
    walked = next(more for more in range(1, 10_000) if change(more) is not Change.UNKNOWN)
    assert compare(before, after).more == walked


@given(rates(), st.integers(0, 3), st.integers(0, 60))
def test_no_number_below_what_is_needed_would_do(before: Rate, failed: int, good: int) -> None:
    found = compare(before, Rate(failed, failed + good))
    if found.change is Change.UNKNOWN:
        for more in range(1, min(found.more or 3000, 3000)):
            odds = log_odds(before, Rate(failed, failed + good + more))
            assert abs(odds) < math.log(DECIDED)


@given(rates(), rates())
def test_the_evidence_is_the_same_from_either_side(a: Rate, b: Rate) -> None:
    assert log_odds(a, b) == pytest.approx(log_odds(b, a), abs=1e-6)
    found, mirrored = compare(a, b).change, compare(b, a).change
    turned = {Change.FIXED: Change.WORSE, Change.WORSE: Change.FIXED}
    assert mirrored is turned.get(found, found)


def test_looking_after_every_transfer_does_not_make_a_change_out_of_none() -> None:
    """Two images that fail alike, watched a thousand transfers long, two hundred times over."""
    dice = random.Random(1)
    alarms = 0
    for _ in range(200):
        before, failed = Rate(sum(dice.random() < 0.05 for _ in range(500)), 500), 0
        for attempted in range(1, 1001):
            failed += dice.random() < 0.05
            if attempted % 10 == 0 and log_odds(before, Rate(failed, attempted)) > math.log(
                DECIDED
            ):
                alarms += 1
                break
    assert alarms <= 200 / DECIDED


@given(COUNTS, COUNTS)
def test_bounds_hold_the_rate_between_them(failed: int, good: int) -> None:
    low, high = Rate(failed, failed + good).bounds
    share = failed / (failed + good) if failed + good else 0.5
    assert 0 <= low <= share <= high <= 1


def test_bounds_are_the_textbooks() -> None:
    assert failure_rate_upper(0, 5000) == pytest.approx(1 - 0.05 ** (1 / 5000))
    assert failure_rate_lower(5000, 5000) == pytest.approx(0.05 ** (1 / 5000))
    # Clopper and Pearson, two-sided 95 %: 1 of 10.
    assert Rate(1, 10).bounds == pytest.approx((0.00253, 0.44502), abs=1e-4)


def test_more_failures_than_transfers_are_nonsense() -> None:
    with pytest.raises(ValueError, match="3 failures in 2"):
        Rate(3, 2)


def test_two_run_folders_are_compared_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, failed in (("old", 30), ("new", 0)):
        folder = tmp_path / name
        folder.mkdir()
        lines = [
            {"n": n, "start": n * 0.01, "ms": 5.0, "bytes": 200_000, "ok": n > failed}
            | ({} if n > failed else {"cause": "reset", "detail": "x"})
            for n in range(1, 301)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "transfers.jsonl").write_text(text)
        options = {"scenarios": ["soak"], "bootargs": "defect=reset" if name == "old" else ""}
        (folder / "run.json").write_text(json.dumps({"options": options}))
    assert cli.run(["compare", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    said = capsys.readouterr().out
    assert "before  30 of 300" in said
    assert "FIXED: the odds for a change are" in said
    assert "p99     5.0 ms before, 5.0 ms after" in said
    assert "MIND: not alike: boot arguments: defect=reset before, none after" in said
    assert cli.run(["compare", "--json", str(tmp_path / "new"), str(tmp_path / "old")]) == 0
    assert json.loads(capsys.readouterr().out)["change"] == "worse"
    assert cli.run(["compare", str(tmp_path / "old"), str(tmp_path / "none")]) == 2


def test_words_for_each() -> None:
    assert "would decide it" in render(compare(Rate(10, 100), Rate(0, 10)))
    assert "THE SAME" in render(compare(Rate(0, 5000), Rate(0, 5000)))
    assert "10^" in render(compare(Rate(5000, 5000), Rate(0, 5000)))
