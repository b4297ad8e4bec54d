"""What an engineer would conclude from a crash record: the lines that begin with `why`.

Rules     pure. Each conclusion rests on registers, locks and stacks of the record alone; where they
          prove nothing, nothing is said.
"""

from __future__ import annotations

from rig import crash_text as words
from rig.console.crash import CrashRecord, find_cycle, wait_for_graph

#: Faults below this address come from a null pointer and an offset.
NULL_PAGE = 0x1000
#: A fault so far below a stack is an overflow: a large frame steps over what guards it.
OVERFLOW_REACH = 0x1_0000


def hints(crash: CrashRecord) -> list[str]:
    """What an engineer would conclude from the registers, the locks and the stacks."""
    found = [*_fault_hints(crash), *_stack_hints(crash), *_lock_hints(crash)]
    if crash.begin is not None and crash.begin.number("irq"):
        found.append(f"it happened in an interrupt handler, which had interrupted {crash.thread}")
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
    if kind == "prefetch abort":
        where = "address 0" if pc == 0 else f"{pc:08x}, where there is no code"
        null = "a call through a null pointer" if pc < NULL_PAGE else "a wild call or return"
        return [f"{null}: the processor was sent to {where}"]
    if kind != "data abort":
        return []
    # ARM DDI 0406C, B4.1.52, short descriptors: FS is bits 10 and 3 to 0, WnR is bit 11.
    what = "write to" if status & 0x800 else "read of"
    if (status & 0xF) | (status >> 6 & 0x10) == 0b00001:
        return [f"a misaligned {what} {address:08x}"]
    if address < NULL_PAGE:
        offset = f", {address} bytes beyond it" if address else ""
        return [f"a {what} address {address:08x}: a null pointer{offset}"]
    return []


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
            return [f"stack overflow: the address lies {below} bytes below the stack of {name}"]
        if regs is not None and low - OVERFLOW_REACH <= regs.number("sp") < low:
            below = low - regs.number("sp")
            return [f"stack overflow: SP is {below} bytes below the stack of {name}"]
    return []


def _lock_hints(crash: CrashRecord) -> list[str]:
    graph = wait_for_graph(crash)
    ring = find_cycle(graph)
    if len(ring) == 1:
        return [f"{ring[0].waiter} asks for {ring[0].lock} a second time: it holds it already"]
    if ring:
        return [f"{len(ring)} threads wait for each other in a ring: none will ever run"]
    waits = words.waits_of(crash)
    found = []
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
