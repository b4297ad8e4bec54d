"""Two boards with clients of each other's services, and a stranger on their network: a siege.

Rules     The same plan gives the same siege. Whatever the order of acts: what a client reads is
          what it sent, from the first byte on; it ends whole, or with an error that tells why;
          nobody panics (the invariants of each connection are checked at every event); and in the
          end no pool has anything lent out. The first of these that does not hold is the finding,
          and nothing is done after it.
          The stranger sees the traffic but may not guess it right: whoever can forge the next byte
          of a stream exactly can change it, in any TCP. An act that finds nothing to act on does
          nothing.
Time      virtual; only `wait` and the end let it pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kyusim import FirmwarePanic, World, native, s
from kyusim.segment import PROTOCOL_TCP, Segment, checksum, ip_packet
from kyusim.world import Board, Passage, Step, Task
from rig.sim import diagnose
from rig.sim.acts import Act
from rig.sim.diagnose import Finding
from rig.sim.eventlog import EventLog, Log
from rig.sim.plan import Plan
from rig.sim.wire import weather

ECHO = 7
BOOT_US = 2 * s
#: Longer than TIME-WAIT, every retransmission, orphans, fragments and the servers' patience.
END_US = 1_000 * s
POOLS = ("mbufs", "clusters", "connections", "time_waits", "sockets")
FRAMES_KEPT = 60
FAR = 1 << 30
#: Bytes that tell their place: what every client sends, from the first byte on.
_PATTERN = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(1 << 16))
_STRANGER = bytes.fromhex("020000000066")


@dataclass(frozen=True, slots=True)
class Talk:
    """A client's program, and what it must come to."""

    task: Task
    sent: bytes
    reads_all: bool


class Siege:
    def __init__(self, plan: Plan, log: Log | None = None) -> None:
        self.finding: Finding | None = None
        self.world = World(plan.seed, planted=bool(plan.bug), lan=weather(plan))
        self._boards = [self.world.board(mission_bug=plan.bug) for _ in range(2)]
        self._stranger = self.world.endpoint("stranger")
        self._talks: list[Talk] = []
        self._fetches: list[Task] = []
        self._passed: list[Passage] = []
        self._seen: list[Passage] = []
        self._log = self._logging(log) if log is not None else None
        self._advance(BOOT_US)
        self._before = [_used(board) for board in self._boards]
        self.world.watch()

    def _logging(self, log: Log) -> EventLog:
        """It takes the frames away that the stranger wants to see too."""

        def keep(passage: Passage) -> None:
            self._passed.append(passage)
            if log.keep is not None:
                log.keep(passage)

        return EventLog(self.world, replace(log, keep=keep))

    @property
    def sees_frames(self) -> bool:
        return bool(self._seen)

    def do(self, act: Act) -> None:
        if self.finding is not None:
            return
        if self._log is not None:
            self._log.say(f"-- {act}")
        try:
            if act.kind == "talk":
                self._talk(act)
            elif act.kind == "big":
                client, server = self._client_and_server(act.number)
                self._fetches.append(client.fetch_big(server))
            elif act.kind == "wait":
                self._advance(act.number)
                self._look()
            elif act.kind == "noise":
                noise = bytes.fromhex(act.arguments[0])
                self._send(self._boards[act.number], _STRANGER, noise)
            elif self._seen:
                self._harm(self._seen[act.number % len(self._seen)], act)
            self.finding = self._wrong()
        except FirmwarePanic as panic:
            self._panicked(panic)

    def finish(self) -> Finding | None:
        """Lets everything end, and says what has been wrong, if anything."""
        if self.finding is None:
            if self._log is not None:
                self._log.say("-- the end")
            self.world.calm()
            try:
                self._advance(END_US)
                self.finding = self._wrong() or self._unfinished() or self._leaked()
            except FirmwarePanic as panic:
                self._panicked(panic)
        return self.finding

    # ---- Calls and time ----------------------------------------------------------------------

    def _talk(self, act: Act) -> None:
        client, server = self._client_and_server(act.number)
        steps: list[Step] = [("connect", server.ip, ECHO)]
        sent, unread = b"", 0
        *calls, ending = act.calls
        for call in calls:
            number = int(call[1:])
            if call[0] == "s":
                steps.append(("send", _stream(len(sent), number)))
                sent, unread = sent + _stream(len(sent), number), unread + number
            elif call[0] == "r" and unread > 0:  # it never waits for more than it has sent
                steps.append(("recv", min(number, unread)))
                unread -= min(number, unread)
            elif call[0] == "z":
                steps.append(("sleep", number))
        if ending == "all":
            steps += [("shutdown",), ("recv_all",)]
        steps.append(("abort",) if ending == "abort" else ("close",))
        self._talks.append(Talk(client.program(steps), sent, ending == "all"))

    def _client_and_server(self, which: int) -> tuple[Board, Board]:
        return self._boards[which], self._boards[1 - which]

    def _advance(self, duration_us: int) -> None:
        if self._log is not None:
            self._log.advance(self.world.now_us + duration_us, None)
        else:
            self.world.run_for(duration_us)

    def _look(self) -> None:
        if self._log is None:
            self._passed += self.world.take_frames()
        fresh = [
            passage
            for passage in self._passed
            if self._stranger.name not in (passage.source, passage.destination)
            and not (passage.lost or passage.spoiled)
            and _is_tcp(passage.frame)
        ]
        self._seen = [*self._seen, *fresh][-FRAMES_KEPT:]
        self._passed = []

    # ---- Hostile frames ----------------------------------------------------------------------

    def _harm(self, passage: Passage, act: Act) -> None:
        victim = next(b for b in self._boards if b.name == passage.destination)
        source = next(b for b in self._boards if b is not victim)
        frame = passage.frame
        if act.kind == "again":
            self._stranger.send(frame)
        elif act.kind == "spoil":
            at, bits = act.numbers
            at = 14 + at % (len(frame) - 14)  # behind the addresses: a checksum covers it
            spoiled = bytes([frame[at] ^ ((bits - 1) % 255 + 1)])
            self._stranger.send(frame[:at] + spoiled + frame[at + 1 :])
        elif act.kind == "error":
            self._error(source, victim, frame, *act.numbers)
        else:
            old = Segment.parse(_tcp_of(frame), source.ip, victim.ip)
            forged = _forged(old, act).to_bytes(source.ip, victim.ip)
            self._send(victim, source.mac, ip_packet(source.ip, victim.ip, forged))

    def _error(self, to: Board, about: Board, frame: bytes, code: int, mtu: int) -> None:
        """As if the frame had not got through to `about`."""
        head = bytes([3, code, 0, 0, 0, 0]) + (mtu & 0xFFFF).to_bytes(2, "big")
        body = head + frame[14 : 14 + 28]
        body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
        self._send(to, about.mac, ip_packet(about.ip, to.ip, body, 1))

    def _send(self, to: Board, source_mac: bytes, packet: bytes) -> None:
        self._stranger.send(to.mac + source_mac + b"\x08\x00" + packet)

    # ---- What holds --------------------------------------------------------------------------

    def _panicked(self, panic: FirmwarePanic) -> None:
        if self._log is not None:
            self._log.say(panic.text)
        self.finding = diagnose.diagnose(diagnose.Observation(panic=panic.record))

    def _wrong(self) -> Finding | None:
        for n, talk in enumerate(self._talks):
            got = talk.task.received
            if not talk.sent.startswith(got):
                at = native.first_difference(got, talk.sent[: len(got)])
                return Finding("foreign-bytes", f"talk {n}: byte {at} is wrong")
        for n, fetch in enumerate(self._fetches):
            if fetch.error.startswith(("wrong byte", "more than")):
                return Finding("foreign-bytes", f"fetch {n}: {fetch.error}")
        return None

    def _unfinished(self) -> Finding | None:
        for n, task in enumerate([*(talk.task for talk in self._talks), *self._fetches]):
            if not task.done:
                return Finding("hang", f"client {n} of {task.board.name}, at step {task.step}")
        for n, talk in enumerate(self._talks):
            if talk.reads_all and not talk.task.error and talk.task.received != talk.sent:
                detail = f"talk {n}: {len(talk.task.received)} of {len(talk.sent)} bytes"
                return Finding("truncated", detail)
        for n, fetch in enumerate(self._fetches):
            if not fetch.error and fetch.transfers != 1:
                return Finding("truncated", f"fetch {n}")
        return None

    def _leaked(self) -> Finding | None:
        for board, before in zip(self._boards, self._before, strict=True):
            now = _used(board)
            more = {pool: now[pool] - before[pool] for pool in POOLS}
            if any(more.values()):
                words = ", ".join(f"{n:+d} {pool}" for pool, n in more.items() if n)
                return Finding("buffers-leaked", f"{board.name}: {words}")
        return None


def _used(board: Board) -> dict[str, int]:
    counters = board.counters()
    return {pool: counters[f"{pool}_used"] for pool in POOLS}


def _stream(first: int, count: int) -> bytes:
    start = first % len(_PATTERN)
    return (_PATTERN * ((start + count) // len(_PATTERN) + 1))[start : start + count]


def _forged(old: Segment, act: Act) -> Segment:
    by = act.numbers[0]
    if act.kind == "far":
        far = (old.seq + FAR) % (1 << 32), (old.ack + FAR) % (1 << 32)
        return Segment(old.source_port, old.port, "P.", *far, payload=b"\xee" * by)
    flags = {"rst": "R", "rstack": "R.", "syn": "S"}[act.kind]
    return Segment(old.source_port, old.port, flags, (old.seq + by) % (1 << 32), old.ack)


def _is_tcp(frame: bytes) -> bool:
    return len(frame) >= 54 and frame[12:14] == b"\x08\x00" and frame[23] == PROTOCOL_TCP


def _tcp_of(frame: bytes) -> bytes:
    return frame[34 : 14 + int.from_bytes(frame[16:18], "big")]
