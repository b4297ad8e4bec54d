"""Case, Shot, Story: what a table of hostile input is made of.

Rules     A shot is frames and the one thing that must happen; it can be repeated, cut and mutated
          by whoever plays it. A story is a conversation that does not fit this form: it makes its
          own statements. Both leave every connection of theirs closed behind them.
          `case N` is the number in the list of cases; from 101 on they are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from rig.hostile.stage import MS, Conn, Stage

if TYPE_CHECKING:
    from rig.hostile.sim_stage import SimStage

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
    wire: bool = True  # makes sense on the board's wire too


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation in the simulator."""

    name: str
    play: Callable[[SimStage], None]
    times: int = 20  # repetitions; 0 for what is a flood by itself
    cuts: Sequence[int] = (*range(1, 67), -1)  # where received frames are cut
    busy: bool = True  # also beside a transfer


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
