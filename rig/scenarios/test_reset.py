"""A reset on purpose, on the emulated board: the watch begins anew and nobody is blamed."""

from __future__ import annotations

import pytest

from rig.campaign.session import Session
from rig.pytest_plugin import Keeper
from rig.scenarios.mixes import MIXES
from rig.traffic.pattern import Native


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
