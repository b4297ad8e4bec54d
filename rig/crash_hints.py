"""What an engineer would conclude from a crash record: the lines that begin with `why`.

Rules     pure. Each conclusion rests on registers, locks and stacks of the record alone; where they
          prove nothing, nothing is said.
"""

from __future__ import annotations

from itertools import groupby

from rig import crash_text as words
from rig.console import grammar
from rig.console.crash import CrashRecord, find_cycle, wait_for_graph
from rig.console.grammar import Frame

#: Faults below this address come from a null pointer and an offset.
NULL_PAGE = 0x1000
#: A fault so far below a stack is an overflow: a large frame steps over what guards it.
OVERFLOW_REACH = 0x1_0000
#: The same call so often in a row is a function that calls itself.
RECURSION_CALLS = 8
#: FS of a fault of permission, short descriptors: the memory is there (ARM DDI 0406C, B3.13.3).
_PERMISSION = (0b01101, 0b01111)


def hints(crash: CrashRecord) -> list[str]:
    """What an engineer would conclude from the registers, the locks and the stacks."""
    found = [*_fault_hints(crash), *_stack_hints(crash), *_lock_hints(crash)]
    found += [*_damage_hints(crash), *_interrupt_hints(crash)]
    if crash.nested:
        found.append("a second panic struck while the first was reported: the record ends there")
    return [words.short(hint) for hint in found]


def _fault_hints(crash: CrashRecord) -> list[str]:
    fault = next(iter(crash.of_kind("crash-fault")), None)
    human = crash.traceback.fault
    if fault is not None:
        kind = fault.text("type").replace("-", " ")
        address, status = fault.number("addr"), fault.number("status")
    elif human is not None:
        kind, address, status = human.type, human.address or 0, human.status or 0
    else:
        return []
    regs = next(iter(crash.of_kind("crash-regs")), None)
    pc = regs.number("pc", 1) if regs else human.pc if human else 1
    if kind == "undefined":
        return ["the processor met an instruction that it does not know"]
    # ARM DDI 0406C, B4.1.52, short descriptors: FS is bits 10 and 3 to 0, WnR is bit 11.
    source = (status & 0xF) | (status >> 6 & 0x10)
    if kind == "prefetch abort":
        forbidden = source in _PERMISSION
        there = "which may not be run: data, most likely" if forbidden else "where there is no code"
        where = "address 0" if pc == 0 else f"{pc:08x}, {there}"
        null = "a call through a null pointer" if pc < NULL_PAGE else "a wild call or return"
        return [f"{null}: the processor was sent to {where}"]
    if kind != "data abort":
        return []
    what = "write to" if status & 0x800 else "read of"
    if source == 0b00001:
        return [f"a misaligned {what} {address:08x}"]
    if address < NULL_PAGE:
        offset = f", {address} bytes beyond it" if address else ""
        return [f"a {what} address {address:08x}: a null pointer{offset}"]
    if source in _PERMISSION:
        among = ": it is among the program's own code" if _is_code(crash, address) else ""
        may = "written" if status & 0x800 else "read"
        return [f"a {what} {address:08x}, which may not be {may}{among}"]
    return []


def _is_code(crash: CrashRecord, address: int) -> bool:
    """It lies between two places of the program that the record names."""
    named = [f.number("pc") for f in crash.of_kind("crash-frame") if f.text("sym")[:1] != "?"]
    return bool(named) and min(named) <= address <= max(named)


def _stack_hints(crash: CrashRecord) -> list[str]:
    regs = next(iter(crash.of_kind("crash-regs")), None)
    fault = next(iter(crash.of_kind("crash-fault")), None)
    for thread in crash.of_kind("crash-thread"):
        low, high = words.stack_of(thread)
        name = thread.text("name")
        if not low < high:
            continue
        if thread.number("used") >= high - low:
            return [f"stack overflow: {name} has used all {high - low} bytes of its stack"]
        if name != crash.thread:
            continue
        if fault is not None and low - OVERFLOW_REACH <= fault.number("addr") < low:
            below = low - fault.number("addr")
            told = f"stack overflow: the address lies {below} bytes below the stack of {name}"
            return [told + _how_it_overflowed(crash, thread)]
        if regs is not None and low - OVERFLOW_REACH <= regs.number("sp") < low:
            below = low - regs.number("sp")
            told = f"stack overflow: SP is {below} bytes below the stack of {name}"
            return [told + _how_it_overflowed(crash, thread)]
    return []


def _how_it_overflowed(crash: CrashRecord, thread: Frame) -> str:
    """Call by call, or at one stroke."""
    calls = [(len(list(same)), name) for name, same in groupby(n for _, n in crash.backtrace())]
    often, name = max(calls, default=(0, ""))
    if often >= RECURSION_CALLS:
        return f"; {name} is on it {often} times in a row: the function calls itself"
    low, high = words.stack_of(thread)
    never_used = high - low - thread.number("used")
    if never_used * 2 > high - low:
        return f"; {never_used} of its {high - low} bytes were never used: one frame needed more"
    return ""


def _lock_hints(crash: CrashRecord) -> list[str]:
    graph = wait_for_graph(crash)
    ring = find_cycle(graph)
    order = grammar.order_told(crash.reason)
    if order is not None:
        wanted, held = order
        return [
            f"{wanted} and {held} were taken in both orders: nobody waits yet, but two threads that"
            " do so at once wait for each other for ever"
        ]
    if len(ring) == 1:
        return [f"{ring[0].waiter} asks for {ring[0].lock} a second time: it holds it already"]
    if ring:
        return [f"{len(ring)} threads wait for each other in a ring: none will ever run"]
    waits = words.waits_of(crash)
    asleep = grammar.sleep_told(crash.reason)
    found = []
    if asleep is not None and not any(w.owner == asleep[0] for w in graph):
        who, event, lock = asleep
        found.append(
            f"{who} would wait for {event} and keep {lock} all the while: if whoever is to bring"
            f" that about needs {lock}, it never comes"
        )
    for owner in dict.fromkeys(w.owner for w in graph):
        event = waits.get(owner, "")
        locks = dict.fromkeys(w.lock for w in graph if w.owner == owner)
        if not event or event.startswith(("mutex", "sleep")):
            continue
        kept_out = words.name_list([w.waiter for w in graph if w.owner == owner])
        found.append(
            f"{owner} holds {', '.join(locks)} while it waits for {event}; {kept_out} cannot get"
            " in: if one of them is to bring that about, it never comes"
        )
    return found[:4]


def _damage_hints(crash: CrashRecord) -> list[str]:
    """Who finds damage is hardly ever who has done it."""
    told = grammar.damage_told(crash.reason)
    if told is None:
        return []
    pool, how = told
    found = f"{crash.function} found it, when it gave the object back or took it"
    if how == "freed":
        return [f"a pointer was given back which {pool} never lent: see who gave it"]
    if how.startswith("freed"):
        return [f"an object of pool {pool} was given back that was not out: see who freed it first"]
    if "after" in how:
        return [f"{found}: look for who kept a pointer to an object of {pool} that was freed"]
    return [f"{found}: the writer is who used that object of {pool}, or its neighbour, before"]


def _interrupt_hints(crash: CrashRecord) -> list[str]:
    """Where an interrupt stands in it, and whether it has only found what the thread does."""
    if crash.begin is None:
        return []
    names = [name.rpartition("+")[0] for _, name in crash.backtrace()]
    in_handler = any(map(grammar.is_irq_entry, names))
    if crash.kind != "hang" or crash.halted:
        in_irq = bool(crash.begin.number("irq"))
        told = f"it happened in an interrupt handler, which had interrupted {crash.thread}"
        return [told] if in_irq else []
    if crash.storm is not None:
        chance = f"{crash.thread} and the place it was in are mere chance"
        return [f"{chance}: look at the handler, {crash.storm[0]}"]
    if in_handler:
        return [f"an interrupt handler keeps the processor; it had interrupted {crash.thread}"]
    # The slow watchdog is an interrupt itself; the fast one comes where no interrupt can.
    on = crash.begin.number("irq")
    how = "and lets nothing less urgent run" if on else "with interrupts off"
    return [f"{crash.thread} stays in {crash.function} {how}: #0 is where the watchdog struck"]
