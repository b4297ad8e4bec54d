"""kyu bench: what it prints is what the board said."""

from __future__ import annotations

from rig.bench.kernel import LABELS, _cost
from rig.console.grammar import Frame


def test_the_mean_of_all_runs_is_told_in_guest_instructions() -> None:
    cost = _cost(Frame("cost", {"what": "switch", "runs": "10000", "ns": "16000000"}))
    assert (cost.what, cost.runs, cost.instructions) == ("switch", 10_000, 100.0)
    assert cost.what in LABELS


def test_a_line_without_figures_is_no_division_by_zero() -> None:
    assert _cost(Frame("cost", {"what": "lock"})).instructions == 0.0
