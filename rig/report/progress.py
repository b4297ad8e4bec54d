"""How a run shows itself while it goes on: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rig.report.statistics import percentile
from rig.report.summary import Tally
from rig.report.text import line

PLAIN_EVERY_S = 10.0
#: Of so many transfers the percentiles are that a terminal shows, and so many console lines.
RECENT, TAIL = 1000, 3


@dataclass(frozen=True, slots=True)
class BoardNow:
    """How the board is, in a few words, and the last lines that it said."""

    state: str
    tail: Sequence[str] = ()


class Display(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def note(self, text: str) -> None:
        """One line, at once."""

    def update(self, tally: Tally, *, last: bool = False) -> None:
        """Often; shows what changed when it is time to. `last`: how the run ended."""

    def see(self, board: Callable[[], BoardNow]) -> None:
        """Whom to ask how the board is."""


class _Rate:
    """Transfers and bytes a second since the last look."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._ok = 0
        self._bytes = 0

    def look(self, tally: Tally) -> str:
        now = time.monotonic()
        gone = max(now - self._at, 1e-9)
        per_s, mb_per_s = (tally.ok - self._ok) / gone, (tally.bytes_ok - self._bytes) / gone / 1e6
        self._at, self._ok, self._bytes = now, tally.ok, tally.bytes_ok
        return f"{per_s:.1f}/s {mb_per_s:.1f} MB/s"


class QuietDisplay:
    """Says nothing: the verdict follows."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def update(self, tally: Tally, *, last: bool = False) -> None:
        pass

    def see(self, board: Callable[[], BoardNow]) -> None:
        pass


class PlainDisplay:
    def __init__(self, out: TextIO, total: int | None, every_s: float = PLAIN_EVERY_S) -> None:
        self._out = out
        self._total = total
        self._every_s = every_s
        self._due = time.monotonic() + every_s
        self._rate = _Rate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    def update(self, tally: Tally, *, last: bool = False) -> None:
        if last or time.monotonic() < self._due:
            return  # the summary that follows says the rest
        self._due = time.monotonic() + self._every_s
        of = f"/{self._total}" if self._total is not None else ""
        failed = sum(tally.failures.values())
        self.note(f"{tally.ok}{of} good, {failed} failed, {self._rate.look(tally)}")

    def see(self, board: Callable[[], BoardNow]) -> None:
        """Plain lines are few: failures come as notes."""


class BarDisplay:
    """A bar with its time left, a line of figures, one of the board's state, and its last lines."""

    def __init__(self, out: TextIO, total: int | None) -> None:
        self._console = Console(file=out, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task("soak", total=total, rate="")
        self._live = Live(self._bar, console=self._console, refresh_per_second=4)
        self._rate = _Rate()
        self._board: Callable[[], BoardNow] | None = None
        self._due = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self._bar, refresh=True)
        self._live.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def see(self, board: Callable[[], BoardNow]) -> None:
        self._board = board

    def update(self, tally: Tally, *, last: bool = False) -> None:
        if not last and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + 1.0
        self._bar.update(self._task, completed=tally.attempted, rate=self._rate.look(tally))
        self._live.update(Group(self._bar, *self._lines(tally)))

    def _lines(self, tally: Tally) -> Iterator[Text]:
        """Whatever a board said is text here, and neither markup nor a command to a terminal."""
        recent = sorted(tally.times.last(RECENT))
        bad = sum(tally.failures.values())
        p50, p99 = percentile(recent, 0.50), percentile(recent, 0.99)
        figures = f"     p50 {p50:.1f} ms  p99 {p99:.1f} ms  {bad} failed"
        yield Text(figures, style="bold red" if bad else "")
        if self._board is None:
            return
        now = self._board()
        yield Text(f"     board {line(now.state)}")
        width = max(20, self._console.width - 8)
        for said in now.tail[-TAIL:]:
            yield Text(f"     │ {line(said)[:width]}", style="dim")


def display(total: int | None, out: TextIO | None = None, *, quiet: bool = False) -> Display:
    """A bar when `out` (default: standard output) is a terminal, else plain lines."""
    if quiet:
        return QuietDisplay()
    stream = out if out is not None else sys.stdout
    return BarDisplay(stream, total) if stream.isatty() else PlainDisplay(stream, total)
