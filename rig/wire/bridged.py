"""A TAP wire whose frames pass through the rig: faults, and a record of the last frames.

Context   open_bridged() early, from the main thread (rig/wire/tap.py); afterwards any thread.
Ownership the bridge's thread (kyusim._wire, without the interpreter's lock) between two descriptors
          that stay open until close(); the weather's thread, when a plan changes with time.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.board.protocol import Address
from rig.errors import RigError
from rig.wire.faults import FaultPlan, Phase
from rig.wire.pcapng import encode
from rig.wire.protocol import MAC
from rig.wire.recorded import DIGITS, Recorded
from rig.wire.tap import TapWire, open_tap

if TYPE_CHECKING:
    from kyusim._wire import Bridge

#: Datagrams that may wait between the bridge and the emulator; the kernel's default is 10.
_QUEUE = 512
_QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")


@dataclass(frozen=True, slots=True)
class Told:
    """What a direction did to its frames so far."""

    frames: int
    delivered: int
    dropped: int
    duplicated: int
    corrupted: int
    truncated: int
    overflowed: int
    refused: int
    own_us_per_frame: float


class BridgedWire(Recorded):
    name = "tap"

    def __init__(self, tap: TapWire, plan: FaultPlan | None, seed: int) -> None:
        super().__init__()
        self._tap = tap
        self.plan = plan
        self.seed = plan.seed if plan is not None and plan.seed is not None else seed
        self.why = tap.why
        with contextlib.suppress(OSError):  # the kernel's default is only slower
            _QUEUE_LENGTH.write_text(str(_QUEUE))
        self._mine, self._emulators = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bridge: Bridge = _native().Bridge(tap.descriptors[0], self._mine.fileno())
        self.begin_recording(self._bridge)
        self._ends = threading.Event()
        self._weather: threading.Thread | None = None

    @property
    def descriptors(self) -> Sequence[int]:
        return (self._emulators.fileno(),)

    def qemu_arguments(self) -> list[str]:
        return ["-nic", f"socket,id=wire,fd={self._emulators.fileno()},mac={MAC}"]

    def boot_arguments(self) -> dict[str, str]:
        return self._tap.boot_arguments()

    def address(self, port: int) -> Address | None:
        return self._tap.address(port)

    def gone(self) -> str:
        return self._tap.gone()

    def begin(self) -> None:
        """The plan's time begins: a board is ready. Once more for each boot: the plan anew."""
        self.calm()
        if self.plan is None:
            return
        self._set(self.plan.phases[0])
        if len(self.plan.phases) > 1:
            self._ends = threading.Event()
            self._weather = threading.Thread(
                target=self._follow, args=(self.plan.phases[1:], self._ends), daemon=True
            )
            self._weather.start()

    def calm(self) -> None:
        """Every frame passes, until begin()."""
        self._ends.set()
        if self._weather is not None:
            self._weather.join()
            self._weather = None
        way = _native().Way
        self._bridge.clear(way.to_board)
        self._bridge.clear(way.to_host)

    def cut(self, *, to_board: bool = False, to_host: bool = False) -> None:
        """While a direction is cut, nothing goes that way."""
        way = _native().Way
        self._bridge.cut(way.to_board, to_board)
        self._bridge.cut(way.to_host, to_host)
        self.mark(f"cut: to_board {to_board}, to_host {to_host}")

    def told(self) -> dict[str, Told]:
        """By direction: to_board, to_host."""
        way = _native().Way
        lanes = {"to_board": way.to_board, "to_host": way.to_host}
        return {name: _told(self._bridge.counters(lane)) for name, lane in lanes.items()}

    def harmed(self) -> int:
        """Frames that were not simply passed on, in both directions."""
        lanes = self.told().values()
        return sum(one.dropped + one.duplicated + one.corrupted + one.truncated for one in lanes)

    def trouble(self) -> str:
        """Why no frame passes any more; empty while they do."""
        return self._bridge.error

    def capture(self) -> bytes:
        """The last frames as a pcapng file."""
        return encode(self.frames(), digits=DIGITS)

    def unbridge(self) -> None:
        """The TAP is its owner's again."""
        self._ends.set()
        if self._weather is not None:
            self._weather.join()
        self.end_recording()
        self._bridge.forget()  # its counters are still asked for, by whoever keeps this wire
        self._mine.close()
        self._emulators.close()

    def close(self) -> None:
        self.unbridge()
        self._tap.close()

    def _set(self, phase: Phase) -> None:
        native = _native()
        for lane, way, salt in (
            (phase.to_board, native.Way.to_board, 0),
            (phase.to_host, native.Way.to_host, 1),
        ):
            if lane.clear:
                self._bridge.clear(way)
            else:
                # Two directions that draw alike would fail together.
                seed = (self.seed * 2 + salt) % (1 << 63)
                self._bridge.set(way, native.FatePlan(**lane.fate_plan()), seed)
        self.mark(f"faults: {FaultPlan(phases=(phase,))}")

    def _follow(self, phases: Sequence[Phase], ends: threading.Event) -> None:
        passed = 0
        for phase in phases:
            if ends.wait((phase.after - passed) / 1_000_000):
                return
            passed = phase.after
            self._set(phase)


def open_bridged(plan: FaultPlan | None, seed: int) -> BridgedWire:
    """Raises NoTapError where there can be no TAP, RigError where the bindings are missing."""
    _native()
    return BridgedWire(open_tap(record=False), plan, seed)


def _told(counters: Any) -> Told:
    each = counters.own_ns / 1000 / counters.frames if counters.frames else 0.0
    return Told(
        counters.frames,
        counters.delivered,
        counters.dropped,
        counters.duplicated,
        counters.corrupted,
        counters.truncated,
        counters.overflowed,
        counters.refused,
        round(each, 2),
    )


def _native() -> Any:
    try:
        from kyusim import _wire
    except ImportError as error:
        raise RigError(f"the wire's native part is missing ({error}); run ci/setup soak") from None
    return _wire
