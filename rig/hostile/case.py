"""Case, Shot, Story: what a table of hostile input is made of.

Rules     A case is played in the simulator and, unless it says why not (`off_wire`), over the wire
          of the emulated board too; what is `long` there on a board whose clock runs fast.
          A shot is frames and the one thing that must happen; it can be repeated, cut and mutated
          by whoever plays it. A story is a conversation that does not fit this form: it makes its
          own statements. Both leave every connection of theirs closed behind them.
          `case N` is the number in the list of cases; from 101 on they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from rig.hostile.stage import MS, Conn, Stage

# Why something is not played on the emulated board.
PADDED = "a device pads so short a frame"
NOBODY_TOLD = "what the board's user is told is seen by a program of the simulator only"
NO_LISTENER_CLOSES = "no service of the board ever closes its listener"
NO_MEMBER = "no service of the board joins a group"
CLOCK = "it counts by the second, and the wire's clock is the host's"
FULL = "it leaves a thousand half-open connections for a minute; on a fast clock it is no flood"

#: From a stage and the connection that the shot is aimed at, if it is aimed at one.
Frames: TypeAlias = "Callable[[Stage, Any], Sequence[bytes]]"
Arrange: TypeAlias = "Callable[[Stage], Conn]"
Check: TypeAlias = "Callable[[Stage, Any, Sequence[bytes]], None]"


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames that are sent, and what must happen."""

    name: str
    frames: Frames
    counter: str  # goes up
    answers: tuple[str, ...] = ()  # exactly these, in this order
    count: int | None = None  # by so much; None: once a frame
    at: Arrange | None = None  # what is brought about first
    limit: int | None = None  # answers to 10 000 of them; None: as often as asked
    some: bool = False  # to a sweep: between one and all of the same answer
    check: Check | None = None  # of what came, beyond its form
    times: int = 10_000
    hear_us: int = 100 * MS
    pause_us: int = 1_100 * MS  # before it is played: limits of answers are a second's
    survives: bool = True  # the connection is there afterwards
    long: bool = False  # it, or what it leaves, takes many seconds
    off_wire: str = ""  # why it is not sent to the emulated board


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation. Only one that is `off_wire` may ask for what the simulator alone has."""

    name: str
    play: Callable[[Any], None]  # of a Stage; with `off_wire`, of a SimStage
    times: int = 20  # repetitions; 0 for what is a flood by itself
    cuts: Sequence[int] = (*range(1, 67), -1)  # where received frames are cut
    busy: bool = True  # also beside a transfer
    long: bool = False  # as of a shot
    off_wire: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the list."""

    number: int
    title: str
    must: str
    shots: tuple[Shot, ...] = ()
    stories: tuple[Story, ...] = field(default=())

    @property
    def name(self) -> str:
        return f"case_{self.number:02d}_{'_'.join(self.title.lower().split())}"
