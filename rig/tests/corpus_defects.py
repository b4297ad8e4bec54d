"""The corpus, first part: a board dies in every way that is known, and says so undamaged.

Rules     the form is the board's, see records.py. What a log alone does not hold, as a board that
          falls silent, is a history of events instead.
"""

from __future__ import annotations

import json
from dataclasses import replace

from rig.console import events as ev
from rig.console.grammar import PROMPT
from rig.tests.corpus_case import NO_ALARM, Case, Told, raw
from rig.tests.records import (
    BOTTOM,
    KERNEL,
    ON_CONDITION,
    ON_MUTEX,
    ON_SEMAPHORE,
    POOLS,
    USUAL_EVENTS,
    WANG,
    Crash,
    Lock,
    Thread,
    beats,
    boot,
    events,
)
from rig.verdict import Cause

ACT = (0x4001_2294, "Planted::act+2ec")


def died(crash: Crash) -> bytes:
    return raw([*boot(), *beats(4), *crash.lines()])


def fault(
    kind: str, address: int, status: int, pc: int, func: str, *, beneath: bool = False
) -> Crash:
    """`beneath`: the place has no name, the function is that of the caller."""
    place = (pc, "?+0" if beneath else f"{func}+8")
    caller = ((0x4001_1C00, f"{func}+10"),) if beneath else ()
    reason = f"{kind} at {pc:08x}, address {address:08x}, status {status:08x}"
    return Crash(
        kind="fault",
        reason=reason,
        func=func,
        frames=(place, *caller, ACT, *WANG),
        fault=(kind, address, status),
    )


def told(crash: Crash, cause: str = "") -> tuple[Told, ...]:
    return (Told(cause or crash.kind, crash.func, crash.thread, crash.reason),)


def _case(name: str, about: str, crash: Crash, *says: str, cause: str = "") -> Case:
    says = (*says, "the record is whole")
    return Case(f"{name}.log", about, died(crash), told(crash, cause), says)


def faults() -> list[Case]:
    null_read = fault("data-abort", 0x10, 0x005, 0x4001_1B40, "planted_null_read")
    null_write = fault("data-abort", 0x0, 0x805, 0x4001_1B60, "planted_null_write")
    jump = fault("prefetch-abort", 0x0, 0x005, 0x0, "planted_jump_to_null", beneath=True)
    unknown = fault("undefined", 0, 0, 0x4001_1BA0, "planted_undefined")
    odd = fault("data-abort", 0x4018_0001, 0x001, 0x4001_1BC0, "planted_misaligned")
    divide = Crash(
        reason="division by zero",
        func="planted_divide",
        frames=((0x4001_1BE0, "planted_divide+14"), ACT, *WANG),
    )
    return [
        _case("null-read", "a read through a null pointer", null_read,
              "a read of address 00000010: a null pointer, 16 bytes beyond it"),
        _case("null-write", "a write through a null pointer", null_write,
              "a write to address 00000000: a null pointer"),
        _case("jump-to-null", "a call of a null pointer: the caller is named", jump,
              "a call through a null pointer", "#1  40011c00  planted_jump_to_null+10"),
        _case("undefined-instruction", "an instruction that the processor does not know", unknown,
              "an instruction that it does not know"),
        _case("misaligned", "a misaligned access", odd, "a misaligned read of 40180001"),
        _case("divide-by-zero", "a division by zero", divide, cause="panic"),
    ]  # fmt: skip


def stacks() -> list[Case]:
    low = Thread(5, "wang-0").low
    descent = tuple((0x4001_1C40, "planted_recursion+24") for _ in range(29))
    recursion = replace(
        fault("data-abort", low - 24, 0x807, 0x4001_1C20, "planted_recursion"),
        frames=((0x4001_1C28, "planted_recursion+8"), *descent, ACT, *WANG),
        current=Thread(5, "wang-0", "running", used=0x4000),
        sp=low - 16,
    )
    recursion = replace(
        recursion,
        reason=f"stack overflow of thread wang-0 at {recursion.pc:08x}",
    )
    frame = replace(
        fault("data-abort", low - 9000, 0x807, 0x4001_1C60, "planted_large_frame"),
        sp=low - 9016,
    )
    painted = Crash(
        reason="stack overflow of thread wang-0",
        func="Kernel::dispatch",
        frames=((0x4002_B764, "Kernel::dispatch+ac"), *ON_SEMAPHORE[2:], ACT, *WANG),
        current=Thread(5, "wang-0", "running", used=0x4000),
    )
    return [
        _case("stack-overflow-recursion", "a function calls itself until the stack is used up",
              recursion, "stack overflow: wang-0 has used all 16384 bytes",
              "wang-0: 0 of 16384 bytes of stack never used: OVERFLOW"),
        _case("stack-overflow-large-frame", "one frame steps over what guards the stack", frame,
              "stack overflow: the address lies 9000 bytes below the stack of wang-0"),
        _case("stack-overflow-painted", "the paint at the end of a stack is gone at a switch",
              painted, "has used all 16384 bytes", cause="panic"),
    ]  # fmt: skip


def locks() -> list[Case]:
    helper = (*ON_MUTEX, (0x4001_1FA0, "Planted::helper_entry+68"), *BOTTOM)
    defect = Thread(4, "defect", "waiting", "mutex abba-a", helper, 396, prio=1)
    abba = Crash(
        kind="deadlock",
        reason="wang-0 waits for abba-b held by defect waits for abba-a held by wang-0",
        func="Planted::take_both",
        frames=((0x4001_1F18, "Planted::take_both+70"), ACT, *WANG),
        locks=(Lock("abba-b", "defect"), Lock("abba-a", "wang-0", "defect")),
    ).with_threads(defect)
    itself = Crash(
        kind="deadlock",
        reason="wang-0 waits for planted held by wang-0",
        func="planted_lock_twice",
        frames=((0x4001_1CA0, "planted_lock_twice+30"), ACT, *WANG),
        locks=(Lock("planted", "wang-0"),),
    )
    net = Thread(3, "net", "waiting", "mutex net", (*ON_MUTEX, (0x4001_427C, "Net::run+10c")), 1384)
    closing = (*ON_SEMAPHORE, (0x4001_9A10, "close_with_lock_held+58"), *WANG)
    others = tuple(
        Thread(n, f"wang-{n - 5}", "waiting", "mutex net", (*ON_MUTEX, *WANG), 700)
        for n in (13, 14)
    )
    close = Crash(
        kind="hang",
        reason="nothing made progress for 5 s",
        thread="watchdog",
        func="Watchdog::bark",
        frames=((0x4002_E010, "Watchdog::bark+40"), *BOTTOM),
        current=Thread(9, "watchdog", "running", prio=0),
        locks=(Lock("net", "wang-0", "net wang-8 wang-9"),),
    ).with_threads(
        Thread(5, "wang-0", "waiting", "semaphore disconnect", closing, 900), net, *others
    )
    return [
        _case("abba", "two threads take two locks in opposite order", abba,
              "defect waits for abba-a, held by wang-0, which waits for abba-b, held by defect",
              "2 threads wait for each other in a ring"),
        _case("self-deadlock", "a thread asks for the lock that it holds", itself,
              "wang-0 asks for planted a second time"),
        _case("close-deadlock", "close waits for an acknowledgement and keeps the lock", close,
              "wait for net, held by wang-0, which waits for semaphore disconnect",
              "wang-0 holds net while it waits for semaphore disconnect",
              "traceback of wang-0, which holds net"),
    ]  # fmt: skip


def hangs() -> list[Case]:
    watchdog = Crash(
        kind="hang",
        reason="nothing made progress for 5 s",
        thread="watchdog",
        func="Watchdog::bark",
        frames=((0x4002_E010, "Watchdog::bark+40"), *BOTTOM),
        current=Thread(9, "watchdog", "running", prio=0),
    )
    asleep = (*ON_CONDITION, (0x4001_8A40, "sosend+1c8"), *WANG)
    lost = watchdog.with_threads(Thread(5, "wang-0", "waiting", "condition send", asleep, 960))
    never = (*ON_SEMAPHORE, (0x4001_1CC0, "planted_never_posted+20"), ACT, *WANG)
    posted = watchdog.with_threads(Thread(5, "wang-0", "waiting", "semaphore planted", never, 900))
    spin = replace(
        watchdog,
        reason="wang-0 has kept the processor for 5 s",
        thread="wang-0",
        func="spin_with_interrupts_on",
        frames=((0x4001_1CF0, "spin_with_interrupts_on+8"), ACT, *WANG),
        current=Thread(5, "wang-0", "running", used=3000, prio=1),
        irq=True,
    )
    storm = replace(
        spin,
        reason="interrupt 114 came 100000 times in a second",
        func="on_interrupt",
        frames=((0x4000_C220, "on_interrupt+d0"), (0x4002_6C18, "kyu_handle_irq+24"), *WANG),
        events=events(*[("irq", 114, n) for n in range(20)]),
    )
    return [
        _case("lost-wakeup", "a sender sleeps although its buffer is empty", lost,
              "wang-0: waits for condition send, in sosend"),
        _case("semaphore-never-posted", "a thread waits for what nobody brings", posted,
              "wang-0: waits for semaphore planted, in planted_never_posted"),
        _case("spin-told-by-the-board", "an urgent thread keeps the processor, interrupts on", spin,
              "in an interrupt handler, which had interrupted wang-0"),
        _case("interrupt-storm", "an interrupt that nobody acknowledges", storm, "irq 0x00000072"),
    ]  # fmt: skip


def memory() -> list[Case]:
    overrun = Crash(
        kind="check",
        reason="CHECK(red zone of mbufs block 17 is intact) base/pool.hpp:88",
        func="Pool::release",
        frames=((0x4001_3A00, "Pool::release+60"), (0x4001_3B00, "Mbuf::drop+1c"), *WANG),
        pools=(("mbufs", 16384, 16384, 16384, 12), ("clusters", 3900, 4096, 4001, 0)),
    )
    stale = replace(
        overrun,
        reason="CHECK(free block 3 of clusters is poisoned) base/pool.hpp:61",
        func="Pool::take",
        frames=((0x4001_3900, "Pool::take+44"), (0x4001_3B40, "Mbuf::grow+20"), *WANG),
        pools=(*POOLS, ("sockets", 3, 320, 40, 2)),
    )
    return [
        _case("pool-overrun", "somebody wrote beyond a block, and a pool ran dry", overrun,
              "pool mbufs: 16384 of 16384 in use, at most 16384; 12 requests FAILED",
              "pool clusters: 3900 of 4096 in use, at most 4001: near its limit", cause="panic"),
        _case("use-after-free", "somebody wrote into a block that was free", stale,
              "pool sockets: 3 of 320 in use, at most 40; 2 requests FAILED",
              "pools with room: mbufs 256/16384, clusters 256/4096", cause="panic"),
    ]  # fmt: skip


def nested() -> list[Case]:
    first = Crash()
    human, record = first.human(), first.record()
    second = [
        "",
        "PANIC: CHECK(frame != nullptr) kernel/crash_record.cpp:99",
        f"PANIC: while reporting: {first.reason}",
    ]
    both = "planted panic; then, while reporting it: CHECK(frame != nullptr)"
    both += " kernel/crash_record.cpp:99"
    early = raw([*boot(), *beats(2), "", *human[:5], *second])
    late = raw([*boot(), *beats(2), "", *human, *record[:7], record[7][:25], *second])
    in_irq = Crash(
        reason="planted panic in an interrupt",
        func="planted_irq_panic",
        frames=((0x4001_1CD0, "planted_irq_panic+10"), (0x4000_C220, "on_interrupt+d0"), *WANG),
        irq=True,
    )
    return [
        Case("panic-in-panic.log", "the traceback itself panics: both reasons, no record", early,
             (Told("panic", "planted_panic", "wang-0", both),),
             ("there is no crash record", "a second panic struck")),
        Case("panic-in-record.log", "the record panics half-way: both reasons, half a record", late,
             (Told("panic", "planted_panic", "wang-0", both),),
             ("the record is torn", "1 torn frame (claiming to be: crash-frame 1)")),
        _case("panic-in-interrupt", "a panic in an interrupt handler", in_irq,
              "in an interrupt handler, which had interrupted wang-0"),
    ]  # fmt: skip


def silence() -> list[Case]:
    """What a log cannot tell: the watch was told more."""
    dead = raw([*boot(), *beats(12)])[:-30]
    outside = "processor in spin_with_all_off+8 (firmware/services/defects/planted.cpp:41)"
    return [
        Case("transmitter-dead.log", "the line just stops: a log alone cannot tell a hang", dead,
             (NO_ALARM,), ("the last heartbeat is from 10.048 s", "1 torn frame")),
        Case("transmitter-dead.jsonl", "the same under watch: no heartbeat, no answer",
             history(12, "the board waits for an interrupt", "wait_for_interrupt", answers=False),
             (Told("hang", "wait_for_interrupt"),), ("the console does not answer",)),
        Case("spin-irq-and-fiq-off.jsonl", "found from outside: nothing inside can tell",
             history(3, outside, "spin_with_all_off", answers=False),
             (Told("hang", "spin_with_all_off"),), ("spin_with_all_off+8",)),
        Case("heartbeat-dead.jsonl", "the shell answers, the heartbeat is gone",
             history(3, "processor in Kernel::idle_main", "Kernel::idle_main", answers=True),
             (Told("hang", "Kernel::idle_main"),), ("the console is alive",)),
    ]  # fmt: skip


def history(count: int, where: str, function: str, *, answers: bool) -> bytes:
    """A board that beats `count` times and then falls silent, as a run keeps it."""
    told: list[ev.Event] = [ev.PowerOn(0.0)]
    for line in [*boot(), *beats(count)]:
        told.append(ev.Prompt(0.1) if line == PROMPT else ev.Line(0.1, line))
    told += [ev.Tick(4.0, 3.5, 3.5), ev.ProbeSent(4.0)]
    if answers:
        told.append(ev.Prompt(4.1))
    told += [ev.Tick(7.0, 2.5, 2.5), ev.Inspected(7.0, where, "", function)]
    return "".join(json.dumps(ev.to_json(event)) + "\n" for event in told).encode()


def traffic() -> list[Case]:
    """What only the peer sees."""
    found = {
        Cause.CORRUPTION: "transfer 3 (big): offset 123456: expected 50, found 5f",
        Cause.TRUNCATED: "transfer 2 (big): got 100000 of 200000 bytes",
        Cause.RESET: "transfer 2 (big): connection reset: got 102400 of 200000 bytes",
        Cause.LEAK: "pool mbufs: 12 more than at boot",
    }
    cases = []
    for cause, detail in found.items():
        told: list[ev.Event] = [ev.PowerOn(0.0)]
        told += [ev.Line(0.1, line) for line in [*boot(), *beats(2)]]
        told += [ev.Symptom(2.5, cause, detail), ev.Tick(3.2, 0.7, 0.7)]
        told += [ev.Line(3.3, line) for line in beats(1, start=2)]
        log = "".join(json.dumps(ev.to_json(event)) + "\n" for event in told).encode()
        about = f"the peer found it, the board lives: {cause.value}"
        cases.append(Case(f"{cause.value}.jsonl", about, log, (Told(cause.value),), (detail,)))
    return cases


def cases() -> list[Case]:
    return [
        *faults(),
        *stacks(),
        *locks(),
        *hangs(),
        *memory(),
        *nested(),
        *silence(),
        *traffic(),
    ]


__all__ = ["KERNEL", "USUAL_EVENTS", "cases", "died", "told"]
