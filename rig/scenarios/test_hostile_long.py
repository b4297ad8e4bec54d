"""Hostile frames that take minutes, or leave something for minutes: on an emulated board whose
clock runs a hundred times as fast as ours (fast_clock.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.board import image as images
from rig.hostile.case import Case
from rig.hostile.table import CASES
from rig.pytest_plugin import Keeper
from rig.scenarios import wire_play as play
from rig.scenarios.fast_clock import FASTER, hurried
from rig.scenarios.plain_board import PlainBoard, running
from rig.scenarios.wire_stage import BOOT, PROMPT, WireStage

LONG_SHOTS = [case for case in CASES if play.shots(case, long=True)]
LONG_STORIES = [case for case in CASES if play.stories(case, long=True)]


@pytest.fixture(scope="module")
def stage(boards: Keeper, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireStage]:
    boards.need("emulator", "raw")
    boards.off()
    image = hurried(images.find(None), tmp_path_factory.mktemp("image") / "kyu.elf")
    # Its watchdogs would take a host that is late for a board that hangs.
    board = PlainBoard(image, boards.wire, f"{BOOT} watchdog=off")
    with running(board):
        board.await_text(PROMPT)
        stage = WireStage(board, faster=FASTER)
        try:
            yield stage
        finally:
            stage.close()


@pytest.mark.parametrize("case", LONG_SHOTS, ids=lambda case: case.name)
def test_shots(stage: WireStage, case: Case) -> None:
    at_rest = play.pools(stage)
    play.play_shots(stage, play.shots(case, long=True))
    play.at_rest_again(stage, at_rest)


@pytest.mark.parametrize("case", LONG_STORIES, ids=lambda case: case.name)
def test_stories(stage: WireStage, case: Case) -> None:
    at_rest = play.pools(stage)
    play.play_stories(stage, play.stories(case, long=True))
    play.at_rest_again(stage, at_rest)


def test_the_board_has_said_nothing_of_trouble(stage: WireStage) -> None:
    assert "PANIC" not in stage.board.said()
