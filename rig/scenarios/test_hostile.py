"""Hostile frames on the emulated board's wire: what of rig/hostile does not say why not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from rig.board import image as images
from rig.hostile.case import Case
from rig.hostile.stage import MS, texts
from rig.hostile.table import CASES
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.scenarios.wire_stage import PROMPT, WireStage

#: Not: TIME-WAIT records, which are there for a minute.
POOLS = (
    "mbufs",
    "clusters",
    "tcp_connections_used",
    "tcp_sockets_used",
    "tcp_half_open_used",
    "tcp_out_of_order_used",
)


@pytest.fixture(scope="module")
def stage(boards: Keeper) -> Iterator[WireStage]:
    boards.need("emulator", "raw")
    boards.off()
    board = PlainBoard(images.find(None), boards.wire, "hb=0")
    with running(board):
        board.await_text(PROMPT)
        stage = WireStage(board)
        stage.hear(3_000 * MS)  # until its address is announced for the second time
        try:
            yield stage
        finally:
            stage.close()


WIRED_SHOTS = [case for case in CASES if any(not shot.off_wire for shot in case.shots)]
WIRED_STORIES = [case for case in CASES if any(not story.off_wire for story in case.stories)]


def pools(stage: WireStage) -> dict[str, int]:
    now = stage.counters()
    assert set(POOLS) <= set(now)
    return {name: now[name] for name in POOLS}


def at_rest_again(stage: WireStage, at_rest: dict[str, int]) -> None:
    """The common rule: a clean echo works, and no pool has lent out more than before."""
    stage.echo()
    ends = time.monotonic() + 10
    while (now := pools(stage)) != at_rest:
        assert time.monotonic() < ends, (at_rest, now)
        time.sleep(0.02)


@pytest.mark.parametrize("case", WIRED_SHOTS, ids=lambda case: case.name)
def test_shots(stage: WireStage, case: Case) -> None:
    at_rest = pools(stage)
    before = stage.counters()
    wanted: dict[str, int] = {}
    for shot in (shot for shot in case.shots if not shot.off_wire):
        conn = shot.at(stage) if shot.at else None
        frames = list(shot.frames(stage, conn))
        stage.hear(0)
        stage.send(*frames)
        answers = len(frames) if shot.some else len(shot.answers)
        came = stage.hear_until(answers, 100 * MS) if answers else stage.hear(10 * MS)
        said = texts(stage, came)
        if shot.some:
            assert said
            assert set(said) <= set(shot.answers), said
        else:
            assert said == list(shot.answers), shot.name
        if shot.check is not None:
            shot.check(stage, conn, came)
        count = len(frames) if shot.count is None else shot.count
        wanted[shot.counter] = wanted.get(shot.counter, 0) + count
        if conn is not None:
            conn.take(came)
            conn.abort()
    after = stage.counters()
    grown = {name: after.get(name, 0) - before.get(name, 0) for name in wanted}
    assert all(grown[name] >= count for name, count in wanted.items()), (wanted, grown)
    at_rest_again(stage, at_rest)


@pytest.mark.parametrize("case", WIRED_STORIES, ids=lambda case: case.name)
def test_stories(stage: WireStage, case: Case) -> None:
    at_rest = pools(stage)
    for story in (story for story in case.stories if not story.off_wire):
        stage.drop()
        story.play(stage)
    at_rest_again(stage, at_rest)


def test_the_board_has_said_nothing_of_trouble(stage: WireStage) -> None:
    assert "PANIC" not in stage.board.said()
