"""WireStage: the stage of rig/hostile on the emulated board's wire.

Rules     By a raw socket beside the host's own stack, under an address of its own. Users are the
          board's own services: who reads is its echo service, who connects is its shell, which
          cannot show counters meanwhile.
          The board has the address that it has in the simulator (BOOT): frames name its subnet.
Time      the host's; of a board whose clock runs `faster` (fast_clock.py) the board's, which is
          so many times the host's. Nobody listens for less than LEAST_S of the host's time.
"""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rig.hostile import frames as f
from rig.hostile.stage import MS, Conn, Ignoring, Station, User, clean_echo, describe, parse_tcp
from rig.scenarios.plain_board import PlainBoard
from rig.wire.tap import DEVICE

ADDRESS = "10.0.0.1"
BOOT = f"hb=0 ip={ADDRESS}/24 gw=0.0.0.0"
ECHO, DISCARD = 7, 9
DISCARD_PLACES = 3 * 2  # whom it serves, who waits for that, and whom it has just given up
PATIENCE_S = 10.0
PROMPT = "Kyu, ready> "
LEAST_S, PATIENT_S, HOST_LATE_S = 0.002, 0.3, 0.05
KEPT_MAX = 10_000
#: An echo of ours, by which we see that the board has come to it; and what comes back.
FENCE = f.echo(b"", ident=0xFE0C, sequence=0xE000)
FENCE_REPLY = f.icmp(0, 0, FENCE[4:8])
#: By the simulator's names: how `net` and `tcp` name them.
POOLS = {
    "mbufs_used": "mbufs",
    "clusters_used": "clusters",
    "datagrams_used": "datagrams",
    "neighbours_used": "neighbours",
    "connections_used": "tcp_connections_used",
    "sockets_used": "tcp_sockets_used",
    "syn_records_used": "tcp_half_open_used",
    "time_waits_used": "tcp_time_wait_used",
    "pieces_used": "tcp_out_of_order_used",
}
#: Not when there is none.
UNSHOWN = ("datagrams", "neighbours")


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
    def __init__(self, board: PlainBoard, *, counting: bool = False, faster: float = 1.0) -> None:
        """`counting`: under -icount, where the emulator may sleep on with a byte on the serial line
        until a frame wakes it."""
        self.board = board
        self.ip, self.mac = ADDRESS, b""
        self.me = Station("10.0.0.200", bytes.fromhex("020000000200"))
        self._faster = faster
        self.blur_us = int(HOST_LATE_S * 1e6 * faster)
        self.conns: dict[tuple[int, int], Conn] = {}
        self.busy = False
        self._patience_s = 0.3 if counting else PATIENCE_S
        self._port = 40_000
        self._kept: list[bytes] = []
        self._reader: Echoed | None = None
        self._fenced = False
        self.sought = 0
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._raw.bind((DEVICE, 3))
        self.introduce()

    def close(self) -> None:
        self._raw.close()

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self._raw.send(frame)

    def hear(self, for_us: int = 100 * MS) -> list[bytes]:
        return self._listen(self._seconds(for_us, LEAST_S), KEPT_MAX)

    def hear_some(self, enough: int, for_us: int) -> list[bytes]:
        return self._listen(self._seconds(for_us, PATIENT_S), enough)

    def _seconds(self, for_us: int, least: float) -> float:
        """Of the host's; as asked where both clocks run alike."""
        seconds = for_us / 1e6 / self._faster
        return seconds if self._faster == 1 and for_us >= MS else max(seconds, least)

    def _listen(self, seconds: float, enough: int) -> list[bytes]:
        heard, self._kept = self._kept, []
        ends = time.monotonic() + seconds
        while len(heard) < enough and (left := ends - time.monotonic()) > 0:
            self._raw.settimeout(left)
            try:
                frame, (_, _, kind, *_) = self._raw.recvfrom(2048)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING or not self._ours(frame):
                continue
            if self._answer_arp(frame) or (self._reader is not None and self._reader.take(frame)):
                continue
            if frame[34:42] == FENCE_REPLY:
                self._fenced = True
                break
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
        return int(time.monotonic_ns() * self._faster) // 1_000

    def hear_first(self, for_us: int) -> list[bytes]:
        heard: list[bytes] = []
        ends = time.monotonic() + self._seconds(for_us, PATIENT_S)
        while time.monotonic() < ends and all(frame[12:14] == b"\x08\x06" for frame in heard):
            heard += self._listen(LEAST_S, KEPT_MAX)
        while time.monotonic() < ends and (more := self._listen(4 * LEAST_S, KEPT_MAX)):
            heard += more
        return heard

    def often(self, times: int) -> int:
        return max(2, times // 50)

    def hear_until(self, enough: int, for_us: int) -> list[bytes]:
        """As hear(), but once `enough` have come only a moment longer."""
        heard: list[bytes] = []
        ends = time.monotonic() + for_us / 1e6
        while time.monotonic() < ends and len(heard) < enough:
            heard += self._listen(0.003, KEPT_MAX)
        return heard + self._listen(0.005, KEPT_MAX)

    def flood(self, frames: Sequence[bytes], times: int = 1, gap_us: int = 10) -> None:
        del gap_us
        send = self._raw.send
        for _ in range(times):
            for frame in frames:
                send(frame)
        self._fence()

    def least(self, sent: int) -> int:
        return max(1, sent // 200)

    def _fence(self) -> None:
        """Until the board has dealt with what it was sent: an echo to it comes back."""
        question = f.ether(self.mac, self.me.mac, f.IPV4,
                           f.ipv4(self.me.ip, self.ip, f.ICMP, FENCE))  # fmt: skip
        ends = time.monotonic() + PATIENCE_S
        self._fenced = False
        while not self._fenced:
            assert time.monotonic() < ends, "the board answers no echo after a flood"
            self.send(question)
            self._kept = self._listen(0.05, KEPT_MAX)[-KEPT_MAX:]

    def inject(self, frames: Sequence[bytes], times: int, gap_us: int = 100) -> None:
        for _ in range(times):
            for frame in frames:
                self.send(frame)
                time.sleep(gap_us / 1e6)  # of the host's time: so fast the board is
        self._kept = self._listen(0.005, KEPT_MAX)  # the emulated board is slower than this loop

    def counters(self) -> Mapping[str, int]:
        """By the simulator's names. A counter that is 0 is not shown."""
        found: Counter[str] = Counter()
        for command, prefix in (("net", ""), ("tcp", "tcp_")):
            for name, value in re.findall(
                r"^ *([a-z][\w:\- ]*?) {1,}(\d+)\b", self.ask(command), re.M
            ):
                found[prefix + re.sub(r"[ -]+", "_", name.replace(":", ""))] = int(value)
        for name, shown in POOLS.items():
            assert shown in found or shown in UNSHOWN, f"no {shown} in {sorted(found)}"
            found[name] = found[shown]
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
        while PROMPT not in self.board.said()[before:]:  # what is announced may come after it
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

    def ignoring(self) -> Ignoring:
        """The discard service, which says nothing and takes as many as it has workers."""

        def end(conns: Sequence[Conn]) -> None:
            for _ in range(3):  # what a full ring has lost
                for at in range(0, len(conns), 500):
                    self.flood([conn.segment("R") for conn in conns[at : at + 500]])
            self.drop()

        return Ignoring(DISCARD, DISCARD_PLACES, end)

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

    def introduce(self) -> None:
        """The board knows who we are, and we know who it is."""
        question = f.arp(f.REQUEST, self.me.mac, self.me.ip, bytes(6), self.ip)
        self.send(f.ether(f.BROADCAST, self.me.mac, f.ARP, question))
        ends = time.monotonic() + 5
        self.mac = b""
        while not self.mac:
            assert time.monotonic() < ends, "the board does not answer ARP"
            self._raw.settimeout(1)
            frame = self._raw.recv(2048)
            if frame[0:6] == self.me.mac and frame[12:14] == b"\x08\x06" and frame[21] == f.REPLY:
                self.mac = frame[6:12]

    def _ours(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and (frame[0:6] == self.me.mac or frame[0:6] == f.BROADCAST)

    def _answer_arp(self, frame: bytes) -> bool:
        if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[28:32] == frame[38:42]:
            return False
        if frame[38:42] == f.packed(self.me.ip):
            self.sought += 1
            reply = f.arp(f.REPLY, self.me.mac, self.me.ip, frame[22:28], self.ip)
            self.send(f.ether(frame[22:28], self.me.mac, f.ARP, reply))
        return True
