"""What a kernel's own data say: threads, locks, pools, events, the state of a crash.

Rules     reads the members that firmware/kernel names, in the order in which the board itself
          prints them. Damage costs what it damaged and no more, and is told in `troubles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from rig.inspect import lists
from rig.inspect.image import Image
from rig.inspect.layout import LayoutError, View, find_type
from rig.inspect.memory import Memory, Span, UnreadableError

VARIABLE, TYPE = "the_kernel", ("kyu", "Kernel")
#: The unit that constructs a Kernel is the one that has to know all of its members.
NEAR = "_ZN3kyu6KernelC"
THREADS_MAX, LOCKS_MAX, POOLS_MAX, EVENTS_MAX = 512, 64, 64, 64
STACK_BYTES_MAX = 1 << 20
PAINT = b"\xa5"  # what firmware/kernel/thread.cpp fills a stack with
TROUBLES_MAX = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lock:
    """`key` is the address of its wait queue: what a waiting thread names."""

    name: str
    taken: int
    key: int


@dataclass(frozen=True, slots=True)
class Thread:
    """`context` is port::Context, whatever the architecture keeps of a thread that does not run."""

    address: int
    id: int
    name: str
    priority: int
    state: str
    waits: str
    waits_in: int
    stack: Span
    used: int
    context: tuple[int, ...]
    held: tuple[Lock, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    name: str
    used: int
    total: int
    high: int
    failed: int


@dataclass(frozen=True, slots=True)
class Ring:
    """Memory that keeps the last of something (Kernel::note_ring)."""

    name: str
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Event:
    us: int
    what: str
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Crash:
    """The board's own panic, when there was one: its kind, and the registers it began with."""

    kind: str
    reason: str
    registers: tuple[int, ...]
    is_fault: bool
    fault_type: str = ""
    fault_address: int = 0
    fault_status: int = 0


@dataclass(frozen=True, slots=True)
class Kernel:
    started: bool
    in_irq: bool
    current: int  # address of the running thread, 0 for none
    threads: tuple[Thread, ...]
    pools: tuple[Pool, ...]
    rings: tuple[Ring, ...]
    events: tuple[Event, ...]
    turn_began_us: int
    crash: Crash | None
    troubles: tuple[str, ...]

    @property
    def running(self) -> Thread | None:
        return next((t for t in self.threads if t.address == self.current), None)


def find(image: Image, memory: Memory) -> View:
    """The kernel of this image. Raises UserError or LayoutError when the image tells of none."""
    address = image.variable(VARIABLE)
    for kind in find_type(image, TYPE, NEAR):
        kernel = View(memory, kind, address)
        if _described(kernel):
            return kernel
    raise LayoutError(f"{image.path} does not describe its kernel")


def _described(kernel: View) -> bool:
    """Another unit may know only that there is such a type."""
    try:
        for kind in (kernel["current_"].type.element, kernel["crash_"]["reason"].type):
            _ = kind.members
    except LayoutError:
        return False
    return True


def read(kernel: View) -> Kernel:
    """All that can be read. Raises LayoutError when threads are unlike what is known here."""
    return _Reader().kernel(kernel)


class _Reader:
    def __init__(self) -> None:
        self._troubles: list[str] = []

    def complain(self, what: str) -> None:
        if what not in self._troubles and len(self._troubles) < TROUBLES_MAX:
            self._troubles.append(what)

    def _try(self, what: str, get: Callable[[], T], otherwise: T) -> T:
        """Also when the image describes it otherwise: the threads are worth telling without it."""
        try:
            return get()
        except (UnreadableError, LayoutError) as error:
            self.complain(f"{what}: {error}")
            return otherwise

    def _walk(self, what: str, of: View, limit: int, one: Callable[[View], T]) -> Iterator[T]:
        for view in lists.members(of, limit, self.complain):
            try:
                yield one(view)
            except UnreadableError as error:
                self.complain(f"{what} at {view.address:08x}: {error}")

    def kernel(self, kernel: View) -> Kernel:
        threads = tuple(self._walk("thread", kernel["threads_"], THREADS_MAX, self._thread))
        return Kernel(
            started=self._try("kernel", lambda: kernel["started_"].unsigned() != 0, False),
            in_irq=self._try("kernel", lambda: kernel["in_irq_"].unsigned() != 0, False),
            current=self._try("kernel", kernel["current_"].unsigned, 0),
            threads=threads,
            pools=self._try("pools", lambda: self._pools(kernel), ()),
            rings=self._try("rings", lambda: _rings(kernel["rings_"]), ()),
            events=self._try("events", lambda: _events(kernel["events_"]), ()),
            turn_began_us=self._try("kernel", lambda: _instant(kernel["turn_began_"]), 0),
            crash=self._try("crash", lambda: _crash(kernel["crash_"]), None),
            troubles=tuple(self._troubles),
        )

    def _pools(self, kernel: View) -> tuple[Pool, ...]:
        return tuple(self._walk("pool", kernel["pools_"]["pools_"], POOLS_MAX, _pool))

    def _thread(self, thread: View) -> Thread:
        queue = self._try("wait queue", thread["waiting_in_"].target, None)
        stack = _stack(thread["stack_"])
        return Thread(
            address=thread.address,
            id=thread["id_"].unsigned(),
            name=_word(thread["name_"]),
            priority=thread["priority_"]["level"].unsigned(),
            state=thread["state_"].enumerator(),
            waits="" if queue is None else self._try("wait queue", lambda: _waits(queue), "?"),
            waits_in=0 if queue is None else queue.address,
            stack=stack,
            used=self._try("stack", lambda: _used(thread.memory, stack), 0),
            context=tuple(word.unsigned() for word in thread["context_"]["words"].elements()),
            held=tuple(self._walk("lock", thread["held_"], LOCKS_MAX, _lock)),
        )


def _word(pointer: View) -> str:
    """A name: one word, so that it can stand in a record."""
    return pointer.text().replace(" ", "_") or "-"


def _waits(queue: View) -> str:
    kind, name = queue["kind_"].text(), queue["name_"].text()
    return f"{kind} {name}" if name else kind


def _lock(mutex: View) -> Lock:
    waiters = mutex["waiters_"]
    return Lock(_word(waiters["name_"]), mutex["taken_at_"].unsigned(), waiters.address)


def _pool(entry: View) -> Pool:
    stats = entry["stats"].target()
    if stats is None:
        raise UnreadableError(0)
    numbers = (stats[key].unsigned() for key in ("used", "total", "high", "failed"))
    return Pool(_word(entry["name"]), *numbers)


def _rings(notes: View) -> tuple[Ring, ...]:
    return tuple(
        Ring(_word(note["name"]), note["at"].unsigned(), note["bytes"].unsigned())
        for note in notes.elements()
        if note["name"].unsigned() != 0
    )


def _stack(span: View) -> Span:
    """A std::span<std::byte>, as libstdc++ lays it out."""
    start = span["_M_ptr"].unsigned()
    size = span["_M_extent"]["_M_extent_value"].unsigned()
    return Span(start, start + min(size, STACK_BYTES_MAX))


def _used(memory: Memory, stack: Span) -> int:
    """The high-water mark: what has lost its paint."""
    return len(memory.read(stack.start, stack.end - stack.start).lstrip(PAINT))


def _instant(at: View) -> int:
    return at["us_"].signed()


def _events(ring: View) -> tuple[Event, ...]:
    """The newest, oldest of them first."""
    recorded = ring["recorded_"].unsigned()
    slots = list(ring["events_"].elements())
    shown = min(recorded, len(slots), EVENTS_MAX)
    found = []
    for number in range(recorded - shown, recorded):
        slot = slots[number % len(slots)]
        us, what = _instant(slot["at"]), _word(slot["what"])
        found.append(Event(us, what, slot["a"].unsigned(), slot["b"].unsigned()))
    return tuple(found)


def _crash(crash: View) -> Crash | None:
    if crash["depth"].unsigned() == 0:
        return None
    reason = crash["reason"]
    size = min(reason["size_"].unsigned(), reason["data_"].type.size)
    text = crash.memory.read(reason["data_"].address, size)
    fault, is_fault = crash["fault"], crash["is_fault"].unsigned() != 0
    return Crash(
        kind=crash["kind"].enumerator(),
        reason=text.decode("latin-1"),
        registers=_registers(crash["registers"]),
        is_fault=is_fault,
        fault_type=_word(fault["type"]) if is_fault else "",
        fault_address=fault["address"].unsigned(),
        fault_status=fault["status"].unsigned(),
    )


def _registers(of: View) -> tuple[int, ...]:
    return (*(each.unsigned() for each in of["r"].elements()), of["status"].unsigned())
