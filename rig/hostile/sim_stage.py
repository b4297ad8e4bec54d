"""SimStage: a board in the simulator, and the common rule that every case is held to.

Rules     finish() is that rule: a minute later every pool is as it was, and a clean echo works.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kyusim import FatePlan, World
from kyusim.world import Counters, Task
from rig.hostile import frames as f
from rig.hostile.stage import MS, Conn, Ignoring, S, Station, User, clean_echo, describe

if TYPE_CHECKING:
    from kyusim.world import Step

#: What a case may leave behind for a minute, and no longer.
POOLS = (
    "mbufs_used",
    "clusters_used",
    "connections_used",
    "sockets_used",
    "time_waits_used",
    "syn_records_used",
    "pieces_used",
    "datagrams_used",
    "neighbours_used",
)
#: 100 Mbit/s, so that a transfer takes its time.
BUSY = FatePlan(delay_us=50, rate_bytes_per_s=12_500_000)
BUSY_FACTOR = 5


#: Where reading() listens.
READER = 2000


class SimStage:
    """A board, a hostile station, and if wanted somebody who is busy with the board."""

    blur_us = 0

    def __init__(self, *, seed: int = 1, busy: bool = False, lan: FatePlan = BUSY) -> None:
        self.world = World(seed, lan=lan) if busy else World(seed)
        self.board = self.world.board()
        self.ip, self.mac = self.board.ip, self.board.mac
        self.me = Station("10.0.0.200", bytes.fromhex("020000000200"))
        self.stations = {self.me.ip: self.me.mac}
        self.conns: dict[tuple[int, int], Conn] = {}
        self.sought = 0
        self.end = self.world.endpoint("hostile")
        self._next_port = 40_000
        self._transfers: list[Task] = []
        self._kept: list[bytes] = []  # what came while nobody listened
        self._client = self.world.board() if busy else None
        self.world.wait_for(lambda: self.board.listens(7), 10 * S)
        self.world.run_for(1 * S)
        self.drop()
        self.baseline = self.pools()
        # Hosts that live and talk to the board are no leftovers.
        self.baseline["neighbours_used"] = len(self.stations) + len(self.world.boards) - 1

    # ---- Stage -------------------------------------------------------------------------------

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.end.send(frame)

    def hear(self, for_us: int = 100 * MS) -> list[bytes]:
        # Among busy hosts everything takes longer.
        return self._listen(for_us * (BUSY_FACTOR if self.busy else 1))

    def _listen(self, for_us: int) -> list[bytes]:
        heard, self._kept = self._kept, []
        ends = self.world.now_us + for_us
        while True:
            why = self.world.native.run_until(ends, [self.end], None)
            self.world.run_for(0)  # raises what has crashed
            arrived = [frame for _, frame in self.end.receive() if self._ours(frame)]
            heard += [frame for frame in arrived if not self._answer_arp(frame)]
            if why != "frame":
                return heard

    def hear_first(self, for_us: int) -> list[bytes]:
        return self.hear(for_us)

    def often(self, times: int) -> int:
        return times

    def inject(self, frames: Sequence[bytes], times: int, gap_us: int = 100) -> None:
        self.world.inject_many(self.end, frames, times, gap_us)

    def flood(self, frames: Sequence[bytes], times: int = 1, gap_us: int = 10) -> None:
        self.inject(frames, times, gap_us)

    def least(self, sent: int) -> int:
        return sent - sent // 1_000

    def hear_some(self, enough: int, for_us: int) -> list[bytes]:
        del enough
        return self.hear(for_us)

    def counters(self) -> Counters:
        return self.board.counters()

    def count_of(self, counter: str) -> int | None:
        return self.counters()[counter]

    def fresh_port(self) -> int:
        self._next_port += 1
        return self._next_port

    @property
    def now_us(self) -> int:
        return self.world.now_us

    def state(self, conn: Conn) -> str:
        return self.board.state(conn.port, self.me.ip, conn.local_port)

    def reading(self) -> tuple[int, User]:
        return READER, self.accepting(READER, ("recv_all",), ("sleep", 1 * S))

    def leave(self, conn: Conn) -> None:
        self.run_for(1 * S)  # which it sleeps
        conn.take(self.hear(1 * MS))
        self.send(conn.segment("A"))
        self.hear(5 * MS)

    def ignoring(self) -> Ignoring:
        """It accepts nobody for five seconds, and then closes."""
        task = self.program(("listen", READER), ("sleep", 5 * S))
        self.run_for(10 * MS)

        def end(conns: Sequence[Conn]) -> None:
            del conns
            self.run_for(6 * S)
            assert task.done
            self.hear(1 * MS)

        return Ignoring(READER, 1 + 8, end)

    def connecting(self, remote_port: int, *steps: Step) -> tuple[Task, Conn]:
        """A program that connects to us, and our end after its SYN has come."""
        self.drop()
        task = self.program(("connect", self.me.ip, remote_port), *(steps or (("recv_all",),)))
        came = self.hear(20 * MS)
        assert [describe(self, frame) for frame in came] == ["tcp S"]
        local = int.from_bytes(came[0][34:36], "big")
        conn = Conn(self, local, remote_port)
        conn.take(came)
        return task, conn

    def shell(self, command: str) -> str:
        return self.board.shell(command)

    def type(self, command: str) -> int:
        start = len(self.board.console)
        self.board.type(command + "\r")
        return start

    def await_said(self, text: str, start: int) -> str:
        self.world.wait_for(lambda: text in self.board.console[start:], 30 * S)
        said = self.board.console[start:]
        assert text in said, said
        return said

    # ---- Beyond a wire -----------------------------------------------------------------------

    def program(self, *steps: Step) -> Task:
        return self.board.program(steps)

    def accepting(self, port: int, *steps: Step) -> Task:
        """A program that waits for one connection to `port` and goes on from there."""
        assert not self.board.listens(port), "an earlier program has the port still"
        task = self.program(("listen", port), ("accept",), *steps)
        self.world.wait_for(lambda: self.board.listens(port), 5 * S)
        return task

    def pools(self) -> dict[str, int]:
        now = self.counters()
        return {name: now[name] for name in POOLS}

    def run_for(self, duration_us: int) -> None:
        """Time passes; what comes meanwhile is kept for hear()."""
        self._kept = self._listen(duration_us)

    def drop(self) -> None:
        """What has come is of no interest."""
        self._kept.clear()
        self.end.receive()

    # ---- The common rule ---------------------------------------------------------------------

    def be_busy(self, transfers: int = 5) -> None:
        """Somebody else fetches, byte by byte compared."""
        assert self._client is not None
        self._transfers.append(self._client.fetch_big(self.board, transfers))

    @property
    def busy(self) -> bool:
        return any(not task.done for task in self._transfers)

    def finish(self) -> None:
        """Transfers have come whole; a minute later nothing is in use; and echo works."""
        for task in self._transfers:
            self.world.finish(task, 60 * S)
        self._transfers.clear()
        self.conns.clear()
        self.run_for(61 * S)
        self.drop()
        left = {name: now - self.baseline[name] for name, now in self.pools().items()}
        grown = {name: more for name, more in left.items() if more > 0}
        assert not grown, f"a minute later still in use: {grown}"
        self.echo()

    def echo(self) -> None:
        """A clean conversation with the echo service."""
        self.introduce()
        clean_echo(self)

    def introduce(self) -> None:
        """The board knows who we are, and need not ask while it is flooded."""
        mine = f.arp(f.REQUEST, self.me.mac, self.me.ip, bytes(6), self.ip)
        self.send(f.ether(f.BROADCAST, self.me.mac, f.ARP, mine))
        self.hear(2 * MS)

    def _ours(self, frame: bytes) -> bool:
        return frame[6:12] == self.mac and (
            frame[0:6] in self.stations.values() or bool(frame[0] & 1)
        )

    def _answer_arp(self, frame: bytes) -> bool:
        """True: the frame was a question for an address, and is dealt with."""
        if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\0\1" or frame[28:32] == frame[38:42]:
            return False
        for ip, mac in self.stations.items():
            if frame[38:42] == f.packed(ip):
                self.sought += 1
                reply = f.arp(f.REPLY, mac, ip, frame[22:28], self.ip)
                self.end.send(f.ether(frame[22:28], mac, f.ARP, reply))
        return True
