"""What a board died of, told by its next boot: for the night in which nobody was listening."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.assembly import BoardChoice
from rig.board.protocol import Resettable
from rig.campaign.session import Session
from rig.explain import load
from rig.journal import CONSOLE, RunFolder
from rig.pytest_plugin import Keeper
from rig.traffic.pattern import Native
from rig.traffic.request import Request
from rig.verdict import Cause

PATIENCE_S = 20.0


def die(session: Session, patterns: Native) -> None:
    """One transfer, which the planted failure makes the last."""
    session.boot()
    session.run(patterns, [Request()])
    verdict = session.await_verdict()
    assert verdict.cause is Cause.PANIC, verdict


def boot_again(session: Session, boots: int) -> list[str]:
    """Pulls the reset line. Everything said so far, once the board is ready for the n-th time."""
    assert isinstance(session.board, Resettable)
    session.board.reset()
    ends = session.clock.now() + PATIENCE_S
    while session.clock.now() < ends:
        lines = [line.text for line in session.tail]
        if sum(line.startswith("@kyu ready ") for line in lines) == boots:
            return lines
        session.pump(0.05)
    raise AssertionError(f"not ready {PATIENCE_S:g} s after a reset")


@pytest.mark.needs("reset")
def test_the_next_boot_tells_it_once_and_the_one_after_that_is_silent(
    boards: Keeper,
    defects_choice: BoardChoice,
    patterns: Native,
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path / "run")
    choice = replace(defects_choice, bootargs="defect=panic:0")
    session = boards.prepare(choice, folder=folder)
    die(session, patterns)

    said = boot_again(session, 2)
    told = [line.removeprefix("last crash: ") for line in said if line.startswith("last crash: ")]
    first = said.index(next(line for line in said if line.startswith("Current thread is")))
    died = said[first : first + len(told) - 1]
    assert told[1:] == died, "word for word what was said at the time"
    assert "PANIC: planted panic" in told
    announced = next(line for line in said if line.startswith("@kyu last-crash "))
    assert f"lines={len(told)} cut=0 damaged=0" in announced

    again = boot_again(session, 3)
    assert sum(line.startswith("@kyu last-crash ") for line in again) == 1, "told once"

    session.power_off()
    folder.close()
    boots = load(folder.path / CONSOLE)
    assert next(one.verdict.cause for one in boots if one.verdict) is Cause.PANIC
