"""Hostile frames on the emulated board's wire: those cases of rig/hostile that make sense there."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from rig.board import image as images
from rig.hostile import frames as f
from rig.hostile.case import Case, Shot
from rig.hostile.stage import MS, Conn, Station, clean_echo, closing, established, texts
from rig.hostile.table import CASES
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.wire.tap import BOARD_ADDRESS, DEVICE

PROMPT = "Kyu, ready> "
POOLS = ("mbufs", "clusters")


class WireStage:
    """The stage of rig/hostile, by a raw socket beside the host's own stack."""

    def __init__(self, board: PlainBoard) -> None:
        self.board = board
        self.ip, self.mac = BOARD_ADDRESS, b""
        self.me = Station("192.168.0.200", bytes.fromhex("020000000200"))
        self.conns: dict[tuple[int, int], Conn] = {}
        self._port = 40_000
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._raw.bind((DEVICE, 3))
        self._introduce()

    def close(self) -> None:
        self._raw.close()

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._raw.send(frame)

    def hear(self, for_us: int = 100 * MS) -> list[bytes]:
        heard = []
        ends = time.monotonic() + for_us / 1e6
        while (left := ends - time.monotonic()) > 0:
            self._raw.settimeout(left)
            try:
                frame, (_, _, kind, *_) = self._raw.recvfrom(2048)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING or not self._ours(frame):
                continue
            if not self._answer_arp(frame):
                heard.append(frame)
        return heard

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

    def counters(self) -> Mapping[str, int]:
        """Rows of `net`, and those of `tcp` by the simulator's names."""
        found: dict[str, int] = {}
        for command, prefix in (("net", ""), ("tcp", "tcp_")):
            for name, value in re.findall(
                r"^ *([a-z][\w:\- ]*?) {1,}(\d+)\b", self.ask(command), re.M
            ):
                found[prefix + re.sub(r"[ -]", "_", name.replace(":", ""))] = int(value)
        return found

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

    def echo(self) -> None:
        """A clean conversation with the echo service."""
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
    boards.need("emulator", "raw")
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


def plays(shot: Shot) -> bool:
    """Not: what a device pads, what a wire cannot carry, and what needs a rest of many seconds."""
    on_wire = shot.wire and shot.at in (None, established, closing)
    return on_wire and shot.pause_us < 5_000 * MS and shot.name != "65 507 bytes"


WIRED = [case for case in CASES if any(plays(shot) for shot in case.shots)]


def pools(stage: WireStage) -> dict[str, int]:
    now = stage.counters()
    return {name: now[name] for name in POOLS}


@pytest.mark.parametrize("case", WIRED, ids=lambda case: case.name)
def test_case_on_the_wire(stage: WireStage, case: Case) -> None:
    at_rest = pools(stage)
    before = stage.counters()
    wanted: dict[str, int] = {}
    for shot in filter(plays, case.shots):
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
    stage.echo()
    ends = time.monotonic() + 10
    while pools(stage) != at_rest:
        assert time.monotonic() < ends, (at_rest, pools(stage))
        time.sleep(0.1)


def test_the_board_has_said_nothing_of_trouble(stage: WireStage) -> None:
    assert "PANIC" not in stage.board.said()
