"""The corpus, first part: the real board dies in every way that can be planted.

Rules     real captures only: consoles/real-*, of build/defects/kyu.elf on the emulated board, taken
          and cut by corpus_capture.py. A .jsonl is the history of the watch, for what a log alone
          does not hold. The image is gone: names are the board's own.
          Each failure of rig/defects.py has one; mission.log is of the story's own board.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.tests.corpus_capture import CAPTURES, HERE, Kept
from rig.tests.corpus_case import NO_ALARM, Case, Told

WHOLE = "the record is whole"


@dataclass(frozen=True, slots=True)
class Real:
    """What a capture must be told as. `about` says what was planted."""

    about: str
    boots: tuple[Told, ...]
    says: tuple[str, ...] = ()


def _real(about: str, told: Told, *says: str) -> Real:
    return Real(about, (told,), says)


def _fault(about: str, function: str, reason: str, *says: str) -> Real:
    return _real(about, Told("fault", function, "wang-0", reason), *says, WHOLE)


def _deadlock(about: str, function: str, reason: str, *says: str) -> Real:
    return _real(about, Told("deadlock", function, "wang-0", reason), *says, WHOLE)


def _panic(about: str, function: str, reason: str, *says: str, thread: str = "wang-0") -> Real:
    return _real(about, Told("panic", function, thread, reason), *says, WHOLE)


def _hang(about: str, function: str, reason: str, *says: str, thread: str = "defect") -> Real:
    return _real(about, Told("hang", function, thread, reason), *says, WHOLE)


def _seen(about: str, cause: str, *says: str, function: str = "") -> Real:
    return _real(about, Told(cause, function), *says)


PROGRAM = {
    "real-panic.log": _panic("a panic", "planted_panic", "planted panic"),
    "real-panic-in-panic.log": _real(
        "the report meets damage and panics: both reasons, most of a record",
        Told("panic", "planted_panic", "wang-0",
             "planted panic; then, while reporting it: data-abort at"),
        "a second panic struck while the first was reported", "the record is torn",
        "1 torn frame (claiming to be: crash-pool 1)",
    ),
    "real-panic-in-irq.log": _panic(
        "a timer's callback panics", "panic_in_callback", "planted panic in an interrupt",
        "it happened in an interrupt handler, which had interrupted idle", thread="idle",
    ),
}  # fmt: skip

PROCESSOR = {
    "real-null-read.log": _fault(
        "reads address 0", "read_null", "data-abort at",
        "a read of address 00000000: a null pointer",
    ),
    "real-null-write.log": _fault(
        "writes address 0", "write_null", "data-abort at",
        "a write to address 00000000: a null pointer",
    ),
    "real-null-call.log": _fault(
        "jumps to address 0: the caller is named", "call_null", "prefetch-abort at 00000000",
        "a call through a null pointer: the processor was sent to address 0",
        "#0  00000000  ?+0", "wang-0: running, in call_null",
    ),
    "real-write-text.log": _fault(
        "the program writes over itself", "write_text", "data-abort at",
        "which may not be written: it is among the program's own code",
    ),
    "real-run-data.log": _fault(
        "runs what it has written", "run_data", "prefetch-abort at",
        "a wild call or return", "which may not be run: data, most likely",
    ),
    "real-undefined.log": _fault(
        "an instruction that there is not", "run_undefined", "undefined at",
        "an instruction that it does not know",
    ),
    "real-misaligned.log": _fault(
        "loads a double word from an odd address", "load_misaligned", "data-abort at",
        "a misaligned read of",
    ),
    "real-divide.log": _fault(
        "divides by zero", "divide_by_zero",
        "division by zero, or what the compiler ruled out; trap at",
    ),
    "real-overflow-recursion.log": _fault(
        "calls itself until its stack is used up", "deeper", "stack overflow of thread wang-0:",
        "deeper+48 is on it 31 times in a row: the function calls itself",
        "… to #31: the same call, 31 times in a row",
    ),
    "real-overflow-frame.log": _fault(
        "a frame larger than the stack", "enter_large_frame", "stack overflow of thread wang-0:",
        "13672 of its 16384 bytes were never used: one frame needed more",
    ),
}  # fmt: skip

LOCKS = {
    "real-abba.log": _deadlock(
        "two threads take two mutexes in opposite order", "take_both",
        "wang-0 waits for abba-b held by defect waits for abba-a held by wang-0",
        "defect waits for abba-a, held by wang-0, which waits for abba-b, held by defect",
        "2 threads wait for each other in a ring", "traceback of defect, which holds abba-b",
        "mutex abba-a: held by wang-0, taken at take_both+24",
    ),
    "real-lock-order.log": _deadlock(
        "one thread takes two mutexes in both orders", "take_in_both_orders",
        "lock order: abba-a taken at take_in_both_orders+5c while abba-b is held",
        "abba-a and abba-b were taken in both orders: nobody waits yet",
        "mutex abba-b: held by wang-0, taken at take_in_both_orders+50",
    ),
    "real-self-deadlock.log": _deadlock(
        "takes a mutex twice", "lock_twice", "wang-0 waits for connection held by wang-0",
        "wang-0 asks for connection a second time",
        "mutex connection: held by wang-0, taken at lock_twice+1c",
    ),
    "real-hold-and-wait.log": _deadlock(
        "waits with the mutex that its messenger needs", "wait_with_the_lock",
        "wang-0 sleeps in semaphore reply while it holds mutex connection",
        "wang-0 holds connection while it waits for semaphore reply; defect cannot get in",
        "defect waits for connection, held by wang-0, which waits for semaphore reply",
    ),
    "real-foreign-unlock.log": _panic(
        "gives up a mutex that another thread holds", "unlock_what_another_holds",
        "wang-0 unlocks mutex abba-a which defect holds",
        "mutex abba-a: held by defect, taken at act_as_helper+58",
    ),
    "real-missed-wakeup.jsonl": _seen(
        "is signalled between the test and the sleep", "stall",
        "got 100000 of 200000 bytes; wang-0 waits for condition news in sleep_after_the_news",
        function="sleep_after_the_news",
    ),
    "real-never-posted.jsonl": _seen(
        "waits for a semaphore that nobody posts", "stall",
        "got 100000 of 200000 bytes; wang-0 waits for semaphore reply in wait_for_no_post",
        function="wait_for_no_post",
    ),
}  # fmt: skip

MEMORY = {
    "real-pool-overrun.log": _panic(
        "writes a byte beyond the end of a pool's object", "overrun_pool_object",
        "pool planted, object 0 at",
        "written beyond its end, offset 48", "taken by", "the writer is who used that object",
    ),
    "real-use-after-free.log": _panic(
        "writes into a pool's object that was given back", "use_after_free",
        "pool planted, object 0 at",
        "written after it was freed, offset 8", "freed by",
        "look for who kept a pointer to an object of planted",
    ),
}  # fmt: skip

HANGS = {
    "real-spin-irq-on.log": _hang(
        "an urgent thread spins for ever, interrupts on", "spin_with_interrupts_on",
        "defect (priority 1) does not let net (priority 8) run for 2500 ms",
        "defect stays in spin_with_interrupts_on and lets nothing less urgent run",
        "the crash: nothing was switched or woken meanwhile",
    ),
    "real-spin-irq-off.log": _hang(
        "an urgent thread spins for ever, interrupts off", "spin_with_interrupts_off",
        "defect keeps interrupts off for 1000 ms",
        "defect stays in spin_with_interrupts_off with interrupts off",
    ),
    "real-spin-all-off.jsonl": _seen(
        "the same with the watchdog's fast interrupts off too: found from outside", "hang",
        "the console does not answer", "spin_with_everything_off+",
        function="kyu::defects::spin_with_everything_off",
    ),
    "real-irq-stuck.log": _hang(
        "an interrupt handler does not return", "never_return",
        "the handler of interrupt 9 does not return for 1000 ms",
        "an interrupt handler keeps the processor; it had interrupted wang-0", thread="wang-0",
    ),
    "real-irq-storm.log": _hang(
        "an interrupt comes again as soon as it was served", "ask_again",
        "interrupt storm: number 8, served by ask_again, comes without end",
        "wang-0 and the place it was in are mere chance: look at the handler",
        thread="wang-0",
    ),
    "real-mute.jsonl": _seen(
        "the console's transmitter is dead, the network works", "hang",
        "the console does not answer", "wait for the console's transmitter, which takes none",
        function="kyu::port::wait_for_interrupt",
    ),
    "real-mute.log": _real(
        "the same, the log alone: it just stops", NO_ALARM,
        "a log without times does not tell whether the board fell silent",
    ),
}  # fmt: skip

STREAM = {
    "real-wrong-byte.jsonl": _seen("one byte is wrong", "corruption", "offset 123456: expected"),
    "real-cut.jsonl": _seen("the connection is closed too early", "truncated",
                            "closed early: got 100000 of 200000 bytes"),
    "real-reset.jsonl": _seen("the connection is reset in the middle", "reset",
                              "connection reset: got 100000 of 200000 bytes"),
    "real-stall.jsonl": _seen("the server stops sending, and stays", "stall",
                              "got 50000 of 200000 bytes", function="Planted::act"),
    "real-leak.jsonl": _seen("each transfer keeps a packet buffer, and is good", "leak",
                             "after the traffic mbufs: 5 more in use than before it"),
    "real-stall.log": _real("the same, the log alone", NO_ALARM, "12 heartbeats"),
}  # fmt: skip

STORY = {
    "mission.log": _real("the traceback of the story", Told("panic", "m_copym", "wang_thr",
                                                            "BSD tcp")),
    "real-close-deadlock.log": _deadlock(
        "close waits for the last ACK and keeps the lock", "wait_for_disconnect",
        "wang-0 sleeps in semaphore disconnect while it holds mutex net",
        "wang-0 would wait for semaphore disconnect and keep net all the while",
    ),
    "real-unlocked-sendbuf.log": _panic(
        "sosend fills and sends without the lock", "MbufPool::take_segment", "CHECK(",
        "wang-0: ready, in MbufPool::take_segment", thread="net",
    ),
    "real-lost-wakeup.jsonl": _seen(
        "sosend gives the lock up before it counts as waiting", "stall",
        "got 65535 of 200000 bytes; wang-0 waits for condition send",
        function="NetGuard::wait",
    ),
    "real-healthy.log": _real("good transfers, and nothing else", NO_ALARM),
}  # fmt: skip

AFTER_RESET = {
    "real-last-crash.log.gz": Real(
        "a panic, then two resets by hand: the first boot after it tells it, once; packed",
        (Told("panic", "planted_panic", "wang-0", "planted panic"), Told("reset"), NO_ALARM),
        (WHOLE, "last crash: of an earlier boot, found by this one",
         "it is the crash that is told above"),
    ),
    "real-last-crash-hang.log": Real(
        "the same after a hang that the board's own watchdog found",
        (Told("hang", "spin_with_interrupts_off", "defect", "keeps interrupts off for 1000 ms"),
         Told("reset"), NO_ALARM),
        (WHOLE, "it is the crash that is told above"),
    ),
}  # fmt: skip

REAL = PROGRAM | PROCESSOR | LOCKS | MEMORY | HANGS | STREAM | STORY | AFTER_RESET


def how_kept() -> dict[str, Kept]:
    return {capture.file: capture.kept for capture in CAPTURES}


def cases() -> list[Case]:
    kept = how_kept()
    found = []
    for name, real in REAL.items():
        about = f"{real.about} ({_source(kept.get(name))})"
        found.append(Case(name, about, (HERE / name).read_bytes(), real.boots, real.says))
    return found


def _source(kept: Kept | None) -> str:
    return f"real: {kept.value}" if kept is not None else "real, of the story's own board"
