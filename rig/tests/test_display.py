"""The live display: what a terminal shows, and that a board cannot steer it."""

from __future__ import annotations

import io
import re

from rig.report.progress import BarDisplay, BoardNow
from rig.report.summary import Tally
from rig.verdict import Cause


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(board: BoardNow, tally: Tally) -> str:
    out = Terminal()
    with BarDisplay(out, 100) as display:
        display.see(lambda: board)
        display.update(tally, last=True)
        display._live.refresh()
        return out.getvalue()


def test_it_shows_rate_percentiles_failures_board_and_its_last_lines() -> None:
    tally = Tally()
    for ms in (4.0, 5.0, 700.0):
        tally.attempted += 1
        tally.add_ok(ms, 200_000)
    tally.add_failure(Cause.STALL)
    said = shown(BoardNow("up 17 s, silent for 3 s", ["first", "second", "third", "fourth"]), tally)
    for words in ("3/100", "left", "p50 5.0 ms  p99 700.0 ms  1 failed", "board up 17 s, silent"):
        assert words in said
    assert "│ fourth" in said
    assert "first" not in said


def test_what_a_board_says_is_neither_markup_nor_a_command() -> None:
    said = shown(BoardNow("up \x1b[2J", ["[red]\x1b]0;owned\x07", "x" * 5000]), Tally())
    assert "\x1b[2J" not in said
    assert "\x1b]0" not in said
    assert "[red]" in said
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    assert max(len(row) for row in plain.split("\n")) < 200
