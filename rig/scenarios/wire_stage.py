"""WireStage: the stage of rig/hostile on the emulated board's wire.

Rules     By a raw socket beside the host's own stack, under an address of its own. Users are the
          board's own services: who reads is its echo service, who connects is its shell, which
          cannot show counters meanwhile.
Time      the host's.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rig.hostile import frames as f
from rig.hostile.stage import MS, Conn, Station, User, clean_echo, describe, parse_tcp
from rig.scenarios.plain_board import PlainBoard
from rig.wire.tap import BOARD_ADDRESS, DEVICE

ECHO = 7
PATIENCE_S = 10.0
PROMPT = "Kyu, ready> "


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
    def __init__(self, board: PlainBoard, *, counting: bool = False) -> None:
        """`counting`: under -icount, where the emulator may sleep on with a byte on the serial line
        until a frame wakes it."""
        self.board = board
        self.ip, self.mac = BOARD_ADDRESS, b""
        self.me = Station("192.168.0.200", bytes.fromhex("020000000200"))
        self.conns: dict[tuple[int, int], Conn] = {}
        self.busy = False
        self._patience_s = 0.3 if counting else PATIENCE_S
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

    def in_step(self, frames: Sequence[bytes]) -> None:
        """Waits for the answer to each frame before it sends the next one."""
        self.hear(1 * MS)
        for frame in frames:
            self.send(frame)
            self._raw.settimeout(0.1)
            with suppress(TimeoutError):
                while not self._ours(self._raw.recv(2048)):
                    pass

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
            heard += self.hear(2 * MS)
        while self.now_us < ends and (more := self.hear(8 * MS)):
            heard += more
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
                found[prefix + re.sub(r"[ -]+", "_", name.replace(":", ""))] = int(value)
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
        ends = time.monotonic() + PATIENCE_S
        wakes = time.monotonic() + self._patience_s
        while not self.board.said()[before:].endswith(PROMPT):
            assert time.monotonic() < ends, f"no prompt: {self.board.said()[before:]}"
            if time.monotonic() > wakes:
                self.send(f.ether(self.mac, self.me.mac, f.IPV4, bytes(46)))
                wakes += self._patience_s
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
