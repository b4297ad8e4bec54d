"""Scenarios in the simulator: the same functions, with a guest that lives in virtual time.

Context   the world belongs to the thread that calls play(). Each visit has a thread of its own, but
          only one of all runs at any time: it hands what it wants of the world to the first, waits,
          and goes on when that has been done. So a run follows from its seed.
Time      virtual. A day of silence takes as long as its heartbeats.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import pytest

from kyusim import Endpoint, FatePlan, Fates, World, ms, native, s
from kyusim.errors import FirmwarePanic
from kyusim.world import Board, Task
from rig.errors import RigError, told
from rig.report.text import escaped
from rig.scenario import NEEDS, Air, Station, dice
from rig.sim.visitor import Visitor, Wish
from rig.traffic.failure import GivenUpError, TransferError
from rig.traffic.request import BIG_BYTES, Request, Result
from rig.traffic.visit import Visit
from rig.verdict import Cause
from rig.wire.faults import FaultPlan, Lane, Phase
from rig.wire.protocol import SERVICES

T = TypeVar("T")
#: A visit and its number in the run; the visit's own is that of its scenario.
Numbered = tuple[int, Visit]
BOOT_US = 1 * s
#: How long a frame is under way on a wire that delays nothing.
LIGHT_US = 50
#: What does not come about in so long never will: TCP gives up sooner.
PATIENCE_US = 1200 * s
SLICE_MIN_US, SLICE_MAX_US = 1 * ms, 1 * s
PIECE = 16 * 1024
#: Ports that guests listen at, one a visit: below those that the stack gives out itself. A long
#: night has more visits than ports, but those of one time are far fewer.
DOOR_FIRST, DOORS = 20_000, 49_152 - 20_000
ME = Station("10.0.0.200", bytes.fromhex("020000000200"))


def play(visits: Sequence[Visit], parallel: int, plan: FaultPlan | None, seed: int) -> list[Result]:
    """All visits; fails the test when the board panics."""
    stage, results = SimStage(plan, seed), []  # type: ignore[var-annotated]
    try:
        stage.play([(visit.number, visit) for visit in visits], parallel, results.append)
        return sorted(results, key=lambda result: result.number)
    except FirmwarePanic as panic:
        pytest.fail(f"FAILED (panic): {escaped(str(panic))}", pytrace=False)
    finally:
        stage.end()


class SimStage:
    """A board, a client, and a wire whose weather follows a plan from the board's boot on."""

    def __init__(self, plan: FaultPlan | None, seed: int) -> None:
        self.world = World(seed)
        self.board: Board = self.world.board("board")
        self.client: Board = self.world.board("client")
        self.end_point: Endpoint | None = None  # where storms come from: on a wire without a plan
        self.storms: list[_Storm] = []
        self.visitors = 1
        self._visitors: list[Visitor] = []
        self._phases: list[Phase] = []
        if plan is None:
            self.end_point = self.world.endpoint("storm")
            self.world.run_for(BOOT_US)
        else:
            light = FatePlan(delay_us=LIGHT_US)
            self.world.wire(self.board, self.client, light, light)
            self.world.run_for(BOOT_US)
            self._begin(plan, seed)

    def _begin(self, plan: FaultPlan, seed: int) -> None:
        self._seed = seed if plan.seed is None else plan.seed
        self._began_us = self.world.now_us
        self._phases = list(plan.phases)
        self._weather()

    def _weather(self) -> None:
        """The phase whose time has come: drawn as the real wire draws it (rig/wire/bridged.py)."""
        while self._phases and self._phases[0].after <= self.world.now_us - self._began_us:
            phase = self._phases.pop(0)
            for to, lane, salt in (
                (self.board, phase.to_board, 0),
                (self.client, phase.to_host, 1),
            ):
                drawn = Fates.from_seed(self._fates(lane), (self._seed * 2 + salt) % (1 << 63))
                self.world.change_fates(to, drawn)

    def _fates(self, lane: Lane) -> FatePlan:
        """As the real wire has it, but that light takes its time: no frame is everywhere at once.

        A flap is counted from the plan's beginning.
        """
        began = self._began_us
        flaps = [(began + down, began + up) for down, up in lane.flaps]
        moved = {"delay_us": lane.delay or LIGHT_US, "flaps": flaps}
        return FatePlan(**{**lane.fate_plan(), **moved})

    # The world's thread

    def play(
        self, visits: Sequence[Numbered], parallel: int, emit: Callable[[Result], None]
    ) -> None:
        """Once more is possible: the board goes on living. Raises FirmwarePanic and RigError."""
        left, self.visitors = iter(visits), parallel
        self._visitors = [
            Visitor(lambda me: self._all_visits(me, left, emit))
            for _ in range(min(parallel, len(visits)))
        ]
        for one in self._visitors:
            one.start()
        slice_us = SLICE_MIN_US
        self._check()
        while not all(one.over for one in self._visitors):
            moved = [self._serve(one) for one in self._visitors if one.wish is not None]
            slice_us = SLICE_MIN_US if any(moved) or self.storms else 2 * slice_us
            self._check()
            if not any(moved):
                self._advance(min(slice_us // 2, SLICE_MAX_US))

    def end(self) -> None:
        """Whoever still waits gives up: threads must not outlive their test."""
        for one in self._visitors:
            one.give_up()

    def _check(self) -> None:
        """A visit that ends by a mistake of the rig says so: nobody waits for it for ever."""
        for one in self._visitors:
            if isinstance(one.mistake, RigError):
                raise one.mistake
            if one.mistake is not None:
                raise RigError(f"a visit's thread has died: {told(one.mistake)}") from one.mistake

    def _serve(self, one: Visitor) -> bool:
        wish = one.wish
        assert wish is not None
        if wish.at_us <= self.world.now_us if wish.at_us else wish.until():
            try:
                found = wish.work()
            except FirmwarePanic:
                raise
            except Exception as error:
                wrong = error  # `error` is gone when the visitor reads it
                one.answer(wish, lambda future: future.set_exception(wrong))
            else:
                one.answer(wish, lambda future: future.set_result(found))
            return True
        if not wish.at_us and self.world.now_us - wish.asked_us > wish.patience_us:
            late = TransferError(Cause.STALL, f"nothing for {wish.patience_us // s} s")
            one.answer(wish, lambda future: future.set_exception(late))
            return True
        return False

    def _advance(self, duration_us: int) -> None:
        """So long, or, when all only wait for their time, until the first has come."""
        wishes = [one.wish for one in self._visitors if one.wish is not None]
        if not self.storms and all(wish.at_us for wish in wishes):
            duration_us = min(wish.at_us for wish in wishes) - self.world.now_us
        if self._phases:
            changes_us = self._began_us + self._phases[0].after - self.world.now_us
            duration_us = max(1, min(duration_us, changes_us))
        end = self.end_point
        for storm in self.storms:
            assert end is not None, "asked before: SimGuest.storm()"
            self.world.inject_many(end, storm.next(duration_us), 1, 0)
        self.world.run_for(duration_us)
        self._weather()
        if end is not None:
            end.receive()  # it hears every frame, storm or not, and keeps what nobody takes

    # A visitor's thread

    def _all_visits(
        self, me: Visitor, left: Iterator[Numbered], emit: Callable[[Result], None]
    ) -> None:
        for number, visit in left:
            begun, guest = self.world.now_us, SimGuest(self, me, visit)
            cause, detail, abandoned = None, "", False
            try:
                visit.play(guest)
                guest.leave()
            except TransferError as failure:
                cause, detail = failure.cause, failure.detail
            except GivenUpError as given_up:
                detail, abandoned = str(given_up), True
            except RigError as fault:
                cause, detail = Cause.RIG, str(fault)
            took_ms = (self.world.now_us - begun) / 1000
            emit(Result(number, begun / s, took_ms, guest.bytes, cause, detail, visit, abandoned))
            if cause is not None or abandoned:
                return


@dataclass(slots=True)
class _Storm:
    frames: Sequence[bytes]
    per_s: int
    at: int = 0
    owed: float = 0.0

    def next(self, duration_us: int) -> list[bytes]:
        self.owed += self.per_s * duration_us / s
        count, self.owed = int(self.owed), self.owed % 1
        made = [self.frames[(self.at + n) % len(self.frames)] for n in range(count)]
        self.at += count
        return made


class SimLine:
    """A program of the client's that is told step by step what to do."""

    def __init__(self, guest: SimGuest, steps: Sequence[tuple[Any, ...]]) -> None:
        self._guest = guest
        self._count = len(steps)
        self._closed = False
        self._task: Task = guest.do(lambda: guest.stage.client.program(steps, stays=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self.step("send", data)

    def read(self, count: int) -> bytes:
        return self.step("recv", count)

    def read_all(self) -> bytes:
        return self.step("recv_all")

    def half_close(self) -> None:
        self.step("shutdown")

    def close(self) -> None:
        self._end("close")

    def reset(self) -> None:
        self._end("abort")

    def _end(self, how: str) -> None:
        if not self._closed and not self._task.done:
            self._closed = True
            self.step(how)
            self._guest.do(self._task.end)

    def step(self, *words: Any) -> bytes:
        """One step to its end; what it has received. Raises TransferError."""
        guest, task = self._guest, self._task
        guest.do(lambda: task.then(words))
        return self.wait(1)

    def wait(self, more: int = 0) -> bytes:
        guest, task = self._guest, self._task
        self._count += more
        taken = guest.do(task.take, lambda: task.done or task.step >= self._count)
        guest.bytes += len(taken)
        if task.error:
            raise TransferError(_cause(task.error), task.error)
        return taken


def _cause(error: str) -> Cause:
    if "refused" in error:
        return Cause.REFUSED
    return Cause.CONNECT_TIMEOUT if error.startswith("connect") else Cause.RESET


class SimDoor:
    def __init__(self, guest: SimGuest, port: int) -> None:
        self.host, self.port = guest.stage.client.ip, port
        self._line = SimLine(guest, [("listen", port)])
        self._line.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def accept(self) -> SimLine:
        self._line.step("accept")
        return self._line


class SimGuest:
    """Satisfies rig.scenario.Guest."""

    quick, virtual = True, True

    def __init__(self, stage: SimStage, me: Visitor, visit: Visit) -> None:
        self.number, self.seed = visit.number, visit.seed
        self.dice: random.Random = dice(visit.number, visit.seed)
        self.stage, self.visitors = stage, stage.visitors
        self.bytes = 0
        self._me = me
        self._lines: list[SimLine] = []

    def do(
        self,
        work: Callable[[], T],
        until: Callable[[], bool] = lambda: True,
        patience_us: int = PATIENCE_US,
    ) -> T:
        """On the world's thread, once `until` holds."""
        wish = Wish(until, work, patience_us, self.stage.world.now_us)
        found: T = self._me.ask(wish)
        return found

    def leave(self) -> None:
        """What a visit leaves open is closed when the visit ends."""
        for line in self._lines:
            line.close()

    # Transfers

    def transfer(self, request: Request) -> None:
        line = self.connect("wangdoodle")
        if request.goes_away and request.stop_at == 0:
            return self._go(line, request)
        line.send(request.command)
        if request.half_close:
            line.half_close()
        size = min(request.size, request.stop_at) if request.goes_away else request.size
        if request.kind == "sink":
            for at in range(0, size, 1 << 18):
                line.send(native.gen_stream(request.seed, at, min(1 << 18, size - at)))
        else:
            self._receive(line, request, size)
        if request.goes_away:
            return self._go(line, request)
        wanted = f"OK {request.size}\n" if request.kind == "sink" else ""
        said = line.read(len(wanted) or 1).decode("ascii", "replace")
        if said != wanted:
            raise TransferError(Cause.TRUNCATED, f"{request}: at its end came {said[:60]!r}")
        return line.close()

    def _receive(self, line: SimLine, request: Request, size: int) -> None:
        at = 0
        while at < size:
            want = min(PIECE if request.manner == "slow" else BIG_BYTES, size - at)
            if request.manner == "slow":
                self.pause(0.005)
            came = line.read(want)
            wrong = native.first_difference(came, self._expected(request, at, len(came)))
            if wrong >= 0:
                raise TransferError(Cause.CORRUPTION, f"{request}: byte {at + wrong} is wrong")
            if len(came) < want:
                raise TransferError(Cause.TRUNCATED, f"{request}: {at + len(came)} of {size} bytes")
            at += len(came)

    @staticmethod
    def _expected(request: Request, at: int, length: int) -> bytes:
        if request.kind == "big":
            return native.big_pattern()[at : at + length]
        return native.gen_stream(request.seed, at, length)

    @staticmethod
    def _go(line: SimLine, request: Request) -> None:
        if request.manner == "reset":
            line.reset()
        else:
            line.close()

    def big(self) -> None:
        self.transfer(Request())

    def gen(self, size: int, chunk: int = 0) -> None:
        self.transfer(Request("gen", size, self.dice.getrandbits(31), chunk))

    def sink(self, size: int) -> None:
        self.transfer(Request("sink", size, self.dice.getrandbits(31)))

    def stream(self, seed: int, size: int) -> bytes:
        return native.gen_stream(seed, 0, size)

    def pattern(self) -> bytes:
        return native.big_pattern()

    # Lines

    def connect(self, service: str | int, *, window: int = 0, patience: float = 0.0) -> SimLine:
        """The client is a board too: its window is what it is. Everybody here is patient."""
        del window, patience
        port = SERVICES[service] if isinstance(service, str) else service
        line = SimLine(self, [("connect", self.stage.board.ip, port)])
        self._lines.append(line)
        line.wait()
        return line

    def listen(self) -> SimDoor:
        return SimDoor(self, DOOR_FIRST + self.number % DOORS)

    # The world

    def pause(self, seconds: float, *, quick: float | None = None) -> None:
        """In full: time costs nothing."""
        del quick
        now = self.stage.world.now_us
        self._me.ask(Wish(lambda: False, lambda: None, 0, now, now + int(max(0, seconds) * s)))

    def type(self, command: str) -> None:
        self.do(lambda: self.stage.board.type(command + "\r"))

    def air(self) -> Air:
        board = self.stage.board
        return Air(board.ip, board.mac, ME)

    @contextlib.contextmanager
    def storm(self, frames: Sequence[bytes], per_s: int = 1000) -> Iterator[None]:
        if self.stage.end_point is None:
            raise RigError("a simulated wire with weather has no third end for a storm")
        storm = _Storm(frames, per_s)
        self.do(lambda: self.stage.storms.append(storm))
        try:
            yield
        finally:
            self.do(lambda: self.stage.storms.remove(storm))

    def reset_board(self) -> None:
        raise RigError(f"the scenario needs {NEEDS['reset']}")
