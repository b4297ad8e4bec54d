"""Proof that it catches: each planted failure, on the real image, is found and named."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rig import journal
from rig.assembly import BoardChoice
from rig.board import image as images
from rig.campaign.soak import Soak
from rig.console.symbols import same_function
from rig.defects import DEFECTS, Defect
from rig.errors import UserError
from rig.explain import load
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.pytest_plugin import Keeper
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.traffic.pattern import Native
from rig.traffic.wangdoodle import Patience
from rig.verdict import Cause, Outcome

TRANSFERS = 8
#: A stall is told after 3 s here, not 10: eight defects must not take eight minutes.
HASTY = Patience(connect=4.0, stall=3.0)


@pytest.fixture(scope="module")
def defects_choice(boards: Keeper) -> Iterator[BoardChoice]:
    try:
        image = images.find(None, images.DEFECTS)
    except UserError as error:
        pytest.exit(f"kyu: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    yield replace(boards.choice, image=image)
    boards.off()


def soak(
    boards: Keeper, choice: BoardChoice, patterns: Native, out: Path
) -> tuple[Summary, RunFolder]:
    wanted = plan(SoakOptions(transfers=TRANSFERS))
    with contextlib.closing(RunFolder(out)) as folder:
        session = boards.prepare(choice, folder=folder, patience=HASTY)
        summary = Soak(session, folder, wanted, patterns, PlainDisplay(io.StringIO(), None)).run()
    return summary, folder


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_failure_is_found_and_named(
    boards: Keeper,
    defects_choice: BoardChoice,
    patterns: Native,
    tmp_path: Path,
    defect: Defect,
) -> None:
    choice = replace(defects_choice, bootargs=f"defect={defect.armed}")
    summary, folder = soak(boards, choice, patterns, tmp_path / "run")

    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.FAILED, defect.cause)
    assert all(word in summary.verdict.detail for word in defect.evidence), summary.verdict.detail
    if defect.function:
        assert same_function(summary.verdict.function, defect.function)
    if defect.slow:
        assert summary.tally.ok >= defect.good_before
    else:
        assert summary.tally.ok == defect.good_before
    found = folder.path / journal.FAILURES / f"001-{defect.cause.value}"
    verdict = json.loads((found / "verdict.json").read_text())
    if summary.verdict.cause in (Cause.PANIC, Cause.DEADLOCK, Cause.FAULT):
        assert verdict["function_check"] == "confirmed"
        assert defect.function in (found / "traceback.txt").read_text()
    assert [one.verdict.cause for one in load(folder.path) if one.verdict] == [defect.cause]


def test_the_same_image_without_a_defect_passes_with_no_alarm(
    boards: Keeper, defects_choice: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    summary, folder = soak(boards, defects_choice, patterns, tmp_path / "run")
    assert summary.verdict.outcome is Outcome.PASSED
    assert summary.tally.ok == TRANSFERS
    assert not (folder.path / journal.FAILURES).exists()
