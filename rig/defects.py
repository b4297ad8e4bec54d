"""The planted failures of build/defects/kyu.elf, and what must be found.

Rules     one entry for each name that defect= takes and that fails on its own; the story's bugs,
          which fail by chance, are in rig/story.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.verdict import Cause

_ACTS = "services/defects/acts.cpp"
_FAULTS = "services/defects/faults.cpp"
_POOLS = "services/defects/pool_defects.cpp"
_TRICKS = "apps/testserver/board_tricks.cpp"


@dataclass(frozen=True, slots=True)
class Defect:
    """`arg` names the argument, empty when there is none.

    The rest is for the proof: `example` arms it, `good_before` transfers pass first, the verdict
    has `cause`, names `thread` (how its name begins) and `function`, and says each of `evidence`;
    a line of the traceback is in `file`. `told`: the board itself says it; else it is found from
    outside.
    """

    name: str
    what: str
    cause: Cause
    function: str = ""
    evidence: tuple[str, ...] = ()
    thread: str = "wang-"
    file: str = ""
    arg: str = ""
    example: str = ""
    good_before: int = 1
    told: bool = True
    slow: bool = False  # the transfers go on meanwhile

    @property
    def spelling(self) -> str:
        return f"{self.name}:{self.arg}" if self.arg else self.name

    @property
    def armed(self) -> str:
        return self.example or f"{self.name}@2"


def _fault(name: str, what: str, function: str, *evidence: str, file: str = _FAULTS) -> Defect:
    return Defect(name, what, Cause.FAULT, function, evidence, file=file)


def _lock(
    name: str, what: str, function: str, *evidence: str, cause: Cause = Cause.DEADLOCK
) -> Defect:
    return Defect(name, what, cause, function, evidence, file=_ACTS)


PROGRAM = (
    Defect(
        "panic",
        "panics after N good transfers",
        Cause.PANIC,
        "planted_panic",
        ("planted panic",),
        file=_ACTS,
        arg="N",
        example="panic:3",
        good_before=3,
    ),
    Defect(
        "panic-in-panic",
        "the report of a panic meets damage and panics itself",
        Cause.PANIC,
        "planted_panic",
        ("planted panic", "data-abort"),
        file=_ACTS,
    ),
    Defect(
        "panic-in-irq",
        "a timer's callback panics",
        Cause.PANIC,
        "panic_in_callback",
        ("planted panic in an interrupt",),
        thread="",  # whichever was interrupted
        file=_ACTS,
    ),
)

PROCESSOR = (
    _fault("null-read", "reads address 0", "read_null", "data-abort", "address 00000000"),
    _fault("null-write", "writes address 0", "write_null", "data-abort", "address 00000000"),
    _fault("null-call", "jumps to address 0", "call_null", "prefetch-abort at 00000000"),
    _fault("write-text", "the program writes over itself", "write_text", "data-abort"),
    _fault("run-data", "runs what it has written", "run_data", "prefetch-abort"),
    _fault("undefined", "an instruction that there is not", "run_undefined", "undefined at"),
    _fault(
        "misaligned",
        "loads a double word from an odd address",
        "load_misaligned",
        "data-abort",
        file=_TRICKS,
    ),
    _fault("divide", "divides by zero", "divide_by_zero", "division by zero"),
    _fault(
        "overflow-recursion",
        "calls itself until its stack is used up",
        "deeper",
        "stack overflow of thread wang-",
    ),
    _fault(
        "overflow-frame",
        "enters a function whose frame is larger than the stack",
        "enter_large_frame",
        "stack overflow of thread wang-",
    ),
)

LOCKS = (
    _lock(
        "abba",
        "two threads take two mutexes in opposite order",
        "take_both",
        "abba-a",
        "abba-b",
        "held by",
    ),
    _lock(
        "lock-order",
        "one thread takes two mutexes in both orders",
        "take_in_both_orders",
        "lock order: abba-a taken at take_in_both_orders",
        "while abba-b is held",
    ),
    _lock(
        "self-deadlock",
        "takes a mutex twice",
        "lock_twice",
        "waits for connection held by wang-",
    ),
    _lock(
        "hold-and-wait",
        "waits with the mutex that its messenger needs",
        "wait_with_the_lock",
        "sleeps in semaphore reply while it holds mutex connection",
    ),
    _lock(
        "foreign-unlock",
        "gives up a mutex that another thread holds",
        "unlock_what_another_holds",
        "unlocks mutex abba-a which defect holds",
        cause=Cause.PANIC,
    ),
    Defect(
        "missed-wakeup",
        "is signalled between the test and the sleep",
        Cause.STALL,
        "sleep_after_the_news",
        ("got 100000 of 200000 bytes", "condition news"),
        file=_ACTS,
        told=False,
    ),
    Defect(
        "never-posted",
        "waits for a semaphore that nobody posts",
        Cause.STALL,
        "wait_for_no_post",
        ("got 100000 of 200000 bytes", "semaphore reply"),
        file=_ACTS,
        told=False,
    ),
)

MEMORY = (
    Defect(
        "pool-overrun",
        "writes a byte beyond the end of a pool's object",
        Cause.PANIC,
        "overrun_pool_object",
        ("planted",),
        file=_POOLS,
    ),
    Defect(
        "use-after-free",
        "writes into a pool's object that was given back",
        Cause.PANIC,
        "use_after_free",
        ("planted",),
        file=_POOLS,
    ),
    Defect(
        "leak",
        "keeps a packet buffer of each transfer, all of which are good",
        Cause.LEAK,
        evidence=("after the traffic mbufs:", "more in use than before it"),
        good_before=8,
        told=False,
    ),
)

HANGS = (
    Defect(
        "spin-irq-on",
        "an urgent thread spins for ever, interrupts on",
        Cause.HANG,
        "spin_with_interrupts_on",
        ("does not let", "run for 2500 ms"),
        thread="defect",
        file=_ACTS,
    ),
    Defect(
        "spin-irq-off",
        "an urgent thread spins for ever, interrupts off",
        Cause.HANG,
        "spin_with_interrupts_off",
        ("keeps interrupts off for 1000 ms",),
        thread="defect",
        file=_ACTS,
    ),
    Defect(
        "spin-all-off",
        "the same with the watchdog's fast interrupts off too",
        Cause.HANG,
        "spin_with_everything_off",
        ("no heartbeat", "the console does not answer"),
        thread="defect",
        file=_ACTS,
        told=False,
    ),
    Defect(
        "irq-stuck",
        "an interrupt handler does not return",
        Cause.HANG,
        "never_return",
        ("the handler of interrupt 9 does not return",),
        file=_TRICKS,
    ),
    Defect(
        "irq-storm",
        "an interrupt comes again as soon as it was served",
        Cause.HANG,
        "ask_again",
        ("interrupt storm: number 8, served by ask_again",),
        thread="thread ",  # whichever was interrupted: an interrupt belongs to none
        file=_TRICKS,
        slow=True,
    ),
    Defect(
        "mute",
        "the console's transmitter is dead, the network works",
        Cause.HANG,
        "run",
        ("no heartbeat", "the console does not answer", "bytes wait for the console's transmitter"),
        thread="heartbeat",  # whose words are missed
        file="services/heartbeat/heartbeat.cpp",
        told=False,
        slow=True,
    ),
)

STREAM = (
    Defect(
        "wrong-byte",
        "one byte is wrong",
        Cause.CORRUPTION,
        evidence=("offset 123456: expected", "found"),
        arg="OFFSET",
        example="wrong-byte:123456@3",
        good_before=2,
        told=False,
    ),
    Defect(
        "cut",
        "the connection is closed too early",
        Cause.TRUNCATED,
        evidence=("got 100000 of 200000 bytes",),
        arg="OFFSET",
        example="cut:100000@2",
        told=False,
    ),
    Defect(
        "stall",
        "the server stops sending, and stays",
        Cause.STALL,
        evidence=("got 50000 of 200000 bytes",),
        arg="OFFSET",
        example="stall:50000@2",
        told=False,
    ),
    Defect(
        "reset",
        "the connection is reset in the middle",
        Cause.RESET,
        evidence=("connection reset",),
        told=False,
    ),
)

DEFECTS = PROGRAM + PROCESSOR + LOCKS + MEMORY + HANGS + STREAM
