"""A scenario is one pytest function that takes `guest`: `kyu soak` runs it too, again and again.

    def test_the_echo_is_right(guest: Guest) -> None:
        '''The echo service says what it hears.'''
        with guest.connect("echo") as line:
            line.send(b"hello")
            assert line.read(5) == b"hello"

    pytest test_mine.py                                     a few visits, on the board of --board
    kyu soak test_mine.py::test_the_echo_is_right           two hundred, or as many as you say

Rules     what a visit does depends on `guest.number` and `guest.seed` alone, so that a run can be
          repeated and resumed: whatever is random comes from `guest.dice`.
          The same function runs against the emulated board, from a thread of its own, and in the
          simulator, in virtual time: it touches the board through its guest only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from rig.traffic.request import Request

#: What a scenario may need of a board and its wire beyond TCP, and what that is, for people.
NEEDS = {
    "console": "a serial line to type at",
    "connect-out": "a wire by which the board reaches this host (a TAP)",
    "raw": "raw frames on the board's wire (a TAP)",
    "faults": "a wire that can do harm (a TAP)",
    "reset": "a reset line",
    "gdb": "a gdb server",
    "emulator": "QEMU itself",
    "real-time": "a board that runs in real time, reached by this host's own sockets",
}
#: What a simulated board has: no host's sockets, no debugger, and time of its own.
SIMULATED = frozenset({"console", "connect-out", "raw", "faults"})
#: A scenario's visits under pytest, unless it says otherwise.
VISITS = 5


@dataclass(frozen=True, slots=True)
class Station:
    """A host on the board's wire that nobody else is."""

    ip: str
    mac: bytes


@dataclass(frozen=True, slots=True)
class Air:
    """Who is who in raw frames: the board, and the station that sends them."""

    ip: str
    mac: bytes
    me: Station


class Line(Protocol):
    """A connection to a service of the board."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def send(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes:
        """`count` bytes, or fewer when the board has closed."""

    def read_all(self) -> bytes:
        """Until the board closes."""

    def half_close(self) -> None:
        """No more will be sent; reading goes on."""

    def close(self) -> None: ...
    def reset(self) -> None: ...


class Door(Protocol):
    """Where the board can connect to."""

    host: str
    port: int

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def accept(self) -> Line: ...


class Guest(Protocol):
    """Who visits the board: one visit is one call of a scenario."""

    number: int  # of the visit, from 1
    seed: int
    dice: random.Random  # of the number and the seed
    quick: bool  # under pytest: what takes minutes by its nature is cut short
    virtual: bool  # in the simulator: time costs nothing
    visitors: int  # who visit at the same time, this one among them

    def transfer(self, request: Request) -> None:
        """One transfer by wangdoodle, every byte compared."""

    def big(self) -> None:
        """200,000 bytes in the known pattern."""

    def gen(self, size: int, chunk: int = 0) -> None:
        """A seeded stream, written by the board in such chunks."""

    def sink(self, size: int) -> None:
        """The same the other way: the board compares."""

    def stream(self, seed: int, size: int) -> bytes:
        """What `gen SEED SIZE` sends."""

    def pattern(self) -> bytes:
        """What `big` sends."""

    def connect(self, service: str | int, *, window: int = 0, patience: float = 0.0) -> Line:
        """`service`: a name (rig/wire/protocol.py) or a port. `window`: of our receive buffer.
        `patience`: for how long, in seconds, nothing may come; 0: as for a transfer."""

    def pause(self, seconds: float, *, quick: float | None = None) -> None:
        """Nothing happens for so long; under pytest only `quick`, if given; never cut short in
        virtual time."""

    def type(self, command: str) -> None:
        """At the board's shell. Needs "console"."""

    def listen(self) -> Door:
        """Needs "connect-out"."""

    def air(self) -> Air:
        """Needs "raw"."""

    def storm(self, frames: Sequence[bytes], per_s: int = 1000) -> AbstractContextManager[object]:
        """These frames, round and round, beside whatever the block does. Needs "raw"."""

    def reset_board(self) -> None:
        """Pulls the reset line, and waits until the board serves again. Needs "reset".

        What others have under way is given up and asked for again: it fails nobody.
        """


Body = Callable[[Guest], None]
F = TypeVar("F", bound=Body)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a scenario is run unless the command line says otherwise."""

    transfers: int = 200
    parallel: int = 1
    faults: str = ""  # what its wire does (docs/faults.md)
    hours: float | None = None  # instead of a number of transfers
    needs: tuple[str, ...] = ()
    visits: int = VISITS  # under pytest
    name: str = ""  # default: the function's, without test_, with dashes


def scenario(
    *,
    transfers: int = 200,
    parallel: int = 1,
    faults: str = "",
    hours: float | None = None,
    needs: Sequence[str] = (),
    visits: int = VISITS,
    name: str = "",
) -> Callable[[F], F]:
    """Terms for the function below; without it the defaults hold.

    ValueError: no such need, or terms by which nothing would be run, or without end.
    """
    counts = {"transfers": transfers, "parallel": parallel, "visits": visits}
    for term, count in counts.items():
        if count < 1:
            raise ValueError(f"{term}={count}: a scenario that never runs proves nothing")
    if hours is not None and not 0 < hours < math.inf:
        raise ValueError(f"hours={hours} is no time to count with")
    for need in needs:
        if need not in NEEDS:
            raise ValueError(f"no scenario needs {need!r}; there are {', '.join(NEEDS)}")
    wants = (*needs, "faults") if faults and "faults" not in needs else tuple(needs)
    terms = Terms(transfers, parallel, faults, hours, wants, visits, name)

    def decorate(function: F) -> F:
        function.kyu_terms = terms  # type: ignore[attr-defined]
        return function

    return decorate


def terms_of(function: Body) -> Terms:
    found = getattr(function, "kyu_terms", None)
    return found if isinstance(found, Terms) else Terms()


def name_of(function: Body) -> str:
    own: str = function.__name__
    return terms_of(function).name or own.removeprefix("test_").replace("_", "-")


def what(function: Body) -> str:
    """Its line in `kyu scenarios`: the first of its docstring."""
    lines = (function.__doc__ or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else "not described"


def dice(number: int, seed: int) -> random.Random:
    return random.Random(f"{seed}:{number}")
