"""Host time, and how much of it the board could be seen running.

Context   now() from any thread; tick() from the thread that drives the board.
Time      seconds since power-on. A tick's observed time leaves out what the host kept from the rig
          (a late tick) and from the emulator (runnable but not run, or stopped).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from rig.board.protocol import Board, HostLoad, Observable
from rig.console.events import Tick

#: A tick that comes later than this was late because the host was: the excess is not observed.
LATE_TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """What a tick is computed from."""

    at: float
    load: HostLoad


def tick_between(before: Sample, after: Sample) -> Tick:
    """Pure: the tick that leads from one sample to the next."""
    wall = max(0.0, after.at - before.at)
    delayed = max(0.0, after.load.delayed_s - before.load.delayed_s)
    observed = 0.0 if after.load.stopped else max(0.0, min(wall, LATE_TICK_S) - delayed)
    return Tick(after.at, wall, observed, after.load.stopped)


class Clock:
    def __init__(self) -> None:
        self._start = time.monotonic()
        self._last = Sample(0.0, HostLoad(0.0, stopped=False))

    def now(self) -> float:
        return time.monotonic() - self._start

    def restart(self, board: Board) -> None:
        """Power-on: time begins anew."""
        self._start = time.monotonic()
        self._last = Sample(0.0, _load(board))

    def pass_over(self, board: Board) -> None:
        """Nobody has looked since the last tick, and nobody was kept from it."""
        self._last = Sample(self.now(), _load(board))

    def tick(self, board: Board) -> Tick:
        sample = Sample(self.now(), _load(board))
        tick = tick_between(self._last, sample)
        self._last = sample
        return tick


def _load(board: Board) -> HostLoad:
    return board.host_load() if isinstance(board, Observable) else HostLoad(0.0, stopped=False)
