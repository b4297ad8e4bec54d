"""Hostile frames on the emulated board's wire: those cases of rig/hostile that make sense there."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest

from rig.board import image as images
from rig.hostile import frames as f
from rig.hostile.case import Case
from rig.hostile.stage import MS, Conn, Station, User, clean_echo, describe, parse_tcp, texts
from rig.hostile.table import CASES
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.wire.tap import BOARD_ADDRESS, DEVICE

ECHO = 7
PROMPT = "Kyu, ready> "
POOLS = ("mbufs", "clusters")


class Echoed:
    """A reader of the board's: what its echo service was sent is what it sends back."""

    done, error = False, ""

    def __init__(self, stage: WireStage) -> None:
        self._stage = stage
        self.conn: Conn | None = None

    @property
    def received(self) -> bytes:
        """All of it, once nothing more comes."""
        heard = -1
        while heard < (now := len(self.conn.heard) if self.conn is not None else 0):
            heard = now
            self._stage.run_for(60 * MS)
        return bytes(self.conn.heard) if self.conn is not None else b""

    def take(self, frame: bytes) -> bool:
        """True: it brought back text only, and is dealt with."""
        got = parse_tcp(frame)
        conn = self._stage.conns.get((got.source_port, got.port)) if got is not None else None
        if got is None or conn is None or conn.port != ECHO or not got.data:
            return False
        self.conn = conn
        conn.take([frame])
        self._stage.send(conn.segment("A", seq=conn.acked - conn.seq))
        return "F" not in got.flags


class Asking:
    """The shell's command `daytime`, which connects and reads a line."""

    def __init__(self, stage: WireStage, start: int) -> None:
        self._stage, self._start = stage, start

    @property
    def done(self) -> bool:
        self._stage.run_for(20 * MS)
        return self._stage.board.said().endswith(PROMPT)

    @property
    def received(self) -> bytes:
        return self._said().encode()

    @property
    def error(self) -> str:
        said = self._said()
        return f"connect: {said}" if said in ("refused", "reset", "timed out") else ""

    def _said(self) -> str:
        said = self._stage.await_said(PROMPT, self._start)
        return said.partition("\n")[2].removesuffix(PROMPT).strip()


class WireStage:
    """The stage of rig/hostile, by a raw socket beside the host's own stack."""

    def __init__(self, board: PlainBoard) -> None:
        self.board = board
        self.ip, self.mac = BOARD_ADDRESS, b""
        self.me = Station("192.168.0.200", bytes.fromhex("020000000200"))
        self.conns: dict[tuple[int, int], Conn] = {}
        self.busy = False
        self._port = 40_000
        self._kept: list[bytes] = []
        self._reader: Echoed | None = None
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._raw.bind((DEVICE, 3))
        self._introduce()

    def close(self) -> None:
        self._raw.close()

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._raw.send(frame)

    def hear(self, for_us: int = 100 * MS) -> list[bytes]:
        heard, self._kept = self._kept, []
        ends = time.monotonic() + for_us / 1e6
        while (left := ends - time.monotonic()) > 0:
            self._raw.settimeout(left)
            try:
                frame, (_, _, kind, *_) = self._raw.recvfrom(2048)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING or not self._ours(frame):
                continue
            if self._answer_arp(frame) or (self._reader is not None and self._reader.take(frame)):
                continue
            heard.append(frame)
        return heard

    def run_for(self, duration_us: int) -> None:
        self._kept = self.hear(duration_us)

    def drop(self) -> None:
        self._kept.clear()

    @property
    def now_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def hear_first(self, for_us: int) -> list[bytes]:
        heard: list[bytes] = []
        ends = self.now_us + for_us
        while self.now_us < ends and all(frame[12:14] == b"\x08\x06" for frame in heard):
            heard += self.hear(3 * MS)
        return heard

    def often(self, times: int) -> int:
        return max(2, times // 50)

    def hear_until(self, enough: int, for_us: int) -> list[bytes]:
        """As hear(), but once `enough` have come only a moment longer."""
        heard: list[bytes] = []
        ends = time.monotonic() + for_us / 1e6
        while time.monotonic() < ends and len(heard) < enough:
            heard += self.hear(3 * MS)
        return heard + self.hear(5 * MS)

    def inject(self, frames: Sequence[bytes], times: int, gap_us: int = 100) -> None:
        for _ in range(times):
            for frame in frames:
                self.send(frame)
                time.sleep(gap_us / 1e6)
        self.run_for(5 * MS)  # the emulated board is slower than this loop

    def counters(self) -> Mapping[str, int]:
        """Rows of `net`, and those of `tcp` by the simulator's names. What is 0 is not shown."""
        found: Counter[str] = Counter()
        for command, prefix in (("net", ""), ("tcp", "tcp_")):
            for name, value in re.findall(
                r"^ *([a-z][\w:\- ]*?) {1,}(\d+)\b", self.ask(command), re.M
            ):
                found[prefix + re.sub(r"[ -]", "_", name.replace(":", ""))] = int(value)
        return found

    def count_of(self, counter: str) -> int | None:
        del counter
        return None

    def fresh_port(self) -> int:
        self._port += 1
        return self._port

    def ask(self, command: str) -> str:
        before = len(self.board.said())
        self.board.console.write(command.encode() + b"\r")
        ends = time.monotonic() + 10
        while not self.board.said()[before:].endswith(PROMPT):
            assert time.monotonic() < ends, f"no prompt: {self.board.said()[before:]}"
            time.sleep(0.002)
        return self.board.said()[before:].replace("\r", "")

    def shell(self, command: str) -> str:
        return self.ask(command)

    def type(self, command: str) -> int:
        start = len(self.board.said())
        self.board.console.write(command.encode() + b"\r")
        return start

    def await_said(self, text: str, start: int) -> str:
        ends = time.monotonic() + 10
        while text not in (said := self.board.said()[start:]):
            assert time.monotonic() < ends, said
            self.run_for(2 * MS)
        return said.replace("\r", "")

    def state(self, conn: Conn) -> str:
        rows = re.findall(rf":{conn.port} {self.me.ip}:{conn.local_port} (\S+) in", self.ask("tcp"))
        return rows[0] if rows else "LISTEN"

    def reading(self) -> tuple[int, User]:
        self._reader = Echoed(self)
        return ECHO, self._reader

    def leave(self, conn: Conn) -> None:
        conn.take(self.hear(5 * MS))  # the echo service does not wait
        self.send(conn.segment("A"))

    def connecting(self, remote_port: int) -> tuple[User, Conn]:
        self.drop()
        user = Asking(self, self.type(f"daytime {self.me.ip} {remote_port}"))
        came = self.hear_until(1, 1_000 * MS)
        assert [describe(self, frame) for frame in came] == ["tcp S"]
        conn = Conn(self, int.from_bytes(came[0][34:36], "big"), remote_port)
        conn.take(came)
        return user, conn

    def echo(self) -> None:
        """A clean conversation with the echo service."""
        self._reader = None
        clean_echo(self)

    def _introduce(self) -> None:
        question = f.arp(f.REQUEST, self.me.mac, self.me.ip, bytes(6), self.ip)
        self.send(f.ether(f.BROADCAST, self.me.mac, f.ARP, question))
        ends = time.monotonic() + 5
        while not self.mac:
            assert time.monotonic() < ends, "the board does not answer ARP"
            self._raw.settimeout(1)
            frame = self._raw.recv(2048)
            if frame[0:6] == self.me.mac and frame[12:14] == b"\x08\x06":
                self.mac = frame[6:12]

    def _ours(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and (frame[0:6] == self.me.mac or frame[0:6] == f.BROADCAST)

    def _answer_arp(self, frame: bytes) -> bool:
        if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[28:32] == frame[38:42]:
            return False
        if frame[38:42] == f.packed(self.me.ip):
            reply = f.arp(f.REPLY, self.me.mac, self.me.ip, frame[22:28], self.ip)
            self.send(f.ether(frame[22:28], self.me.mac, f.ARP, reply))
        return True


@pytest.fixture(scope="module")
def stage(boards: Keeper) -> Iterator[WireStage]:
    if boards.choice.board != "qemu" or boards.wire.name != "tap":
        pytest.skip("wants an emulated board on a tap: raw frames are sent there")
    boards.off()
    board = PlainBoard(images.find(None), boards.wire, "hb=0")
    with running(board):
        board.await_text(PROMPT)
        stage = WireStage(board)
        stage.hear(3_000 * MS)  # until its address is announced for the second time
        try:
            yield stage
        finally:
            stage.close()


WIRED_SHOTS = [case for case in CASES if any(not shot.off_wire for shot in case.shots)]
WIRED_STORIES = [case for case in CASES if any(not story.off_wire for story in case.stories)]


def pools(stage: WireStage) -> dict[str, int]:
    now = stage.counters()
    return {name: now[name] for name in POOLS}


def at_rest_again(stage: WireStage, at_rest: dict[str, int]) -> None:
    """The common rule: a clean echo works, and no pool has lent out more than before."""
    stage.echo()
    ends = time.monotonic() + 10
    while pools(stage) != at_rest:
        assert time.monotonic() < ends, (at_rest, pools(stage))
        time.sleep(0.1)


@pytest.mark.parametrize("case", WIRED_SHOTS, ids=lambda case: case.name)
def test_shots(stage: WireStage, case: Case) -> None:
    at_rest = pools(stage)
    before = stage.counters()
    wanted: dict[str, int] = {}
    for shot in (shot for shot in case.shots if not shot.off_wire):
        conn = shot.at(stage) if shot.at else None
        frames = list(shot.frames(stage, conn))
        stage.hear(0)
        stage.send(*frames)
        answers = len(frames) if shot.some else len(shot.answers)
        came = stage.hear_until(answers, 100 * MS) if answers else stage.hear(10 * MS)
        said = texts(stage, came)
        if shot.some:
            assert said
            assert set(said) <= set(shot.answers), said
        else:
            assert said == list(shot.answers), shot.name
        if shot.check is not None:
            shot.check(stage, conn, came)
        count = len(frames) if shot.count is None else shot.count
        wanted[shot.counter] = wanted.get(shot.counter, 0) + count
        if conn is not None:
            conn.take(came)
            conn.abort()
    after = stage.counters()
    grown = {name: after.get(name, 0) - before.get(name, 0) for name in wanted}
    assert all(grown[name] >= count for name, count in wanted.items()), (wanted, grown)
    at_rest_again(stage, at_rest)


@pytest.mark.parametrize("case", WIRED_STORIES, ids=lambda case: case.name)
def test_stories(stage: WireStage, case: Case) -> None:
    at_rest = pools(stage)
    for story in (story for story in case.stories if not story.off_wire):
        stage.drop()
        story.play(stage)
    at_rest_again(stage, at_rest)


def test_the_board_has_said_nothing_of_trouble(stage: WireStage) -> None:
    assert "PANIC" not in stage.board.said()
