"""The crash record of a board that was halted from outside, in the board's own words.

Rules     pure. The same frames, in the same order, with the same keys as firmware/kernel/
          crash_record.cpp prints them, so that whatever reads the one reads the other. Added are
          `from=outside`, `halted=1` of a board that said nothing itself, `exact=1` at an address
          that is no return address, and `crash-note` for what could not be read.
          A board that had panicked is told as it stood when its panic began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rig.console.crash import CrashRecord
from rig.console.grammar import Frame as Line
from rig.inspect import kernel as kernels
from rig.inspect.console import unsent
from rig.inspect.image import Image
from rig.inspect.kernel import Crash, Kernel, Thread
from rig.inspect.memory import Memory, Span
from rig.inspect.names import UNKNOWN, Names
from rig.inspect.unwind import FP, LR, PC, SP, Frame, Unwinder

PANIC, INTERRUPT_ENTRY = "panic_format", "irq_vector"
#: Besides a thread's own stack a walk may read these: of a boot, and of a crash.
FIXED_STACKS = (
    ("kyu_boot_stack", "kyu_boot_stack_top"),
    ("kyu_crash_stack", "kyu_nested_crash_stack_top"),
    ("kyu_fiq_stack", "kyu_fiq_stack_top"),
)


@dataclass(frozen=True, slots=True)
class Outside:
    """`registers`: where the current thread stands, or where it trapped. `backtraces`: by thread
    id, the current one included; 0 when there is none.
    """

    record: CrashRecord
    kernel: Kernel
    registers: tuple[int, ...]
    backtraces: dict[int, tuple[Frame, ...]]


def build(image: Image, memory: Memory, registers: Sequence[int], why: str) -> Outside:
    """Raises LayoutError or UserError when the image does not tell where things lie."""
    kernel = kernels.read(kernels.find(image, memory))
    crash = kernel.crash
    walks = _Walks(image, memory)
    start, mine = walks.current(kernel, registers)
    backtraces = {
        thread.id: mine if thread is kernel.running else walks.other(thread)
        for thread in kernel.threads
    }
    if kernel.running is None:
        backtraces[0] = mine
    lines = _Lines(walks.names)
    begin = lines.begin(image, kernel, mine, why)
    lines.registers(kernel, registers if crash is None else crash.registers)
    lines.threads(kernel, backtraces)
    lines.rest(kernel)
    if crash is None:
        left = unsent(image, memory)
        writer = next((t.name for t in kernel.threads if t.address == left.writer), "-")
        lines.add("crash-console", queued=left.queued, writer=writer)
    end = _line("crash-end", lines=len(lines.done) + 1)
    record = CrashRecord(begin=begin, frames=tuple(lines.done), end=end)
    return Outside(record, kernel, tuple(start), backtraces)


def walk_processor(image: Image, memory: Memory, registers: Sequence[int]) -> tuple[str, ...]:
    """NAME+OFFSET of every frame from where the processor stands, a panic's own included."""
    walks, kernel = _Walks(image, memory), kernels.read(kernels.find(image, memory))
    frames = walks.walk(kernel, registers, exact=True)
    return tuple(walks.names.shown(frame.pc, exact=frame.exact) for frame in frames)


def _same_stack(kernel: Kernel, one: int, other: int) -> bool:
    return any(one in thread.stack and other in thread.stack for thread in kernel.threads)


class _Walks:
    def __init__(self, image: Image, memory: Memory) -> None:
        self.names = Names(image)
        self._unwinder = Unwinder(image)
        self._memory = memory
        symbols = image.symbols
        self._fixed = [
            Span(symbols[low], symbols[high])
            for low, high in FIXED_STACKS
            if low in symbols and high in symbols
        ]

    def other(self, thread: Thread) -> tuple[Frame, ...]:
        stacks = (thread.stack, *self._fixed)
        return self._unwinder.of_thread(thread.context, self._memory, stacks)

    def current(
        self, kernel: Kernel, processor: Sequence[int]
    ) -> tuple[Sequence[int], tuple[Frame, ...]]:
        """Where the current thread stands, and its frames; those of a panic itself left out."""
        crash = kernel.crash
        if crash is None:
            return processor, self.walk(kernel, processor, exact=True)
        captured = not crash.is_fault and crash.registers[LR] == crash.registers[PC]
        if not captured:  # they are those of whoever was interrupted, by a trap or a watchdog
            return crash.registers, self.walk(kernel, crash.registers, exact=True)
        if not _same_stack(kernel, processor[SP], crash.registers[SP]):
            frames = self.walk(kernel, crash.registers, exact=False)
            return crash.registers, self._without_panic(crash, frames)
        # The board is inside of the panic. The registers it began with will not do: the frame that
        # they belong to has been left, and overwritten.
        frames = self.walk(kernel, processor, exact=True)
        entries = [n for n, frame in enumerate(frames) if self._name(frame) == PANIC]
        return processor, self._without_panic(crash, frames[entries[-1] if entries else 0 :])

    def walk(self, kernel: Kernel, registers: Sequence[int], *, exact: bool) -> tuple[Frame, ...]:
        # It may have been halted in the middle of a switch: then sp is another thread's. One that
        # has outgrown its stack has its sp below it.
        stacks = [
            thread.stack
            for thread in kernel.threads
            if registers[SP] in thread.stack or thread is kernel.running
        ]
        return self._unwinder.walk(registers, self._memory, (*stacks, *self._fixed), exact=exact)

    def _without_panic(self, crash: Crash, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
        """As the board leaves them out: of a watchdog's panic all that came by the interrupt."""
        if crash.kind == "hang":
            entries = [n for n, one in enumerate(frames) if self._name(one) == INTERRUPT_ENTRY]
            return frames[entries[0] + 1 :] if entries else frames
        while len(frames) > 1 and self._name(frames[0]) in self.names.machinery:
            frames = frames[1:]
        return frames

    def _name(self, frame: Frame) -> str:
        return self.names.find(frame.pc - 1)[0]


class _Lines:
    def __init__(self, names: Names) -> None:
        self._names = names
        self.done: list[Line] = []

    def add(self, kind: str, /, **fields: str | int) -> None:
        self.done.append(_line(kind, **fields))

    def begin(self, image: Image, kernel: Kernel, mine: Sequence[Frame], why: str) -> Line:
        crash, running = kernel.crash, kernel.running
        named = (self._names.find(f.pc if f.exact else f.pc - 1)[0] for f in mine)
        # No clock can be read from outside: the last that happened is what is known of the time.
        last_us = max((event.us for event in kernel.events), default=0)
        flags = {"irq": int(kernel.in_irq), "halted": int(crash is None)}
        return _line(
            "crash-begin",
            v=1,
            build=image.build_id or "unknown",
            up_ms=max(last_us, kernel.turn_began_us, 0) // 1000,
            kind="hang" if crash is None else crash.kind,
            reason=why if crash is None else crash.reason,
            thread=running.name if running else "-",
            func=next((name for name in named if name), "?"),
            **{name: 1 for name, is_so in flags.items() if is_so},
            **{"from": "outside"},
        )

    def registers(self, kernel: Kernel, r: Sequence[int]) -> None:
        crash = kernel.crash
        main = {"pc": r[PC], "lr": r[LR], "sp": r[SP], "fp": r[FP], "cpsr": r[16]}
        rest = {} if crash and not crash.is_fault else {f"r{n}": r[n] for n in range(13)}
        self.add("crash-regs", **{key: _hex(value) for key, value in (main | rest).items()})
        if crash and crash.is_fault:
            where = {"addr": _hex(crash.fault_address), "status": _hex(crash.fault_status)}
            self.add("crash-fault", type=crash.fault_type, **where)

    def threads(self, kernel: Kernel, backtraces: dict[int, tuple[Frame, ...]]) -> None:
        shown: tuple[Frame, ...] = ()
        shown_id = 0
        for thread in kernel.threads:
            frames = backtraces[thread.id]
            is_current = thread is kernel.running
            folded = not is_current and frames != () and _pcs(frames) == _pcs(shown)
            self.add(
                "crash-thread",
                id=thread.id,
                name=thread.name,
                prio=thread.priority,
                state=thread.state,
                waits=thread.waits,
                stack=f"{_hex(thread.stack.start)}-{_hex(thread.stack.end)}",
                used=thread.used,
                **({"like": shown_id} if folded else {}),
            )
            if folded:
                continue
            if not is_current:
                shown, shown_id = frames, thread.id
            self._frames(thread.id, frames)
        if kernel.running is None:
            self._frames(0, backtraces[0])

    def _frames(self, thread: int, frames: Sequence[Frame]) -> None:
        for number, frame in enumerate(frames):
            sym = self._names.shown(frame.pc, exact=frame.exact)
            exact = {"exact": 1} if frame.exact else {}
            self.add("crash-frame", thread=thread, n=number, pc=_hex(frame.pc), sym=sym, **exact)

    def rest(self, kernel: Kernel) -> None:
        for owner in kernel.threads:
            for lock in owner.held:
                waiters = [t.name for t in kernel.threads if t.waits_in == lock.key]
                taker = self._names.shown(lock.taken, exact=False)
                self.add(
                    "crash-lock",
                    name=lock.name,
                    owner=owner.name,
                    taken=_hex(lock.taken),
                    waiters=" ".join(waiters),
                    **({"at": taker} if taker != UNKNOWN else {}),
                )
        for pool in kernel.pools:
            self.add(
                "crash-pool",
                name=pool.name,
                used=pool.used,
                total=pool.total,
                high=pool.high,
                failed=pool.failed,
            )
        for ring in kernel.rings:
            self.add("crash-ring", name=ring.name, at=_hex(ring.at), bytes=ring.size)
        for event in kernel.events:
            self.add("crash-event", us=event.us, what=event.what, a=_hex(event.a), b=_hex(event.b))
        for trouble in kernel.troubles:
            self.add("crash-note", text=trouble)


def _line(kind: str, /, **fields: str | int) -> Line:
    return Line(kind, MappingProxyType({key: str(value) for key, value in fields.items()}))


def _hex(value: int) -> str:
    return f"0x{value:08x}"


def _pcs(frames: Sequence[Frame]) -> list[int]:
    return [frame.pc for frame in frames]
