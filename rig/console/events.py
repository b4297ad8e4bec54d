"""What the watch is told, as frozen data that can be written to events.jsonl and read back.

Time      `at` is seconds since power-on by the host's monotonic clock. Only Tick.observed moves the
          watch's own clock: the seconds for which the board could really have been seen running.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from rig.verdict import Cause


@dataclass(frozen=True, slots=True)
class PowerOn:
    """The board begins anew, and so does the watch."""

    at: float
    kind: Literal["power-on"] = "power-on"


@dataclass(frozen=True, slots=True)
class Line:
    """A complete console line."""

    at: float
    text: str
    kind: Literal["line"] = "line"


@dataclass(frozen=True, slots=True)
class Prompt:
    at: float
    kind: Literal["prompt"] = "prompt"


@dataclass(frozen=True, slots=True)
class Tick:
    """`observed` of the `wall` seconds since the last tick the board could be seen running.

    `stopped`: the emulator was held by a signal or a debugger, so silence proves nothing.
    """

    at: float
    wall: float
    observed: float
    stopped: bool = False
    kind: Literal["tick"] = "tick"


@dataclass(frozen=True, slots=True)
class ProbeSent:
    """An empty line was typed at the console."""

    at: float
    kind: Literal["probe"] = "probe"


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found out about a silent board. `trouble` is the rig's own failure to find out.

    `thread` had the processor; `findings` are what its memory shows: a ring of waits, a lock whose
    owner sleeps.
    """

    at: float
    where: str = ""
    trouble: str = ""
    function: str = ""
    thread: str = ""
    findings: tuple[str, ...] = ()
    kind: Literal["inspected"] = "inspected"


@dataclass(frozen=True, slots=True)
class Looked:
    """What the memory of a board shows that is alive and does not go on with a transfer: the worker
    that does not do what its equals do. Empty when nobody could look, or nothing stands out.
    """

    at: float
    thread: str = ""
    function: str = ""
    detail: str = ""
    kind: Literal["looked"] = "looked"


@dataclass(frozen=True, slots=True)
class Symptom:
    """A transfer went wrong."""

    at: float
    cause: Cause
    detail: str
    kind: Literal["symptom"] = "symptom"


@dataclass(frozen=True, slots=True)
class TrafficEnded:
    """No more will be asked of the board: is it well?"""

    at: float
    kind: Literal["traffic-ended"] = "traffic-ended"


@dataclass(frozen=True, slots=True)
class RigTrouble:
    """The rig or the host failed: no word about the board."""

    at: float
    detail: str
    kind: Literal["rig"] = "rig"


@dataclass(frozen=True, slots=True)
class RigNote:
    """Something of the rig's own that judges nobody: a serial line that went and came back."""

    at: float
    detail: str
    kind: Literal["rig-note"] = "rig-note"


Event = (
    PowerOn
    | Line
    | Prompt
    | Tick
    | ProbeSent
    | Inspected
    | Looked
    | Symptom
    | TrafficEnded
    | RigTrouble
    | RigNote
)

_READER: TypeAdapter[Event] = TypeAdapter(Event)


def to_json(event: Event) -> dict[str, Any]:
    return asdict(event)


def from_json(line: str | bytes) -> Event | None:
    """None for a line that is no event (torn by a crash, or of a newer rig)."""
    try:
        return _READER.validate_json(line)
    except ValidationError:
        return None
