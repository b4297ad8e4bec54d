"""Arbitrary interleavings of socket calls, faults and hostile segments, on several connections.

Rules     A machine of rules starts conversations between two boards, lets time pass, and puts
          hostile frames on their network, made from frames that it has seen. Whatever the order:
          what a client reads is what it sent, from the first byte on; it ends whole, or with an
          error that tells why; nobody panics (the invariants of each connection are checked at
          every event); and in the end no pool has anything lent out.
          A hostile frame here is one of somebody who sees the traffic but may not guess it right:
          whoever can forge the next byte of a stream exactly can change it, in any TCP.
Replay    Hypothesis prints the steps of the smallest failure it finds; with the world's seed among
          them, they are the failure.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kyusim import native
from kyusim._sim import FatePlan
from kyusim.errors import FirmwarePanic
from kyusim.segment import PROTOCOL_TCP, Segment, checksum
from kyusim.world import Board, Passage, Step, Task, World, ms, s

ECHO = 7
BIG = native.big_pattern()
#: Longer than TIME-WAIT, every retransmission, orphans, fragments and the servers' patience.
END_US = 1_000 * s
POOLS = ("mbufs_used", "clusters_used", "connections_used", "time_waits_used", "sockets_used")
FRAMES_KEPT = 60
CONVERSATIONS_MAX = 6

plans = st.builds(
    FatePlan,
    delay_us=st.sampled_from([50, 1_000, 40_000]),
    jitter_us=st.sampled_from([0, 300]),
    loss=st.sampled_from([0.0, 0.01, 0.1]),
    duplicate=st.sampled_from([0.0, 0.05]),
    reorder=st.sampled_from([0.0, 0.05]),
    corrupt=st.sampled_from([0.0, 0.02]),
    truncate=st.sampled_from([0.0, 0.01]),
)
#: Bytes that tell their place: what every client sends, from the first byte on.
STREAM = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(5 * 120_000))
sizes = st.one_of(st.integers(1, 100), st.integers(1_000, 5_000), st.integers(50_000, 120_000))
#: What a client does between connecting and its end. It never waits for more than it has sent.
calls = st.lists(
    st.one_of(
        st.tuples(st.just("send"), sizes),
        st.tuples(st.just("recv"), st.integers(1, 5_000)),
        st.tuples(st.just("sleep"), st.integers(0, 3_000_000)),
    ),
    min_size=1,
    max_size=5,
)
endings = st.sampled_from(["read all", "close", "abort"])
deltas = st.sampled_from([0, 1, -1, 1_460, -1_460, 100_000, 1 << 30, 1 << 31])


@dataclass
class Conversation:
    """A client's program, and what it must come to."""

    task: Task
    sent: bytes
    reads_all: bool


class Boards(RuleBasedStateMachine):
    """Two boards, each with clients of the other's echo server, and a stranger."""

    mission_bug = ""  # that both boards have

    @initialize(seed=st.integers(1, 1 << 16), plan=plans)
    def build(self, seed: int, plan: FatePlan) -> None:
        bug = self.mission_bug
        self.world = World(seed, planted=bool(bug), lan=plan)
        self.boards = [self.world.board(mission_bug=bug) for _ in range(2)]
        self.stranger = self.world.endpoint("stranger")
        self.conversations: list[Conversation] = []
        self.fetches: list[Task] = []
        self.seen: list[Passage] = []
        self.world.run_for(2 * s)
        self.before = [self.pools(board) for board in self.boards]
        self.world.watch()

    @staticmethod
    def pools(board: Board) -> dict[str, int]:
        counters = board.counters()
        return {name: counters[name] for name in POOLS}

    def look(self) -> None:
        fresh = [
            passage
            for passage in self.world.take_frames()
            if "stranger" not in (passage.source, passage.destination)
            and not (passage.lost or passage.spoiled)
            and _is_tcp(passage.frame)
        ]
        self.seen = [*self.seen, *fresh][-FRAMES_KEPT:]

    # ---- Calls and time ----------------------------------------------------------------------

    @precondition(lambda self: len(self.conversations) < CONVERSATIONS_MAX)
    @rule(which=st.integers(0, 1), wanted=calls, ending=endings)
    def converse(self, which: int, wanted: list[tuple[str, int]], ending: str) -> None:
        client, server = self.boards[which], self.boards[1 - which]
        steps: list[Step] = [("connect", server.ip, ECHO)]
        sent = unread = 0
        for call, number in wanted:
            if call == "send":
                steps.append(("send", STREAM[sent : sent + number]))
                sent, unread = sent + number, unread + number
            elif call == "recv" and unread > 0:
                steps.append(("recv", min(number, unread)))
                unread -= min(number, unread)
            elif call == "sleep":
                steps.append(("sleep", number))
        reads_all = ending == "read all"
        if reads_all:
            steps += [("shutdown",), ("recv_all",)]
        steps.append(("abort",) if ending == "abort" else ("close",))
        self.conversations.append(Conversation(client.program(steps), STREAM[:sent], reads_all))

    @precondition(lambda self: len(self.fetches) < 2)
    @rule(which=st.integers(0, 1))
    def fetch_big(self, which: int) -> None:
        self.fetches.append(self.boards[which].fetch_big(self.boards[1 - which]))

    @rule(duration=st.sampled_from([0, 100, 5 * ms, 200 * ms, 3 * s, 70 * s]))
    def let_time_pass(self, duration: int) -> None:
        self.world.run_for(duration)
        self.look()

    # ---- Hostile frames ----------------------------------------------------------------------

    def victim(self, passage: Passage) -> Board:
        """Whom a frame was for."""
        return next(b for b in self.boards if b.name == passage.destination)

    def segment_of(self, passage: Passage) -> Segment:
        victim = self.victim(passage)
        source = next(b for b in self.boards if b is not victim)
        return Segment.parse(_tcp_of(passage.frame), source.ip, victim.ip)

    def forge(self, passage: Passage, segment: Segment) -> None:
        victim = self.victim(passage)
        source = next(b for b in self.boards if b is not victim)
        self.stranger.send(
            victim.mac
            + source.mac
            + b"\x08\x00"
            + _ipv4(source.ip, victim.ip, segment.to_bytes(source.ip, victim.ip))
        )

    @precondition(lambda self: bool(self.seen))
    @rule(index=st.integers(0, FRAMES_KEPT - 1))
    def repeat_an_old_frame(self, index: int) -> None:
        self.stranger.send(self.seen[index % len(self.seen)].frame)

    @precondition(lambda self: bool(self.seen))
    @rule(index=st.integers(0, FRAMES_KEPT - 1), flags=st.sampled_from(["R", "R.", "S"]), by=deltas)
    def forge_a_reset_or_syn(self, index: int, flags: str, by: int) -> None:
        passage = self.seen[index % len(self.seen)]
        old = self.segment_of(passage)
        seq = (old.seq + by) % (1 << 32)
        self.forge(passage, Segment(old.source_port, old.port, flags, seq, old.ack))

    @precondition(lambda self: bool(self.seen))
    @rule(index=st.integers(0, FRAMES_KEPT - 1), size=st.integers(0, 1_400))
    def forge_what_lies_outside_of_every_window(self, index: int, size: int) -> None:
        passage = self.seen[index % len(self.seen)]
        old = self.segment_of(passage)
        seq, ack = (old.seq + (1 << 30)) % (1 << 32), (old.ack + (1 << 30)) % (1 << 32)
        self.forge(
            passage, Segment(old.source_port, old.port, "P.", seq, ack, payload=b"\xee" * size)
        )

    @precondition(lambda self: bool(self.seen))
    @rule(index=st.integers(0, FRAMES_KEPT - 1), at=st.integers(0, 1_513), to=st.integers(1, 255))
    def send_a_damaged_frame(self, index: int, at: int, to: int) -> None:
        frame = bytearray(self.seen[index % len(self.seen)].frame)
        at = 14 + at % (len(frame) - 14)  # behind the addresses: a checksum covers it
        frame[at] ^= to
        self.stranger.send(bytes(frame))

    @rule(which=st.integers(0, 1), noise=st.binary(max_size=200))
    def send_noise(self, which: int, noise: bytes) -> None:
        board = self.boards[which]
        self.stranger.send(board.mac + b"\x02\x00\x00\x00\x00\x66" + b"\x08\x00" + noise)

    # ---- What holds --------------------------------------------------------------------------

    @invariant()
    def what_was_read_is_what_was_sent(self) -> None:
        for conversation in getattr(self, "conversations", []):
            assert conversation.sent.startswith(conversation.task.received)

    def teardown(self) -> None:
        if not hasattr(self, "before"):
            return
        self.world.calm()
        self.world.watch(False)
        self.world.run_for(END_US)
        for conversation in self.conversations:
            task = conversation.task
            assert task.done, f"{task!r} hangs"
            assert conversation.sent.startswith(task.received)
            if conversation.reads_all and not task.error:
                assert task.received == conversation.sent
        for fetch in self.fetches:
            assert fetch.done, f"{fetch!r} hangs"
            assert fetch.error or fetch.transfers == 1
            assert "wrong" not in fetch.error
        assert [self.pools(board) for board in self.boards] == self.before


def _is_tcp(frame: bytes) -> bool:
    return len(frame) >= 54 and frame[12:14] == b"\x08\x00" and frame[23] == PROTOCOL_TCP


def _tcp_of(frame: bytes) -> bytes:
    return frame[34 : 14 + int.from_bytes(frame[16:18], "big")]


def _ipv4(source: str, destination: str, payload: bytes) -> bytes:
    addresses = bytes(int(part) for ip in (source, destination) for part in ip.split("."))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, PROTOCOL_TCP, 0)
    whole = checksum(head + addresses)
    return head[:10] + whole.to_bytes(2, "big") + addresses + payload


BOUNDED = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestBoards = Boards.TestCase
TestBoards.settings = BOUNDED


@pytest.mark.parametrize("bug", ["close-deadlock", "shared-buffer"])
def test_what_is_planted_is_found(bug: str) -> None:
    planted = type("Planted", (Boards,), {"mission_bug": bug})
    unshrunk = settings(BOUNDED, phases=[Phase.generate], print_blob=False, database=None)
    with pytest.raises((AssertionError, FirmwarePanic)):
        run_state_machine_as_test(planted, settings=unshrunk)
