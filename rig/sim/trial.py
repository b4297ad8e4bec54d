"""One run of a plan in a world of its own, and what was seen.

Rules     the same plan gives the same trial. Only `kyusim` is asked; nothing here knows what a
          planted bug does.
Time      virtual; a run ends when all is done, or when nothing has moved for QUIET_US.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kyusim import Fate, FatePlan, Fates, FirmwarePanic, World, _planted, _sim, ms, native, s
from kyusim.errors import NotDone
from kyusim.segment import ip_packet
from kyusim.world import Board, Task
from rig.sim.diagnose import Finding, Observation, ThreadSeen, diagnose
from rig.sim.plan import Plan

#: Nothing has moved for so long: it never will. Longer than TCP's longest pause.
QUIET_US = 150 * s
LOOK_US = 200 * ms
#: TIME_WAIT and whatever else ends by itself.
REST_US = 70 * s
POOLS = ("mbufs", "clusters", "sockets")

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    plan: Plan
    finding: Finding | None
    recorded: Plan  # the same run, with its choices as a list
    at_us: int
    events: int
    hash: int


def run(plan: Plan, log: Log | None = None) -> Trial:
    """Runs `plan` and says what is wrong with it, if anything."""
    try:
        return _Run(plan, log).run()
    finally:
        gc.collect()  # a world and its boards refer to each other, and are large


class _Run:
    def __init__(self, plan: Plan, log: Log | None) -> None:
        self.plan = plan
        self.log = log
        self.world = World(plan.seed, planted=bool(plan.bug))
        self.board = self.world.board("board", mission_bug=plan.bug)
        self.choices: Any = choices_of(plan)
        self.tasks: list[Task] = []
        self.before: dict[str, int] = {}
        self.noted: dict[str, Mapping[str, int]] = {}
        self.at_failure: dict[str, int] = {}

    def run(self) -> Trial:
        try:
            seen = self._noise() if self.plan.noise else self._transfers()
        except FirmwarePanic as panic:
            self._say(panic.text)
            seen = Observation(panic=panic.record)
        finding = diagnose(seen)
        recorded = replace(self.plan, choices=",".join(self.choices.text.split()) or "none")
        world = self.world
        self._say(f"choices: {recorded.choices}")
        return Trial(self.plan, finding, recorded, world.now_us, world.events(), world.hash())

    # ---- Transfers ---------------------------------------------------------------------------

    def _transfers(self) -> Observation:
        plan, world = self.plan, self.world
        client = world.board("client")
        world.wire(self.board, client, _fates(plan, "b"), _fates(plan, "a"))
        self._rest(1 * s)
        self._explore()
        asks = b"gen %d %d %d\nq\n" % (plan.seed, plan.size, plan.chunk)
        for _ in range(plan.clients):
            if plan.chunk == 0:
                self.tasks.append(client.fetch_big(self.board, plan.transfers))
            else:
                steps: list[tuple[str | int | bytes, ...]] = [
                    ("connect", self.board.ip, 114),
                    ("send", asks),
                    ("recv_all",),
                    ("close",),
                ]
                self.tasks.append(client.program(steps * plan.transfers))
        stuck = not self._until_done()
        threads = self._threads() if stuck else ()
        asleep = counters_of(self.board)["senders_asleep_on_empty"] if stuck else 0
        wrong, failed = self._streams()
        hears = self._hears(client) if stuck or failed else True
        seen = Observation(
            stuck=stuck,
            threads=threads,
            hears=hears,
            wrong=wrong,
            failed=failed,
            senders_asleep_on_empty=asleep,
            sockets_at_failure=self.at_failure,
            checksum_drops=counters_of(client)["tcp_dropped_checksum"],
        )
        if diagnose(seen) is None:
            world.native.explore(None)
            self._advance(REST_US)
            seen = replace(seen, leaked=self._leaked())
        return seen

    def _until_done(self) -> bool:
        """False: something will never be done."""
        moved_us, last = self.world.now_us, -1
        while not all(task.done for task in self.tasks):
            waiting = next(task for task in self.tasks if not task.done)
            self._advance(LOOK_US, waiting)
            progress = sum(task.native.bytes for task in self.tasks)
            progress += sum(task.done for task in self.tasks)
            if progress != last:
                moved_us, last = self.world.now_us, progress
            self._look_at_sockets()
            if self.at_failure or self.world.now_us - moved_us > QUIET_US:
                return bool(self.at_failure)
        return True

    def _look_at_sockets(self) -> None:
        now = counters_of(self.board)
        if now["sockets_failed"] and not self.at_failure:
            self.at_failure = {
                "used": now["sockets_used"],
                "total": now["sockets_total"],
                "connections": now["connections_used"],
            }

    def _streams(self) -> tuple[str, str]:
        plan = self.plan
        wrong = failed = ""
        expected = (
            native.gen_stream(plan.seed, 0, plan.size) * plan.transfers if plan.chunk else b""
        )
        for n, task in enumerate(self.tasks):
            if plan.chunk:
                got = task.received
                at = native.first_difference(got, expected[: len(got)])
                if at >= 0:
                    wrong = wrong or f"client {n}: byte {at} is wrong"
                elif task.done and not task.error and len(got) < len(expected):
                    failed = failed or f"client {n}: {len(got)} of {len(expected)} bytes"
            if task.error.startswith(("wrong byte", "more than")):
                wrong = wrong or f"client {n}: {task.error}"
            elif task.error:
                failed = failed or f"client {n}: {task.error}"
        return wrong, failed

    # ---- Noise -------------------------------------------------------------------------------

    def _noise(self) -> Observation:
        plan, world = self.plan, self.world
        peer = world.scripted_peer("noise")
        world.wire(self.board, peer, _fates(plan, "b"), _fates(plan, "a"))
        self._rest(1 * s)
        self._explore()
        frame = _echo(self.board, peer.mac, peer.ip, 0, b"nobody asked for this")
        for n in range(0, plan.noise, plan.burst):
            for _ in range(min(plan.burst, plan.noise - n)):
                peer.send_frame(frame)
            self._advance(1 * ms)
        world.native.explore(None)
        self._advance(1 * s)
        heard = self._frames_heard()
        ask = _echo(self.board, peer.mac, peer.ip, 8, b"are you there?")
        answered = False
        for _ in range(3):
            peer.packets.clear()
            peer.send_frame(ask)
            self._advance(2 * s)
            answered = answered or bool(peer.packets)
        hears = self._frames_heard() > heard
        self._advance(REST_US)
        return Observation(hears=hears, answers=answered or not hears, leaked=self._leaked())

    # ---- Time --------------------------------------------------------------------------------

    def _advance(self, duration_us: int, task: Task | None = None) -> None:
        """Lets time pass until `task` has ended; with a log event by event, which changes nothing
        in what happens."""
        if self.log is not None:
            self._advance_noting(self.world.now_us + duration_us, task)
        elif task is None:
            self.world.run_for(duration_us)
        else:
            with contextlib.suppress(NotDone):
                self.world.finish(task, duration_us)

    def _advance_noting(self, limit_us: int, task: Task | None) -> None:
        while task is None or not task.done:
            next_us = self.world.native.next_event_us
            if next_us is None or next_us > limit_us:
                self.world.run_until(limit_us)
                return
            self.world.step()
            self._note_changes()

    def _note_changes(self) -> None:
        for host, counters in self.world.counters().items():
            before = self.noted.get(host, {})
            changes = [
                f"{name} {value - before.get(name, 0):+d}"
                for name, value in counters.items()
                if value != before.get(name, 0)
            ]
            self.noted[host] = counters
            if changes:
                self._say(f"{host}: {', '.join(changes)}")

    # ---- Looking -----------------------------------------------------------------------------

    def _rest(self, duration_us: int) -> None:
        self.world.run_for(duration_us)
        self.before = counters_of(self.board)

    def _explore(self) -> None:
        self.world.native.explore(self.choices)

    def _leaked(self) -> dict[str, int]:
        now = counters_of(self.board)
        return {pool: now[f"{pool}_used"] - self.before[f"{pool}_used"] for pool in POOLS}

    def _frames_heard(self) -> int:
        return counters_of(self.board)["rx_frames"]

    def _hears(self, client: Board) -> bool:
        """A connection that somebody tries to open reaches the board's stack."""
        self.world.native.explore(None)
        before = self._frames_heard()
        client.program([("connect", self.board.ip, 7), ("close",)])
        with contextlib.suppress(FirmwarePanic):
            self._advance(10 * s)
        return self._frames_heard() > before

    def _threads(self) -> tuple[ThreadSeen, ...]:
        rows = self.board.threads()
        for row in rows:
            self._say(" ".join(str(part) or "-" for part in row))
        return tuple(ThreadSeen(name, state, waits, holds) for _, name, state, waits, holds in rows)

    def _say(self, line: str) -> None:
        if self.log is not None:
            self.log(f"{self.world.now_us:>12} us  {line}")


def counters_of(board: Board) -> dict[str, int]:
    """A board's counters, by names that are one word each."""
    return {
        re.sub(r"\W+", "_", name).removeprefix("link_"): value
        for name, value in board.counters().items()
    }


def choices_of(plan: Plan) -> Any:
    """What the plan's `choices` stand for, as an object of the compiled module."""
    module: Any = _planted if plan.bug else _sim
    if plan.recorded:
        return module.Choices.replay(" ".join(plan.choice_list()))
    kind, *numbers = plan.choices.split(":")
    values = [int(n) for n in numbers]
    if kind == "robin":
        return module.Choices.round_robin(*values)
    if kind == "random" and len(values) == 4:
        seed, every, order, memory = values
        values = [seed]
        rates = module.ChoiceRates(
            time=every, point=order, turn=order, preempt=order, spurious=order, allocation=memory
        )
    else:
        rates = module.ChoiceRates(time=values.pop())
    make = {"random": module.Choices.random, "pct": module.Choices.pct}[kind]
    return make(*values, rates=rates)


def _fates(plan: Plan, towards: str) -> Fates:
    """`a`: towards the board; `b`: towards the client."""
    quiet = FatePlan(delay_us=plan.delay_us)
    if plan.drops:
        lost = {int(word[1:]) for word in plan.drops.split(",") if word[0] == towards}
        fates = [
            Fate(drop=n in lost, delay_us=plan.delay_us) for n in range(max(lost, default=-1) + 1)
        ]
        return Fates.given(fates, quiet)
    plan_of_wire = FatePlan(delay_us=plan.delay_us, loss=plan.loss)
    return Fates.from_seed(plan_of_wire, plan.seed * 2 + (towards == "a"))


def _echo(board: Board, mac: bytes, ip: str, kind: int, data: bytes) -> bytes:
    body = bytes([kind, 0]) + b"\0\0" + b"\x12\x34\0\1" + data
    body += b"\0" * (len(body) % 2)
    total = sum(int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + (total ^ 0xFFFF).to_bytes(2, "big") + body[4:]
    return board.mac + mac + b"\x08\x00" + ip_packet(ip, board.ip, body, 1)
