"""How a run shows itself while it goes on: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from rig.report.statistics import percentile
from rig.report.summary import Tally
from rig.report.text import line, several

PLAIN_EVERY_S = 10.0
#: Of so many transfers the percentiles are that a terminal shows, and so many console lines.
RECENT, TAIL = 1000, 3
#: Columns from which on rate and percentiles share a row.
NARROW = 60


@dataclass(frozen=True, slots=True)
class BoardNow:
    """How the board is, in a few words, and the last lines that it said; `well`: no cause for
    alarm.
    """

    state: str
    tail: Sequence[str] = ()
    well: bool = True


class Display(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def note(self, text: str) -> None:
        """At once, a line or several. A board may have chosen the words."""

    def update(self, tally: Tally, *, last: bool = False, now: bool = False) -> None:
        """Often; shows what changed when it is time to, or `now`. `last`: how the run ended."""

    def see(self, board: Callable[[], BoardNow]) -> None:
        """Whom to ask how the board is."""


@dataclass(frozen=True, slots=True)
class Goal:
    """When a run is over: after so many transfers, or so many seconds; both None: never."""

    transfers: int | None = None
    seconds: float | None = None


class _Pace:
    """How fast it goes, since the last look, and how long it will take."""

    def __init__(self, goal: Goal, now: Callable[[], float]) -> None:
        self.goal = goal
        self.now = now
        self.began = self._at = now()
        self._first: tuple[float, int] | None = None
        self._ok = 0
        self._bytes = 0
        self.rate = ""
        self.left: float | None = None

    def look(self, tally: Tally) -> None:
        """The first look comes when the board is ready: what was before is no traffic."""
        now = self.now()
        if self._first is None:
            self._first = now, tally.attempted
        else:
            gone = max(now - self._at, 1e-9)
            per_s, bytes_per_s = (tally.ok - self._ok) / gone, (tally.bytes_ok - self._bytes) / gone
            self.rate = f"{per_s:,.1f}/s, {bytes_per_s / 1e6:.1f} MB/s"
        self._at, self._ok, self._bytes = now, tally.ok, tally.bytes_ok
        self.left = self._left(now, *self._first, tally.attempted)

    def _left(self, now: float, since: float, before: int, attempted: int) -> float | None:
        if self.goal.seconds is not None:
            return max(0.0, self.goal.seconds - (now - self.began))
        if self.goal.transfers is None or attempted <= before:
            return None
        return max(0, self.goal.transfers - attempted) * (now - since) / (attempted - before)

    @property
    def begun(self) -> bool:
        return self._first is not None

    @property
    def share(self) -> float | None:
        """Of the time that a run by the clock has; None for others."""
        if self.goal.transfers is not None or not self.goal.seconds:
            return None
        return min(1.0, (self._at - self.began) / self.goal.seconds)


def clock(seconds: float | None) -> str:
    """Hours, minutes, seconds."""
    if seconds is None:
        return "-:--:--"
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _failures(tally: Tally) -> str:
    """How many, and of what."""
    causes = ", ".join(f"{line(cause)} {count}" for cause, count in tally.failures.items())
    bad = sum(tally.failures.values())
    return f"{bad} failed: {causes}" if bad else "0 failed"


def _times(tally: Tally) -> str:
    recent = sorted(tally.times.last(RECENT))
    if not recent:
        return "no good transfer yet"
    p50, p99 = percentile(recent, 0.50), percentile(recent, 0.99)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


class QuietDisplay:
    """Says nothing: the verdict follows."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def update(self, tally: Tally, *, last: bool = False, now: bool = False) -> None:
        pass

    def see(self, board: Callable[[], BoardNow]) -> None:
        pass


class PlainDisplay:
    def __init__(self, out: TextIO, goal: Goal = Goal(), every_s: float = PLAIN_EVERY_S) -> None:
        self._out = out
        self._every_s = every_s
        self._due = time.monotonic() + every_s
        self._pace = _Pace(goal, time.monotonic)
        self._board: Callable[[], BoardNow] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        print(several(text), file=self._out, flush=True)

    def update(self, tally: Tally, *, last: bool = False, now: bool = False) -> None:
        if last:
            return  # the summary that follows says the rest
        if not self._pace.begun:
            self._pace.look(tally)
        if not now and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every_s
        self._pace.look(tally)
        pace, goal = self._pace, self._pace.goal.transfers
        parts = [
            clock(time.monotonic() - pace.began),
            f"{tally.ok}{f'/{goal}' if goal is not None else ''} good",
            _failures(tally),
            *([pace.rate] if pace.rate else []),
            _times(tally),
            *([f"board {line(self._board().state)}"] if self._board else []),
            *([f"left {clock(pace.left)}"] if pace.left is not None else []),
        ]
        self.note("  ".join(parts))

    def see(self, board: Callable[[], BoardNow]) -> None:
        self._board = board


class BarDisplay:
    """A bar with its time left, two lines of figures, the board's state, and its last lines."""

    def __init__(
        self,
        out: TextIO,
        goal: Goal = Goal(),
        console: Console | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`console` and `now`: for those who make a picture of it."""
        self._console = console or Console(file=out, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[done]}"),
            TextColumn("{task.fields[clock]}"),
            console=self._console,
            expand=True,
        )
        self._pace = _Pace(goal, now)
        endless = goal.transfers is None and goal.seconds is None
        total = None if endless else 1.0
        self._task = self._bar.add_task("soak", total=total, done="boots", clock="")
        self._live = Live(self._bar, console=self._console, refresh_per_second=4)
        self._board: Callable[[], BoardNow] | None = None
        self._due = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self._bar, refresh=True)
        self._live.stop()

    def note(self, text: str) -> None:
        self._console.print(several(text), markup=False, soft_wrap=True)

    def see(self, board: Callable[[], BoardNow]) -> None:
        self._board = board

    def update(self, tally: Tally, *, last: bool = False, now: bool = False) -> None:
        if not (last or now) and self._pace.now() < self._due:
            return
        self._due = self._pace.now() + 1.0
        pace, goal = self._pace, self._pace.goal.transfers
        pace.look(tally)
        done, share = f"{tally.attempted:,}", pace.share
        if goal is not None:
            done, share = f"{done}/{goal:,}", tally.attempted / goal
        told = clock(pace.now() - pace.began)
        if not last:
            told += f" left {clock(pace.left)}"
        self._bar.update(self._task, completed=share or 0.0, done=done, clock=told)
        self._live.update(self.picture(tally))

    def picture(self, tally: Tally) -> Group:
        return Group(self._bar, *self._lines(tally))

    def _lines(self, tally: Tally) -> Iterator[Text]:
        """Whatever a board said is text here, and neither markup nor a command to a terminal."""
        bad = bool(tally.failures)
        figures = [one for one in (self._pace.rate, _times(tally)) if one]
        narrow = self._console.width < NARROW
        yield from map(_cut, figures if narrow else [", ".join(figures)])
        yield _cut(_failures(tally), "bold red" if bad else "")
        if self._board is None:
            return
        now = self._board()
        yield _cut(f"board {line(now.state)}", "" if now.well else "yellow")
        for said in now.tail[-TAIL:]:
            yield _cut(f"│ {line(said)}", "dim")


def _cut(text: str, style: str = "") -> Text:
    """One row of the terminal, however narrow that is."""
    return Text(f"     {text}", style=style, no_wrap=True, overflow="ellipsis")


def display(goal: Goal, out: TextIO | None = None, *, quiet: bool = False) -> Display:
    """A bar when `out` (default: standard output) is a terminal, else plain lines."""
    if quiet:
        return QuietDisplay()
    stream = out if out is not None else sys.stdout
    return BarDisplay(stream, goal) if stream.isatty() else PlainDisplay(stream, goal)
