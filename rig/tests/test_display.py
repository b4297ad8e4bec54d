"""The live display: what a terminal shows, however narrow, and that a board cannot steer it."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from rig.report import progress
from rig.report.progress import BarDisplay, BoardNow, Goal, PlainDisplay, clock
from rig.report.summary import Tally
from rig.verdict import Cause

WELL = BoardNow("up 17 s", ["first", "second", "third", "fourth"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Monotonic seconds that go when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("rig.report.progress.time.monotonic", self.tell)

    def tell(self) -> float:
        return self.now


def bar(out: io.StringIO, goal: Goal, time: Clock) -> BarDisplay:
    return BarDisplay(out, goal, Console(file=out, width=80, force_terminal=True), time.tell)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def tally_of(*milliseconds: float) -> Tally:
    tally = Tally()
    for ms in milliseconds:
        tally.attempted += 1
        tally.add_ok(ms, 200_000)
    return tally


def shown(board: BoardNow, tally: Tally, *, width: int = 80) -> list[str]:
    """The rows of the last picture, as a person sees them."""
    out = Terminal()
    console = Console(file=out, highlight=False, width=width, force_terminal=True)
    with BarDisplay(out, Goal(100), console) as display:
        display.see(lambda: board)
        display.update(tally)
        out.truncate(0)
        out.seek(0)
        display._live.refresh()
        said = out.getvalue()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).replace("\r", "").split("\n")


def test_it_shows_percentiles_failures_by_cause_board_and_its_last_lines() -> None:
    tally = tally_of(4.0, 5.0, 700.0)
    tally.add_failure(Cause.STALL)
    said = "\n".join(shown(WELL, tally))
    for words in (
        "3/100",
        "left",
        "p50 5.0 ms, p99 700.0 ms",
        "1 failed: stall 1",
        "board up 17 s",
    ):
        assert words in said
    assert "│ fourth" in said
    assert "first" not in said


def test_before_the_first_good_transfer_it_has_no_times() -> None:
    said = "\n".join(shown(WELL, Tally()))
    assert "no good transfer yet" in said
    assert "0.0 ms" not in said


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_each_row_fits_into_the_terminal_and_counts_stay_readable(width: int) -> None:
    board = BoardNow("up 17 s, 3 warnings, the last: " + "w" * 300, ["x" * 5000])
    rows = shown(board, tally_of(*[2.5] * 50), width=width)
    assert max(len(row) for row in rows) <= width
    if width >= 40:
        assert "50/100" in rows[0]
        assert "left" in rows[0]


def test_time_left_is_what_the_rest_takes_at_the_pace_so_far(time: Clock) -> None:
    out = Terminal()
    with bar(out, Goal(100), time) as display:
        display.update(Tally())
        time.now += 10
        display.update(tally_of(*[1.0] * 20))
        said = [str(row) for row in display._lines(tally_of(1.0))]
        assert display._pace.left == pytest.approx(40)
    assert "2.0/s, 0.4 MB/s" in said[0]
    assert "0:00:10 left 0:00:40" in out.getvalue()


def test_a_run_by_the_clock_ends_when_its_time_is_over(time: Clock) -> None:
    out = Terminal()
    with bar(out, Goal(None, 3600.0), time) as display:
        time.now += 900
        display.update(tally_of(1.0))
        assert display._pace.share == pytest.approx(0.25)
    assert "0:15:00 left 0:45:00" in out.getvalue()


def test_what_a_board_says_is_neither_markup_nor_a_command() -> None:
    out = Terminal()
    with BarDisplay(out, Goal(100), Console(file=out, width=80, force_terminal=True)) as display:
        display.see(lambda: BoardNow("up \x1b[2J", ["[red]\x1b]0;owned\x07", "x" * 5000]))
        display.update(Tally())
        display._live.refresh()
    said = out.getvalue()
    assert "\x1b[2J" not in said
    assert "\x1b]0" not in said
    assert "[red]" in said


def test_a_pipe_gets_a_plain_line_now_and_then(time: Clock) -> None:
    out = io.StringIO()
    display = PlainDisplay(out, Goal(200), every_s=10)
    display.see(lambda: BoardNow("up \x1b[2J17 s"))
    display.update(Tally())
    time.now += 9
    display.update(tally_of(1.0))
    assert out.getvalue() == ""
    time.now += 1
    tally = tally_of(*[4.0] * 99, 8.0)
    tally.add_failure(Cause.PANIC)
    display.update(tally)
    assert out.getvalue() == (
        "0:00:10  100/200 good  1 failed: panic 1  10.0/s, 2.0 MB/s  p50 4.0 ms, p99 4.0 ms  "
        "board up \\x1b[2J17 s  left 0:00:10\n"
    )


def test_quiet_says_nothing_and_a_pipe_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.display(Goal(5), quiet=True) as quiet:
        quiet.note("ready")
        quiet.update(tally_of(1.0))
    assert capsys.readouterr().out == ""
    assert isinstance(progress.display(Goal(5), io.StringIO()), PlainDisplay)
    assert isinstance(progress.display(Goal(5), Terminal()), BarDisplay)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-:--:--"), (0, "0:00:00"), (3725.9, "1:02:05"), (1e6, "277:46:40")],
)
def test_a_clock_counts_hours_on(seconds: float | None, words: str) -> None:
    assert clock(seconds) == words
