"""One run of a plan in a world of its own, and what was seen.

Rules     the same plan gives the same trial. Only `kyusim` is asked; nothing here knows what a
          planted bug does.
Time      virtual; a run ends when all is done, or when nothing has moved for QUIET_US.
"""

from __future__ import annotations

import contextlib
import gc
import re
from dataclasses import dataclass, replace
from typing import Any

from kyusim import FirmwarePanic, World, _planted, _sim, ms, native, s
from kyusim.errors import NotDone
from kyusim.segment import ip_packet
from kyusim.world import Board, Host, Task
from rig.sim.diagnose import Finding, Observation, ThreadSeen, diagnose
from rig.sim.eventlog import EventLog, Log
from rig.sim.plan import Plan
from rig.sim.siege import Siege
from rig.sim.wire import TOWARDS_BOARD, TOWARDS_CLIENT, fates_of, faults_of

#: Nothing has moved for so long: it never will. Longer than TCP's longest pause.
QUIET_US = 150 * s
LOOK_US = 200 * ms
#: A wire with faults may silence a connection for as long as TCP's retransmissions take. When a
#: client has not moved for so long the wire does no more harm: what stands still afterwards does so
#: of its own doing. Well below the time after which TCP gives a connection up (kGiveUpAfter).
CALM_US = 20 * s
#: TIME_WAIT and whatever else ends by itself.
REST_US = 70 * s
POOLS = ("mbufs", "clusters", "sockets")


@dataclass(frozen=True, slots=True)
class Trial:
    plan: Plan
    finding: Finding | None
    recorded: Plan  # the same run, with its choices and its faults as lists
    at_us: int
    events: int
    hash: int


def run(plan: Plan, log: Log | None = None) -> Trial:
    """Runs `plan` and says what is wrong with it, if anything."""
    try:
        return _besieged(plan, log) if plan.acts else _Run(plan, log).run()
    finally:
        gc.collect()  # a world and its boards refer to each other, and are large


def _besieged(plan: Plan, log: Log | None) -> Trial:
    siege = Siege(plan, log)
    for act in plan.act_list():
        siege.do(act)
    finding, world = siege.finish(), siege.world
    return Trial(plan, finding, plan, world.now_us, world.events(), world.hash())


class _Run:
    def __init__(self, plan: Plan, log: Log | None) -> None:
        self.plan = plan
        self.world = World(plan.seed, planted=bool(plan.bug))
        self.log = EventLog(self.world, log) if log is not None else None
        self.board = self.world.board("board", mission_bug=plan.bug)
        self.client: Host
        self.choices: Any = choices_of(plan)
        self.tasks: list[Task] = []
        self.before: dict[str, int] = {}
        self.at_failure: dict[str, int] = {}

    def run(self) -> Trial:
        try:
            seen = self._noise() if self.plan.noise else self._transfers()
        except FirmwarePanic as panic:
            self._say(panic.text)
            seen = Observation(panic=panic.record)
        finding = diagnose(seen)
        world = self.world
        faults = faults_of(world, self.plan, self.board, self.client)
        recorded = self.plan.with_faults(faults).with_choices(tuple(self.choices.text.split()))
        self._say(f"choices: {recorded.choices}")
        self._say(f"fates: {recorded.fates or 'none'}")
        return Trial(self.plan, finding, recorded, world.now_us, world.events(), world.hash())

    # ---- Transfers ---------------------------------------------------------------------------

    def _transfers(self) -> Observation:
        plan, world = self.plan, self.world
        self.client = client = world.board("client")
        self._wire(client)
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
        if stuck:
            # Who was only made to compute for a while is seen where it stands otherwise.
            self._calm()
            self._advance(LOOK_US)
        threads = self._threads() if stuck else ()
        asleep = counters_of(self.board)["senders_asleep_on_empty"] if stuck else 0
        wrong, failed = self._streams()
        hears = self._hears(client) if stuck or failed else True
        spoiled, arp_spoiled = self._spoiled()
        seen = Observation(
            stuck=stuck,
            threads=threads,
            hears=hears,
            wrong=wrong,
            failed=failed,
            senders_asleep_on_empty=asleep,
            sockets_at_failure=self.at_failure,
            # A frame that the wire has spoiled is one such drop at most. Whatever is beyond that
            # was sent wrong.
            checksum_drops=max(0, counters_of(client)["tcp_dropped_checksum"] - spoiled),
            arp_spoiled=arp_spoiled,
        )
        if not stuck and not failed and diagnose(seen) is None:
            self._calm()
            self._advance(REST_US)
            seen = replace(seen, leaked=self._leaked())
        return seen

    def _until_done(self) -> bool:
        """False: something will never be done."""
        world, harmful = self.world, True
        moved = dict.fromkeys(self.tasks, (world.now_us, -1))  # when, and the bytes it had then
        while not all(task.done for task in self.tasks):
            waiting = next(task for task in self.tasks if not task.done)
            self._advance(LOOK_US, waiting)
            for task, (_, bytes_before) in list(moved.items()):
                if task.done:
                    del moved[task]
                elif task.native.bytes != bytes_before:
                    moved[task] = (world.now_us, task.native.bytes)
            self._look_at_sockets()
            since = [world.now_us - moved_us for moved_us, _ in moved.values()]
            if self.at_failure or min(since, default=0) > QUIET_US:
                return bool(self.at_failure)
            if harmful and max(since, default=0) > CALM_US:
                world.calm()
                harmful = False
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
        self.client = peer = world.scripted_peer("noise")
        self._wire(peer)
        self._explore()
        frame = _echo(self.board, peer.mac, peer.ip, 0, b"nobody asked for this")
        for n in range(0, plan.noise, plan.burst):
            for _ in range(min(plan.burst, plan.noise - n)):
                peer.send_frame(frame)
            self._advance(1 * ms)
        self._calm()
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
        return Observation(
            hears=hears,
            answers=answered or not hears,
            leaked=self._leaked(),
            arp_spoiled=self._spoiled()[1],
        )

    # ---- Time --------------------------------------------------------------------------------

    def _advance(self, duration_us: int, task: Task | None = None) -> None:
        """Lets time pass until `task` has ended; with a log event by event, which changes nothing
        in what happens."""
        if self.log is not None:
            self.log.advance(self.world.now_us + duration_us, task)
        elif task is None:
            self.world.run_for(duration_us)
        else:
            with contextlib.suppress(NotDone):
                self.world.finish(task, duration_us)

    # ---- Looking -----------------------------------------------------------------------------

    def _wire(self, client: Host) -> None:
        """Joins both; they boot, and rest."""
        fates = [fates_of(self.plan, towards) for towards in (TOWARDS_CLIENT, TOWARDS_BOARD)]
        self.world.wire(self.board, client, *fates)
        self._advance(1 * s)
        self.before = counters_of(self.board)

    def _calm(self) -> None:
        """Nobody chooses and no wire does harm from now on."""
        self.world.native.explore(None)
        self.world.calm()

    def _spoiled(self) -> tuple[int, int]:
        """Frames that reached the client with other bytes than were sent; ARP among all frames."""
        towards_client = self.world.spoiled(self.client)
        return towards_client.frames, towards_client.arp + self.world.spoiled(self.board).arp

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
            self.log.say(line)


def counters_of(board: Board) -> dict[str, int]:
    """A board's counters, by names that are one word each."""
    return {
        re.sub(r"\W+", "_", name).removeprefix("link_"): value
        for name, value in board.counters().items()
    }


def choices_of(plan: Plan) -> Any:
    """What the plan's `choices` stand for, as an object of the compiled module."""
    module: Any = _planted if plan.bug else _sim
    if plan.choices == "none" or plan.choices[:1].isdigit():
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


def _echo(board: Board, mac: bytes, ip: str, kind: int, data: bytes) -> bytes:
    body = bytes([kind, 0]) + b"\0\0" + b"\x12\x34\0\1" + data
    body += b"\0" * (len(body) % 2)
    total = sum(int.from_bytes(body[i : i + 2], "big") for i in range(0, len(body), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + (total ^ 0xFFFF).to_bytes(2, "big") + body[4:]
    return board.mac + mac + b"\x08\x00" + ip_packet(ip, board.ip, body, 1)
