"""The two self tests that stop the board: each leaves a record that names its function."""

from __future__ import annotations

import pytest

from rig.pytest_plugin import Keeper
from rig.verdict import Cause, Outcome


@pytest.mark.parametrize(
    ("line", "function"), [("i fault yes", "test_fault"), ("i zero-divide yes", "test_divide")]
)
def test_a_confirmed_fault_stops_the_board_with_a_record(
    boards: Keeper, line: str, function: str
) -> None:
    session = boards.boot(boards.choice)
    session.board.console.write(line.encode("ascii") + b"\r")
    verdict = session.await_verdict()
    assert (verdict.outcome, verdict.cause) == (Outcome.FAILED, Cause.FAULT)
    assert verdict.function == function
