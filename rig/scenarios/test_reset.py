"""A reset on purpose, on the emulated board: the watch begins anew and nobody is blamed."""

from __future__ import annotations

import contextlib
import re

import pytest

from rig.board import image as images
from rig.board.qemu import TRANSLATIONS_MIB
from rig.campaign.session import Session
from rig.pytest_plugin import Keeper
from rig.scenarios.mixes import MIXES
from rig.scenarios.plain_board import PlainBoard, running
from rig.traffic.pattern import Native
from rig.wire.slirp import SlirpWire


@pytest.mark.needs("reset")
def test_transfers_in_flight_when_the_board_is_reset_are_asked_for_again(
    boards: Keeper, board: Session, patterns: Native
) -> None:
    before = board.resets
    mix = MIXES["reboot"]
    visits = [mix.request(number, 4) for number in range(1, 7)]
    results = board.run(patterns, visits, parallel=3)
    assert [result.ok for result in results] == [True] * 6, results
    # A visit that another's reset has disturbed is done again, its own reset too.
    assert board.resets >= before + 2
    assert board.watch.up_ms < 60_000, "its time began anew"
    assert boards.broken == ""


def test_a_night_of_resets_does_not_fill_the_host() -> None:
    """Each leaves its translated code behind; the emulator has room for some, and clears it."""
    with (
        contextlib.closing(SlirpWire()) as wire,
        running(PlainBoard(images.find(None), wire)) as board,
    ):
        used = []
        for reset in range(1, 4):
            board.reset()
            board.await_text("@kyu ready", times=1 + reset)
            told = re.search(r"gen code size +(\d+)/(\d+)", board._monitor.human("info jit"))
            assert told is not None
            used.append(int(told[1]))
            assert int(told[2]) <= TRANSLATIONS_MIB << 20
    assert used[0] < used[1] < used[2], "else a bound would not be needed any more"
