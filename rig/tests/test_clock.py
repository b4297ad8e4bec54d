"""Observed time: what the host kept from a board is not the board's silence."""

from __future__ import annotations

import time

import pytest

from rig.clock import Clock
from rig.tests.fake import FakeBoard


def test_who_looks_again_after_a_while_was_not_starved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tests that use one board others may take minutes, on boards of their own."""
    seconds = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    board, clock = FakeBoard(), Clock()
    clock.restart(board)
    seconds[0] += 90
    late = clock.tick(board)
    assert (late.wall, late.observed) == (90, 0.5), "a rig that should have looked was kept from it"
    seconds[0] += 90
    clock.pass_over(board)
    seconds[0] += 0.1
    assert clock.tick(board).wall == pytest.approx(0.1)
