"""How a run shows itself while it goes on: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rig.report.summary import Tally

PLAIN_EVERY_S = 10.0


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


class BarDisplay:
    def __init__(self, out: TextIO, total: int | None) -> None:
        self._console = Console(file=out, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=self._console,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("soak", total=total, rate="")
        self._rate = _Rate()
        self._due = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def update(self, tally: Tally, *, last: bool = False) -> None:
        if not last and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + 1.0
        self._bar.update(self._task, completed=tally.attempted, rate=self._rate.look(tally))


def display(total: int | None, out: TextIO | None = None, *, quiet: bool = False) -> Display:
    """A bar when `out` (default: standard output) is a terminal, else plain lines."""
    if quiet:
        return QuietDisplay()
    stream = out if out is not None else sys.stdout
    return BarDisplay(stream, total) if stream.isatty() else PlainDisplay(stream, total)
