"""Crash records as the board prints them, from the few facts that make one: for hand-made logs.

Rules     the form is that of firmware/kernel/crash_record.cpp and docs/console.md, line by line.
          The real logs of the corpus hold the same reader to the board.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rig.console.grammar import LAST_CRASH, PROMPT, crc16

BUILD = "5f1c0de5f1c0de5f1c0de5f1c0de5f1c0de5f1c0"
OTHER_BUILD = "0ddba110ddba110ddba110ddba110ddba110ddba"
Trace = tuple[tuple[int, str], ...]

KERNEL: Trace = (
    (0x4002_7230, "context_switch+c"),
    (0x4002_B764, "Kernel::dispatch+ac"),
    (0x4002_B830, "Kernel::block+c4"),
    (0x4002_D47C, "WaitQueue::wait+24"),
)
BOTTOM: Trace = ((0x4002_B61C, "Kernel::thread_main+30"),)
ON_SEMAPHORE: Trace = (*KERNEL, (0x4002_CC48, "Semaphore::wait+64"))
WANG: Trace = (
    (0x4000_DF44, "Wangdoodle::big_wangdoodle+98"),
    (0x4000_E64C, "Wangdoodle::one_wangdoodle+3e4"),
    (0x4000_E8E8, "Wangdoodle::serve+200"),
    (0x4000_F454, "ServerWorker::entry+48"),
    *BOTTOM,
)


#: The board quotes these whatever they hold (FrameLine::text), the others when they must be.
_QUOTED = ("reason", "waits", "sym", "waiters", "text", "services")


def make_frame(kind: str, /, **fields: str | int) -> str:
    """A frame with the quotes that the board sets. Values here need no other escape."""
    body = "".join(
        f' {key}="{value}"' if key in _QUOTED else f" {key}={value}"
        for key, value in fields.items()
    )
    head = f"@kyu {kind}{body}"
    return f"{head} *{crc16(head.encode('ascii')):04X}"


@dataclass(frozen=True, slots=True)
class Thread:
    """`frames` of a thread that is like another are not printed."""

    id: int
    name: str
    state: str = "waiting"
    waits: str = ""
    frames: Trace = ()
    used: int = 356
    size: int = 0x4000
    prio: int = 20
    like: int = 0

    @property
    def low(self) -> int:
        return 0x4018_0000 + self.id * 0x4110


@dataclass(frozen=True, slots=True)
class Lock:
    name: str
    owner: str
    waiters: str = ""


def idle_threads() -> tuple[Thread, ...]:
    """What stands about in every record."""
    shell = (*KERNEL, (0x4002_7F6C, "Console::read_char+b0"), (0x4001_0EF0, "Shell::run+70"))
    net = (*ON_SEMAPHORE, (0x4001_427C, "Net::run+10c"), *BOTTOM)
    worker = (*ON_SEMAPHORE, (0x4000_F43C, "ServerWorker::entry+30"), *BOTTOM)
    idle = ((0x4002_72D8, "wait_for_interrupt+10"), *BOTTOM)
    on = "semaphore connection"
    more = [Thread(n + 5, f"wang-{n}", "waiting", on, like=6) for n in range(2, 8)]
    return (
        Thread(1, "shell", "waiting", "console input", (*shell, *BOTTOM), 1016, prio=12),
        Thread(2, "idle", "ready", "", idle, 364, 0x1000),
        Thread(3, "net", "waiting", "semaphore net work", net, 1384, prio=8),
        Thread(6, "wang-1", "waiting", on, worker),
        *more,
    )


def events(*told: tuple[str, int, int], start_us: int = 4_100_000) -> tuple[str, ...]:
    return tuple(
        make_frame("crash-event", us=start_us + n * 57, what=what, a=f"0x{a:08x}", b=f"0x{b:08x}")
        for n, (what, a, b) in enumerate(told)
    )


USUAL_EVENTS = events(
    ("wake", 3, 2), ("switch", 2, 3), ("wake", 5, 3), ("switch", 3, 5), ("wake", 3, 5)
)
POOLS = (("mbufs", 256, 16384, 331, 0), ("clusters", 256, 4096, 301, 0))


@dataclass(frozen=True, slots=True)
class Crash:
    """`frames` are those of `thread`, innermost first; `fault`: (type, address, status)."""

    kind: str = "panic"
    reason: str = "planted panic"
    func: str = "planted_panic"
    thread: str = "wang-0"
    frames: Trace = ((0x4001_1D18, "planted_panic+14"), (0x4001_2294, "Planted::act+2ec"), *WANG)
    threads: tuple[Thread, ...] = field(default_factory=idle_threads)
    current: Thread = Thread(5, "wang-0", "running", used=3416)
    locks: tuple[Lock, ...] = ()
    pools: tuple[tuple[str, int, int, int, int], ...] = POOLS
    events: tuple[str, ...] = USUAL_EVENTS
    damage: tuple[str, ...] = ()
    fault: tuple[str, int, int] | None = None
    sp: int = 0
    irq: bool = False
    build: str = BUILD
    up_ms: int = 4242
    version: int = 1

    @property
    def pc(self) -> int:
        return self.frames[0][0]

    def with_threads(self, *more: Thread) -> Crash:
        names = {thread.name for thread in more}
        kept = tuple(t for t in self.threads if t.name not in names)
        return replace(self, threads=(*kept, *more))

    def human(self) -> list[str]:
        lines = []
        if self.fault is not None:
            kind, address, status = self.fault
            lines.append(
                f"FAULT: {kind.replace('-', ' ')} at {self.pc:08x}, address {address:08x},"
                f" status {status:08x}"
            )
        lines += [
            f"Current thread is {self.thread}",
            f" SP = {self._sp:08x},  FP = {self._sp + 4:08x}",
        ]
        lines += [f"Called from {name} -- {pc:08x}" for pc, name in self.frames]
        return [*lines, f"PANIC: {self.reason}"]

    def record(self) -> list[str]:
        facts: dict[str, str | int] = {"v": self.version, "build": self.build}
        facts |= {"up_ms": self.up_ms, "kind": self.kind, "reason": self.reason}
        facts |= {"thread": self.thread, "func": self.func}
        if self.irq:
            facts["irq"] = 1
        begin = make_frame("crash-begin", **facts)
        lines = [begin, *self._registers(), *self._threads(), *self._locks(), *self._pools()]
        lines += [*self.events, *self.damage]
        return [*lines, make_frame("crash-end", lines=len(lines))]

    def lines(self) -> list[str]:
        return ["", *self.human(), *self.record()]

    def kept(self, *, cut: bool = False) -> list[str]:
        """The same as the next boot prints it."""
        lines = self.lines()[1:]
        if cut:
            lines = lines[: len(lines) // 2]
        told = make_frame("last-crash", v=1, lines=len(lines), cut=int(cut))
        return [told, *(LAST_CRASH + line for line in lines)]

    @property
    def _sp(self) -> int:
        return self.sp or self.current.low + self.current.size - 0x6D0

    def _registers(self) -> list[str]:
        regs = {"pc": self.pc, "lr": self.frames[min(1, len(self.frames) - 1)][0], "sp": self._sp}
        regs |= {"fp": self._sp + 4, "cpsr": 0x600F_01D3}
        if self.fault is not None:
            regs |= {f"r{n}": 0x4010_0000 + n for n in range(13)}
        lines = [make_frame("crash-regs", **{key: f"0x{value:08x}" for key, value in regs.items()})]
        if self.fault is not None:
            kind, address, status = self.fault
            more = {"addr": f"0x{address:08x}", "status": f"0x{status:08x}"}
            lines.append(make_frame("crash-fault", type=kind, **more))
        return lines

    def _threads(self) -> list[str]:
        lines: list[str] = []
        for thread in sorted((*self.threads, self.current), key=lambda t: t.id):
            like: dict[str, str | int] = {"like": thread.like} if thread.like else {}
            lines.append(
                make_frame(
                    "crash-thread",
                    id=thread.id,
                    name=thread.name,
                    prio=thread.prio,
                    state=thread.state,
                    waits=thread.waits,
                    stack=f"0x{thread.low:08x}-0x{thread.low + thread.size:08x}",
                    used=thread.used,
                    **like,
                )
            )
            frames = self.frames if thread is self.current else thread.frames
            lines += [
                make_frame("crash-frame", thread=thread.id, n=n, pc=f"0x{pc:08x}", sym=name)
                for n, (pc, name) in enumerate(frames)
            ]
        return lines

    def _locks(self) -> list[str]:
        taken = "0x40011aec"
        return [
            make_frame("crash-lock", name=k.name, owner=k.owner, taken=taken, waiters=k.waiters)
            for k in self.locks
        ]

    def _pools(self) -> list[str]:
        return [
            make_frame("crash-pool", name=name, used=used, total=total, high=high, failed=failed)
            for name, used, total, high, failed in self.pools
        ]


def boot(build: str = BUILD, *, image: str = "defects") -> list[str]:
    """The first lines of a boot."""
    return [
        make_frame("boot", v=1, build=build, image=image, cpu_hz_timer=62_500_000),
        make_frame("defect", name="panic", arg=3),
        PROMPT
        + make_frame(
            "net",
            ip="192.168.0.73",
            mask=24,
            gw="192.168.0.1",
            mac="52:54:00:4b:59:55",
            source="args",
        ),
        make_frame("ready", services="wang:114 doney:115 echo:7", up_ms=48),
    ]


def beats(count: int, *, start: int = 0) -> list[str]:
    counters: dict[str, str | int] = {"threads": 97, "mbufs": "256/16384"}
    counters |= {"clusters": "256/4096", "sockets": "9/320"}
    return [
        make_frame("hb", seq=n, up_ms=48 + n * 1000, transfers=n * 9, **counters)
        for n in range(start, start + count)
    ]
