"""What every board can do, and what some boards can do besides.

Rules     optional abilities are protocols of their own: discovered with isinstance, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


class Console(Protocol):
    """The serial line, from power-on."""

    def read(self) -> bytes:
        """Blocks for the next bytes; empty when the line is gone for good."""

    def write(self, data: bytes) -> None:
        """Types at the console. Raises RigError when the line is gone."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service of the board is reached from this host."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Board(Protocol):
    """One board. power_on, then go; power_off may be called at any time, any number of times."""

    @property
    def name(self) -> str: ...

    @property
    def console(self) -> Console: ...

    def power_on(self) -> None:
        """Ready to run but halted, so that the console can be attached before the first byte."""

    def go(self) -> None:
        """Runs the first instruction."""

    def power_off(self) -> None: ...

    def address(self, port: int) -> Address: ...

    def gone(self) -> str:
        """Empty while the board is there; else what became of it, for people."""


@runtime_checkable
class Inspectable(Protocol):
    """A board whose processor can be looked at while it hangs."""

    def program_counter(self) -> int:
        """Where the processor is. Raises RigError when the emulator cannot say."""


@runtime_checkable
class Debuggable(Protocol):
    """A board with a gdb server, by which it can be halted and its memory read."""

    def debugger(self) -> str:
        """A Unix socket's path, or HOST:PORT; empty when there is none just now."""


@runtime_checkable
class Resettable(Protocol):
    """A board whose reset line can be pulled: it boots anew, and its memory keeps its content."""

    def reset(self) -> None:
        """Raises RigError when it cannot be had."""


@dataclass(frozen=True, slots=True)
class HostLoad:
    """`delayed_s` only grows: seconds for which the board was runnable but was not run."""

    delayed_s: float
    stopped: bool


@runtime_checkable
class Eventful(Protocol):
    """A board whose rig side has a story of its own, such as a serial line that went and came."""

    def happenings(self) -> list[str]:
        """What happened since the last call, for people."""


@runtime_checkable
class Observable(Protocol):
    """A board that shares the host's processors and so can be starved by them."""

    def host_load(self) -> HostLoad: ...
