"""Hostile frames on the emulated board's wire: what of rig/hostile does not say why not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.board import image as images
from rig.hostile import ipv4, link_arp, tcp_floods
from rig.hostile.case import Case
from rig.hostile.icmp_igmp_udp import datagram
from rig.hostile.stage import MS, S, clean_echo
from rig.hostile.table import CASES
from rig.pytest_plugin import Keeper
from rig.scenarios import wire_play as play
from rig.scenarios.plain_board import PlainBoard, running
from rig.scenarios.wire_stage import BOOT, PROMPT, WireStage

WIRED_SHOTS = [case for case in CASES if play.shots(case, long=False)]
WIRED_STORIES = [case for case in CASES if play.stories(case, long=False)]
#: TIME-WAIT records are there for a minute: test_hostile_long.py waits for them.
MINUTE = "time_waits_used"


@pytest.fixture(scope="module")
def stage(boards: Keeper) -> Iterator[WireStage]:
    boards.need("emulator", "raw")
    boards.off()
    board = PlainBoard(images.find(None), boards.wire, BOOT)
    with running(board):
        board.await_text(PROMPT)
        stage = WireStage(board)
        stage.hear(3_000 * MS)  # until its address is announced for the second time
        try:
            yield stage
        finally:
            stage.close()


@pytest.mark.parametrize("case", WIRED_SHOTS, ids=lambda case: case.name)
def test_shots(stage: WireStage, case: Case) -> None:
    at_rest = play.pools(stage, without=MINUTE)
    play.play_shots(stage, play.shots(case, long=False))
    play.at_rest_again(stage, at_rest)


@pytest.mark.parametrize("case", WIRED_STORIES, ids=lambda case: case.name)
def test_stories(stage: WireStage, case: Case) -> None:
    at_rest = play.pools(stage, without=MINUTE)
    play.play_stories(stage, play.stories(case, long=False))
    play.at_rest_again(stage, at_rest)


def test_floods_beside_a_transfer(stage: WireStage) -> None:
    """Frames as fast as the host makes them, of four kinds. Who fetches has to wait, no more; and
    who wants to connect is let in."""
    before = stage.counters()
    flood = [*ipv4.first_fragments(stage, 10_000), *link_arp.askers(stage, 0, 10_000)]
    with play.busy(stage):
        stage.flood(flood)
        stage.flood([datagram(stage, 9999)], 10_000)
        stage.flood(tcp_floods.syns(stage, 7, 10_000, 39))
        began = stage.now_us
        clean_echo(stage)
        assert stage.now_us - began < 3 * S
    now = stage.counters()
    for counter, frames in (("ip_in", 10_000), ("arp_in", 10_000), ("udp_port", 10_000)):
        assert now[counter] - before[counter] >= stage.least(frames), counter
    assert now["tcp_syn_cookies_sent"] > before["tcp_syn_cookies_sent"]
    assert now["syn_records_used"] <= 1024
    assert now["neighbours_used"] <= 64
    assert now["datagrams_used"] <= 16
    stage.echo()


def test_the_board_has_said_nothing_of_trouble(stage: WireStage) -> None:
    assert "PANIC" not in stage.board.said()


def test_every_case_is_played() -> None:
    """Here or on the board whose clock runs fast, in one form at least."""
    silent = [case.name for case in CASES
              if not any(play.shots(case, long=long) or play.stories(case, long=long)
                         for long in (False, True))]  # fmt: skip
    assert silent == []
