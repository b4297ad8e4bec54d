"""The corpus, second part, made by hand: what no planted failure shows.

Rules     the form is the board's, see records.py; the words of the reasons are those of the
          firmware (kernel/kernel.cpp, kernel/pool_damage.cpp, base/check).
"""

from __future__ import annotations

import json
from dataclasses import replace

from rig.console import events as ev
from rig.console.grammar import PROMPT
from rig.tests.corpus_case import Case, Told, raw
from rig.tests.records import ON_SEMAPHORE, POOLS, WANG, Crash, Thread, beats, boot, make_frame
from rig.verdict import Cause

ACT = (0x4001_2294, "Planted::act+2ec")


def died(crash: Crash) -> bytes:
    return raw([*boot(), *beats(4), *crash.lines()])


def told(crash: Crash, cause: str) -> tuple[Told, ...]:
    return (Told(cause, crash.func, crash.thread, crash.reason),)


def _panicked(name: str, about: str, crash: Crash, *says: str) -> Case:
    says = (*says, "the record is whole")
    return Case(f"{name}.log", about, died(crash), told(crash, "panic"), says)


def stacks() -> list[Case]:
    """The planted overflows are met by the guard below the stack, before a switch looks."""
    painted = Crash(
        reason="stack overflow of thread wang-0",
        func="Kernel::dispatch",
        frames=((0x4002_B764, "Kernel::dispatch+ac"), *ON_SEMAPHORE[2:], ACT, *WANG),
        current=Thread(5, "wang-0", "running", used=0x4000),
    )
    return [
        _panicked("stack-overflow-painted", "the paint at the end of a stack is gone at a switch",
                  painted, "has used all 16384 bytes",
                  "wang-0: 0 of 16384 bytes of stack never used: OVERFLOW"),
    ]  # fmt: skip


#: what=, and the words of kernel/pool_damage.cpp.
DAMAGE = {
    "overrun": "pool mbufs, object 17 at 0x40573070: written beyond its end, offset 256 at"
    " 0x40573170 is 41 a7 a7 a7, taken by 0x40013b41 Mbuf::grow+21",
    "underrun": "pool mbufs, object 18 at 0x40573190: written before its beginning, offset -4 at"
    " 0x4057318c is 00 a7 a7 a7, taken by 0x40013b41 Mbuf::grow+21",
    "used-after-free": "pool sockets, object 3 at 0x40580000: written after it was freed, offset 8"
    " at 0x40580008 is 41 d5 d5 d5, taken by 0x40013a11 Sockets::take+11, freed by 0x40013a31"
    " Sockets::free+11",
}


def memory() -> list[Case]:
    """No planted damage is in a pool that the record looks through, and none of them runs dry."""
    dry = Crash(
        kind="check",
        reason="CHECK(m != nullptr) mbuf.cpp:88",
        func="Mbuf::grow",
        frames=((0x4001_3A00, "Mbuf::grow+60"), (0x4001_3B00, "Mbuf::append+1c"), *WANG),
        pools=(
            ("mbufs", 16384, 16384, 16384, 12),
            ("clusters", 3900, 4096, 4001, 0),
            ("sockets", 3, 320, 40, 0),
        ),
    )
    found = [
        make_frame(
            "crash-damage", pool=text.split()[1].rstrip(","), object=n, what=what,
            addr="0x40573170", text=text,
        )
        for n, (what, text) in enumerate(DAMAGE.items())
    ]  # fmt: skip
    damaged = Crash(
        kind="check",
        reason=DAMAGE["used-after-free"],
        func="Sockets::take",
        frames=((0x4001_3900, "Sockets::take+44"), *WANG),
        pools=(*POOLS, ("sockets", 3, 320, 40, 2)),
        damage=tuple(found),
    )
    twice = Crash(
        kind="check",
        reason="pool sockets, object 3 at 0x40580000: freed twice, taken by 0x40013a11"
        " Sockets::take+11, freed by 0x40013a31 Sockets::free+11, and again by 0x40013a31"
        " Sockets::free+11",
        func="Sockets::free",
        frames=((0x4001_3A30, "Sockets::free+10"), *WANG),
    )
    foreign = replace(
        twice,
        reason="pool sockets, pointer 0x40580013: freed, but no object of this pool, freed by"
        " 0x40013a31 Sockets::free+11",
    )
    return [
        _panicked("pool-ran-dry", "a pool has nothing left", dry,
                  "pool mbufs: 16384 of 16384 in use, at most 16384; 12 requests FAILED",
                  "pool clusters: 3900 of 4096 in use, at most 4001: near its limit",
                  "pools with room: sockets 3/320"),
        _panicked("pool-damage", "the record finds damage in three objects", damaged,
                  *(f"DAMAGE: {text}" for text in DAMAGE.values()),
                  "pool sockets: 3 of 320 in use, at most 40; 2 requests FAILED"),
        _panicked("pool-freed-twice", "an object is given back twice", twice,
                  "given back that was not out"),
        _panicked("pool-freed-foreign", "a pointer is given back that was never lent", foreign,
                  "which sockets never lent"),
    ]  # fmt: skip


def nested() -> list[Case]:
    """The planted one comes late in the record; this one before there is any."""
    first = Crash()
    second = [
        "",
        "PANIC: CHECK(frame != nullptr) crash_record.cpp:99",
        f"PANIC: while reporting: {first.reason}",
    ]
    both = "planted panic; then, while reporting it: CHECK(frame != nullptr) crash_record.cpp:99"
    early = raw([*boot(), *beats(2), "", *first.human()[:5], *second])
    return [
        Case("panic-in-the-traceback.log", "the traceback itself panics: both reasons, no record",
             early, (Told("panic", "planted_panic", "wang-0", both),),
             ("there is no crash record", "a second panic struck")),
    ]  # fmt: skip


def watched() -> list[Case]:
    """What no defect does: the heartbeat alone dies, a pool only grows."""
    leak = "pool mbufs: 12 more than at boot"
    return [
        Case("heartbeat-dead.jsonl", "the shell answers, the heartbeat is gone",
             heartbeat_dies("processor in Kernel::idle_main", "Kernel::idle_main"),
             (Told("hang", "Kernel::idle_main"),), ("the console is alive",)),
        Case("leak.jsonl", "the peer found it, the board lives", symptom(Cause.LEAK, leak),
             (Told("leak"),), (leak,)),
    ]  # fmt: skip


def heartbeat_dies(where: str, function: str) -> bytes:
    """A board that beats three times and then only answers, as a run keeps it."""
    history: list[ev.Event] = [ev.PowerOn(0.0)]
    for line in [*boot(), *beats(3)]:
        history.append(ev.Prompt(0.1) if line == PROMPT else ev.Line(0.1, line))
    history += [ev.Tick(4.0, 3.5, 3.5), ev.ProbeSent(4.0), ev.Prompt(4.1)]
    history += [ev.Tick(7.0, 2.5, 2.5), ev.Inspected(7.0, where, "", function)]
    return _written(history)


def symptom(cause: Cause, detail: str) -> bytes:
    history: list[ev.Event] = [ev.PowerOn(0.0)]
    history += [ev.Line(0.1, line) for line in [*boot(), *beats(2)]]
    history += [ev.Symptom(2.5, cause, detail), ev.Tick(3.2, 0.7, 0.7)]
    history += [ev.Line(3.3, line) for line in beats(1, start=2)]
    return _written(history)


def _written(history: list[ev.Event]) -> bytes:
    return "".join(json.dumps(ev.to_json(event)) + "\n" for event in history).encode()


def cases() -> list[Case]:
    return [*stacks(), *memory(), *nested(), *watched()]
