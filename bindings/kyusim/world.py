"""World, Board, Task: simulated boards under one virtual clock.

Rules     Nothing here knows the wall clock: the same seed gives the same run, on every machine.
          What has no wire when the world first runs is joined to one network, the LAN.
          A panic of the firmware is raised from whatever runs the world, once a board.
Time      whole microseconds of virtual time; `us`, `ms`, `s` multiply: `world.run_for(3 * ms)`.
Threads   a world belongs to one Python thread; it lets others run while it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from kyusim import _planted, _sim
from kyusim._sim import Choices, Endpoint, Fate, FatePlan, Fates
from kyusim.errors import FirmwarePanic, NotDone

if TYPE_CHECKING:
    from kyusim.peer import Peer

us = 1
ms = 1_000
s = 1_000_000

#: Longer than anything a test waits for: 1 h of virtual time.
PATIENCE_US = 3_600 * s

#: A network that does no harm: 50 us from anybody to anybody.
LAN = FatePlan(delay_us=50)

MISSION_BUGS = _planted.MISSION_BUGS
"""The bugs of the mission that `World(planted=True).board(mission_bug=NAME)` puts back."""

Step = tuple[str | int | bytes, ...]


class Passage(NamedTuple):
    """A frame that has arrived, or that a wire has lost."""

    at_us: int
    source: str
    destination: str
    number: int  # of the frames towards `destination`, from 0, like their fates
    lost: bool
    spoiled: bool  # the wire has changed its bytes
    frame: bytes


class Spoiled(NamedTuple):
    """Frames that a wire has delivered with other bytes than were sent."""

    frames: int
    arp: int  # of these; ARP has no checksum that would tell


class Counters(Mapping[str, int]):
    """Counters by name, as items and as attributes: `board.tcpstat.segments_sent_again`."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> int:
        try:
            return self._values[name]
        except KeyError:
            near = ", ".join(sorted(self._values))
            raise AttributeError(f"no counter {name}; there are: {near}") from None

    def __repr__(self) -> str:
        return f"Counters({ {name: value for name, value in self._values.items() if value} })"

    def under(self, prefix: str) -> Counters:
        """Those whose names begin with `prefix_`, without it."""
        cut = prefix + "_"
        return Counters({n.removeprefix(cut): v for n, v in self.items() if n.startswith(cut)})

    def since(self, before: Mapping[str, int]) -> Counters:
        """What changed."""
        return Counters({n: v - before.get(n, 0) for n, v in self.items() if v != before.get(n, 0)})


class Task:
    """A program that runs as a thread of a board's firmware."""

    def __init__(self, world: World, board: Board, native: _sim.Task) -> None:
        self._world = world
        self.board = board
        self.native = native

    @property
    def done(self) -> bool:
        return self.native.done

    @property
    def error(self) -> str:
        """Why it ended early; empty while it runs and when all went well."""
        return self.native.error

    @property
    def received(self) -> bytes:
        """What `recv` steps have read."""
        return self.native.received

    @property
    def step(self) -> int:
        """Which step it is at, from 0; their number when all are done."""
        return self.native.step

    @property
    def transfers(self) -> int:
        """Transfers of `fetch_big` that came byte-exact."""
        return self.native.transfers

    @property
    def finished_us(self) -> int:
        """When it ended, in virtual time."""
        return self.native.finished_us

    def take(self) -> bytes:
        """What has been received since the last time; `received` forgets it."""
        return self.native.take()

    def then(self, *steps: Step) -> None:
        """More to do, for a program that is open."""
        self.native.then(steps)

    def end(self) -> None:
        """An open program ends with its last step."""
        self.native.end()

    def finish(self, within_us: int = PATIENCE_US) -> Task:
        """Runs the world until the task has ended. NotDone: it did not, or it ended badly."""
        return self._world.finish(self, within_us)

    def __repr__(self) -> str:
        state = self.error or ("done" if self.done else "running")
        return f"<Task on {self.board.name}: {state}, {self.native.bytes} bytes>"


class Board:
    """One simulated board: the real kernel, the real stack, the services of the test server."""

    def __init__(self, world: World, native: _sim.Board) -> None:
        self._world = world
        self.native = native
        self.name = native.name
        self.ip = native.ip
        self.mac = native.mac

    @property
    def crashed(self) -> bool:
        return self.native.crashed

    @property
    def console(self) -> str:
        """All that the board has written to its serial line."""
        return self.native.console_text

    def type(self, text: str) -> None:
        """Somebody types at the serial line; end a command with a line end."""
        self.native.type(text)

    def shell(self, command: str, within_us: int = 5 * s) -> str:
        """Types a command at the prompt and returns what the board answers."""
        start = len(self.console)
        self.type(command + "\r")
        prompt = "Kyu, ready> "
        self._world.wait_for(
            lambda: (
                self.console.rstrip("\0").endswith(prompt)
                and len(self.console) > start + len(command)
            ),
            within_us,
        )
        answer = self.console[start:].replace("\r\n", "\n")
        return answer.removeprefix(command).lstrip("\n").removesuffix(prompt)

    def counters(self) -> Counters:
        """Every counter of kernel, stack and services, by name."""
        return Counters(self.native.counters())

    @property
    def tcpstat(self) -> Counters:
        """TCP's counters: `board.tcpstat.segments_sent_again`."""
        return self.counters().under("tcp")

    def listens(self, port: int) -> bool:
        """Somebody waits for connections to this TCP port."""
        return self.native.listens(port)

    def state(self, port: int, remote: str, remote_port: int) -> str:
        """Of a connection, by RFC 9293 §3.3.2; of none: "LISTEN" or "CLOSED"."""
        return self.native.state(port, remote, remote_port)

    def cut_frames(self, place: int) -> None:
        """Frames it receives from now on lie in two buffers, the first of `place` bytes; 0: in one
        buffer; -1: each byte in a buffer of its own."""
        self.native.cut_frames(place)

    def threads(self) -> list[tuple[int, str, str, str, str]]:
        """(id, name, state, what it waits for, locks it holds) of every thread."""
        return self.native.threads()

    def program(self, steps: Sequence[Step], *, stays: bool = False) -> Task:
        """Starts a thread that does `steps` one after the other and ends at the first error:

        ("connect", ip, port) · ("listen", port) and ("accept",) · ("send", data) ·
        ("recv", count) · ("recv_all",) until the peer has sent everything · ("shutdown",) ·
        ("close",) · ("abort",) · ("sleep", us) · ("join", group), a multicast group, until the
        program has ended · ("panic", reason)

        `stays`: after the last step it waits for more (`Task.then`), until `Task.end`.
        """
        return Task(self._world, self, self.native.program(steps, stays=stays))

    def fetch(self, remote: Board | Peer | str, request: bytes = b"big\n", port: int = 114) -> Task:
        """Connects, sends `request` and reads until the remote side closes."""
        ip = remote if isinstance(remote, str) else remote.ip
        steps: list[Step] = [("connect", ip, port), ("send", request), ("recv_all",), ("close",)]
        return self.program(steps)

    def fetch_big(self, remote: Board | str, transfers: int = 1, port: int = 114) -> Task:
        """Fetches `big` again and again, comparing every byte; nothing is kept. The fast way."""
        ip = remote if isinstance(remote, str) else remote.ip
        return Task(self._world, self, self.native.fetch_big(ip, transfers, port))

    def __repr__(self) -> str:
        return f"<Board {self.name} {self.ip}{', crashed' if self.crashed else ''}>"


Host: TypeAlias = "Board | Endpoint | Peer"


class World:
    """Boards, peers and the wires between them, under one clock.

    `planted` chooses the build that has the mission's bugs in it. `lan` is what the network that
    joins everything without a wire does to frames.
    """

    def __init__(self, seed: int = 1, *, planted: bool = False, lan: FatePlan = LAN):
        self._module = _planted if planted else _sim
        self.native: _sim.World = self._module.World(seed)
        self.planted = planted
        self.boards: list[Board] = []
        self.peers: list[Peer] = []
        self._lan = lan
        self._unwired: list[_sim.Board | Endpoint] = []
        self._told: set[str] = set()

    # ---- Who is there ------------------------------------------------------------------------

    def board(self, name: str = "", ip: str = "", *, mission_bug: str = "", seed: int = 0) -> Board:
        """A board that boots when the world first runs. `seed` 0: drawn from the world's."""
        number = len(self.boards) + 1
        name = name or ("board" if number == 1 else f"board{number}")
        native = self.native.board(
            name, ip or f"10.0.0.{number}", seed=seed, mission_bug=mission_bug
        )
        self.boards.append(Board(self, native))
        self._unwired.append(native)
        return self.boards[-1]

    def endpoint(self, name: str = "endpoint") -> Endpoint:
        """One end of a wire: frames as bytes, nothing is answered."""
        end = self.native.endpoint(name)
        self._unwired.append(end)
        return end

    def scripted_peer(self, name: str = "", ip: str = "") -> Peer:
        """A host that says what a test makes it say; it answers ARP by itself."""
        from kyusim.peer import Peer

        number = 100 + len(self.peers)
        name = name or f"peer{number - 99}"
        peer = Peer(self, self.endpoint(name), ip or f"10.0.0.{number}", number)
        self.peers.append(peer)
        return peer

    def wire(
        self,
        a: Host,
        b: Host,
        a_to_b: FatePlan | Fates | None = None,
        b_to_a: FatePlan | Fates | None = None,
    ) -> None:
        """Joins two hosts. A FatePlan is drawn from the world's seed; None: as on the LAN."""
        ends = (_native(a), _native(b))
        self.native.wire(*ends, a_to_b or self._lan, b_to_a or self._lan)
        self._unwired = [end for end in self._unwired if end not in ends]

    # ---- Time --------------------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        return self.native.now_us

    @property
    def next_event_us(self) -> int | None:
        """When something happens next, if nobody does anything; None: never."""
        self._join_lan()
        return self.native.next_event_us

    def step(self) -> bool:
        """Runs to the next event and through it. False: nothing will ever happen by itself."""
        self._join_lan()
        more = self.native.step()
        self._after_running()
        return more

    def run_for(self, duration_us: int) -> None:
        self.run_until(self.now_us + duration_us)

    def run_until(self, limit_us: int) -> None:
        """Runs until the clock shows `limit_us`. FirmwarePanic: a board has crashed."""
        self._run(limit_us, None)

    def wait_for(self, holds: Callable[[], bool], within_us: int = PATIENCE_US) -> bool:
        """Runs until `holds()`, asked after every event. False: the time passed before it did."""
        limit = self.now_us + within_us
        while not holds():
            next_us = self.next_event_us
            if next_us is None or next_us > limit:
                self.run_until(limit)
                return holds()
            self.step()
        return True

    def finish(self, task: Task, within_us: int = PATIENCE_US) -> Task:
        """Runs until `task` has ended. NotDone: it did not, or it ended badly."""
        self._run(self.now_us + within_us, task.native)
        if not task.done:
            raise NotDone(f"{task.board.name}: not done after {within_us} us: {task!r}")
        if task.error:
            raise NotDone(f"{task.board.name}: {task.error}")
        return task

    def inject_many(
        self, endpoint: Endpoint, frames: Sequence[bytes], times: int = 1, gap_us: int = 100
    ) -> None:
        """Sends all of `frames` from `endpoint`, `times` times over, running for `gap_us` after
        each, without Python in between. FirmwarePanic: a board has crashed."""
        self._join_lan()
        self.native.inject_many(endpoint, frames, times, gap_us)
        self._after_running()

    def _run(self, limit_us: int, task: _sim.Task | None) -> None:
        self._join_lan()
        ends = [peer.endpoint for peer in self.peers]
        while self.native.run_until(limit_us, ends, task) == "frame":
            self._after_running()
        self._after_running()

    def _join_lan(self) -> None:
        unwired, self._unwired = self._unwired, []
        if len(unwired) == 2:
            self.native.wire(unwired[0], unwired[1], self._lan, self._lan)
        elif len(unwired) > 2:
            self.native.hub(unwired, self._lan)

    def _after_running(self) -> None:
        for peer in self.peers:
            peer.pump()
        for board in self.boards:
            if board.crashed and board.name not in self._told:
                self._told.add(board.name)
                raise FirmwarePanic(board.name, board.native.crash_us, board.native.crash_text)

    def explore(self, choices: Choices | None) -> None:
        """From now on `choices` decides who runs on every board; None: their own priorities."""
        self.native.explore(choices)

    # ---- What happened -----------------------------------------------------------------------

    def hash(self) -> int:
        """64 bits over every event so far. Same seed, same hash: on every machine, in every build
        of one source."""
        return self.native.hash()

    def events(self) -> int:
        """How many events the hash covers."""
        return self.native.events()

    def recorded(self, to: Host) -> list[Fate]:
        """The fates of the frames towards a host whose wire was given Fates."""
        return self.native.recorded(_native(to))

    def departures(self, to: Host) -> list[tuple[int, Fate]]:
        """Of the recorded fates each that is more than a plain delay, with its frame's number."""
        return self.native.departures(_native(to))

    def change_fates(self, to: Host, fates: FatePlan | Fates) -> None:
        """From now on these are the fates of the frames towards a host that has a wire."""
        self.native.change_fates(_native(to), fates)

    def calm(self) -> None:
        """All wires do no more harm from now on."""
        self.native.calm()

    def spoiled(self, to: Host) -> Spoiled:
        """What has arrived at a host with other bytes than were sent."""
        return Spoiled(*self.native.spoiled(_native(to)))

    def watch(self, on: bool = True) -> None:
        """Keep every frame from now on, for take_frames(). It changes nothing in what happens."""
        self.native.watch(on)

    def take_frames(self) -> list[Passage]:
        """The frames kept since the last time, in the order in which they arrived or were lost."""
        return [Passage(*row) for row in self.native.take_frames()]

    def counters(self) -> dict[str, Counters]:
        """Every counter of every host, by the host's name."""
        return {name: Counters(values) for name, values in self.native.counters().items()}


def _native(host: Host) -> _sim.Board | Endpoint:
    if isinstance(host, Endpoint):
        return host
    return host.native if isinstance(host, Board) else host.endpoint
