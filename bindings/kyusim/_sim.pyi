"""The simulator's compiled part: boards, wires, virtual time. Use it through `kyusim.World`.

Every time is in whole microseconds of virtual time and says so last in its name. Everything that
looks random is drawn from the seeds given here. The interpreter's lock is released while a world
runs. A world and all that belongs to it are used from one Python thread at a time.
"""

from collections.abc import Sequence

from typing_extensions import Buffer

PLANTED: bool
"""True in `kyusim._planted`, where the mission's bugs are built in and can be chosen."""

MISSION_BUGS: tuple[str, ...]
"""Names that `World.board(mission_bug=)` takes; empty in `kyusim._sim`."""

class FatePlan:
    """What a wire does to frames, as chances (0.0 to 1.0) and times."""

    @property
    def delay_us(self) -> int: ...
    @property
    def jitter_us(self) -> int: ...
    @property
    def rate_bytes_per_s(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def burst_start(self) -> float: ...
    @property
    def burst_end(self) -> float: ...
    @property
    def duplicate(self) -> float: ...
    @property
    def reorder(self) -> float: ...
    @property
    def corrupt(self) -> float: ...
    @property
    def truncate(self) -> float: ...
    @property
    def flaps(self) -> list[tuple[int, int]]: ...
    def __init__(
        self,
        *,
        delay_us: int = 0,
        jitter_us: int = 0,
        rate_bytes_per_s: int = 0,
        loss: float = 0.0,
        burst_start: float = 0.0,
        burst_end: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        corrupt: float = 0.0,
        truncate: float = 0.0,
        flaps: Sequence[tuple[int, int]] = (),
    ) -> None: ...

class Fate:
    """What becomes of one frame."""

    @property
    def drop(self) -> bool: ...
    @property
    def delay_us(self) -> int: ...
    @property
    def corrupt_bit(self) -> int: ...
    @property
    def truncate_to(self) -> int: ...
    @property
    def duplicate(self) -> bool: ...
    @property
    def duplicate_delay_us(self) -> int: ...
    def __init__(
        self,
        *,
        drop: bool = False,
        delay_us: int = 0,
        corrupt_bit: int = -1,
        truncate_to: int = -1,
        duplicate: bool = False,
        duplicate_delay_us: int = 0,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

class Fates:
    """The fates of all frames in one direction of a wire: drawn from a seed, or given."""

    @staticmethod
    def from_seed(plan: FatePlan, seed: int) -> Fates: ...
    @staticmethod
    def given(fates: Sequence[Fate], plan: FatePlan = ...) -> Fates: ...
    def recorded(self) -> list[Fate]: ...
    def next(self, frame_bytes: int, now_us: int) -> Fate: ...

class ChoiceRates:
    """How often a choice departs: once in so many; 0 never."""

    def __init__(
        self,
        *,
        point: int = 20,
        turn: int = 4,
        preempt: int = 8,
        time: int = 30,
        time_max: int = 10,
        spurious: int = 50,
        allocation: int = 0,
    ) -> None: ...

class Choices:
    """Every departure from the board's own schedule; see firmware/port/host/schedule.hpp."""

    @staticmethod
    def random(seed: int, rates: ChoiceRates = ...) -> Choices: ...
    @staticmethod
    def pct(seed: int, depth: int, points: int, rates: ChoiceRates = ...) -> Choices: ...
    @staticmethod
    def round_robin(slice: int = 1) -> Choices: ...  # noqa: A002  as in C++
    @staticmethod
    def replay(text: str) -> Choices: ...
    @property
    def count(self) -> int: ...
    @property
    def diverged(self) -> int: ...
    @property
    def text(self) -> str: ...

class Task:
    """A program that runs as a thread of a board."""

    @property
    def done(self) -> bool: ...
    @property
    def error(self) -> str:
        """Empty while it runs and when all went well."""
    @property
    def received(self) -> bytes: ...
    def take(self) -> bytes:
        """What has been received since the last time; `received` forgets it."""
    def then(self, steps: Sequence[tuple[str | int | bytes, ...]]) -> None:
        """More for a program that is open."""
    def end(self) -> None:
        """It ends with its last step."""
    @property
    def step(self) -> int:
        """Which step is being done, from 0; their number when all are done."""
    @property
    def transfers(self) -> int:
        """Transfers completed byte-exact."""
    @property
    def bytes(self) -> int: ...
    @property
    def finished_us(self) -> int: ...

class Board:
    """One simulated board: the firmware's kernel, stack and services."""

    @property
    def name(self) -> str: ...
    @property
    def ip(self) -> str: ...
    @property
    def mac(self) -> bytes: ...
    @property
    def crashed(self) -> bool: ...
    @property
    def crash_text(self) -> str:
        """What the panic wrote to the serial line, crash record included."""
    @property
    def crash_us(self) -> int: ...
    @property
    def console_text(self) -> str: ...
    def type(self, text: str) -> None:
        """Somebody types at the serial console."""
    def counters(self) -> dict[str, int]: ...
    def program(
        self, steps: Sequence[tuple[str | int | bytes, ...]], *, stays: bool = False
    ) -> Task:
        """Starts a thread that does `steps` one after the other; see `kyusim.Board.program`."""
    def fetch_big(self, remote: str, transfers: int = 1, port: int = 114) -> Task:
        """Starts a thread that fetches `big` `transfers` times and compares every byte."""
    def listens(self, port: int) -> bool:
        """Somebody waits for connections to this TCP port."""
    def state(self, port: int, remote: str, remote_port: int) -> str:
        """Of a connection, by RFC 9293 §3.3.2: "ESTABLISHED"; of none: "LISTEN" or "CLOSED"."""
    def cut_frames(self, place: int) -> None:
        """Frames it receives from now on lie in two buffers, the first of `place` bytes; 0: in one
        buffer; -1: each byte in a buffer of its own."""
    def threads(self) -> list[tuple[int, str, str, str, str]]:
        """(id, name, state, what it waits for, locks it holds)."""

class Endpoint:
    """One end of a wire without a stack: frames in and out as bytes."""

    @property
    def name(self) -> str: ...
    def send(self, frame: Buffer) -> None:
        """Puts one Ethernet frame (without FCS) on the wire, now."""
    def receive(self) -> list[tuple[int, bytes]]:
        """Takes the frames that have arrived: (time in µs, bytes), oldest first."""
    def waiting(self) -> int: ...

class World:
    """Boards, endpoints and wires under one clock."""

    def __init__(self, seed: int = 1) -> None: ...
    @property
    def seed(self) -> int: ...
    @property
    def now_us(self) -> int: ...
    def board(
        self,
        name: str,
        ip: str,
        *,
        prefix_bits: int = 24,
        gateway: str = "0.0.0.0",
        seed: int = 0,
        mission_bug: str = "",
    ) -> Board: ...
    def endpoint(self, name: str) -> Endpoint: ...
    def wire(
        self,
        a: Board | Endpoint,
        b: Board | Endpoint,
        a_to_b: FatePlan | Fates | None = None,
        b_to_a: FatePlan | Fates | None = None,
    ) -> None: ...
    def hub(self, hosts: Sequence[Board | Endpoint], fates: FatePlan | None = None) -> None: ...
    def step(self) -> bool:
        """Runs to the next event and through it. False: nothing will ever happen by itself."""
    @property
    def next_event_us(self) -> int | None:
        """When something will happen by itself; None: never."""
    def run_until(
        self, limit_us: int, endpoints: Sequence[Endpoint] = ..., task: Task | None = None
    ) -> str:
        """Runs until the clock shows `limit_us` or one of these: "frame", one waits at one of
        `endpoints`; "done", `task` has ended; "crashed", a board has panicked. Else "limit"."""
    def inject_many(
        self,
        endpoint: Endpoint,
        frames: Sequence[Buffer],
        times: int = 1,
        gap_us: int = 100,
    ) -> int:
        """Sends all of `frames`, `times` times over, running the world for `gap_us` after each.
        Returns how many were sent: fewer when a board has crashed."""
    def explore(self, choices: Choices | None) -> None:
        """From now on `choices` decides who runs on every board; None: their priorities."""
    def recorded(self, to: Board | Endpoint) -> list[Fate]:
        """The fates of the frames towards a host whose wire was given Fates."""
    def departures(self, to: Board | Endpoint) -> list[tuple[int, Fate]]:
        """Of these, each that is more than the plan's delay, with its frame's number from 0."""
    def change_fates(self, to: Board | Endpoint, fates: FatePlan | Fates) -> None:
        """From now on these are the fates of the frames towards a host. ValueError: no wire."""
    def calm(self) -> None:
        """Wires do no more harm from now on."""
    def spoiled(self, to: Board | Endpoint) -> tuple[int, int]:
        """(frames, of these ARP) that have arrived at a host with other bytes than were sent."""
    def watch(self, on: bool) -> None:
        """Keep every frame from now on, until it is taken."""
    def take_frames(self) -> list[tuple[int, str, str, int, bool, bool, bytes]]:
        """Frames kept since: (time in µs, from, to, number, lost, spoiled, bytes)."""
    def hash(self) -> int: ...
    def events(self) -> int:
        """Events counted into the hash."""
    def counters(self) -> dict[str, dict[str, int]]: ...
