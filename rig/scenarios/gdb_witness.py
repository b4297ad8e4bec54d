"""What gdb says of the board's stacks, and what the board says: runs inside gdb, not in the rig.

Context   `gdb-multiarch --batch -x gdb_witness.py` with the job in the environment (KYU_JOB: JSON
          as test_traceback.py writes it); the answers go to the file that the job names.
Rules     the board is asked by running its own walk_stack() on the crash stack, which nobody uses
          before a crash, with interrupts off; every register is put back. So one boot gives as many
          answers as there are instructions to stop at.
          gdb goes by .debug_frame, the board by .ARM.exidx: two tables, written by one compiler,
          that are right at every instruction and at calls only.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Iterator
from typing import Any

import gdb  # type: ignore[import-untyped]  # only there inside gdb

GENERAL = [f"r{n}" for n in range(13)] + ["sp", "lr", "pc"]
ALL = [*GENERAL, "cpsr"]
IRQ_AND_FIQ_OFF = 0xC0
THUMB_STATE = 0x20  #: all C++ of the image, but for port.cpp
CONDITIONS = 0x0600_FC00  #: what is left of an IT block
FRAMES_MAX = 32  #: kCrashFramesMax
CALLEE_SAVED = [f"r{n}" for n in range(4, 12)]

Frames = list[tuple[int, str]]


def address(expression: str) -> int:
    return int(gdb.parse_and_eval(f"(unsigned int)&{expression}"))


def register(name: str) -> int:
    return int(gdb.parse_and_eval(f"(unsigned int)${name}"))


def registers() -> dict[str, int]:
    return {name: register(name) for name in ALL}


def put(values: dict[str, int]) -> None:
    for name, value in values.items():
        gdb.execute(f"set ${name} = {value:#x}", to_string=True)


def write(at: int, words: list[int]) -> None:
    gdb.selected_inferior().write_memory(at, struct.pack(f"<{len(words)}I", *words))


def read(at: int, count: int) -> list[int]:
    data = bytes(gdb.selected_inferior().read_memory(at, 4 * count))
    return list(struct.unpack(f"<{count}I", data))


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Whatever happens to the registers inside is undone."""
    before = registers()
    try:
        yield
    finally:
        put({"cpsr": before["cpsr"]})
        put(before)


def gdb_frames() -> Frames:
    """Without frames that are inlined into the one around them: they have no return address."""
    found: Frames = []
    frame = gdb.newest_frame()
    while frame is not None and len(found) < FRAMES_MAX + 4:
        if frame.type() != gdb.INLINE_FRAME:
            found.append((int(frame.pc()), frame.name() or "?"))
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


class Board:
    """The board's own walk, called by hand."""

    def __init__(self) -> None:
        self._scratch = address("kyu_crash_stack")
        self._stack = address("kyu_crash_stack_top") - 64
        self._back = address("kyu_vectors")  # the reset vector: nothing comes here by itself
        self._return = gdb.Breakpoint(f"*{self._back:#x}", internal=True)

    def call(self, function: str, arguments: list[int]) -> int:
        """r0 of `function`, which runs with the first four in registers, the rest on the stack."""
        write(self._stack, [*arguments[4:], 0])
        other = register("cpsr") & ~(0x1FF | CONDITIONS)
        put({"cpsr": other | IRQ_AND_FIQ_OFF | THUMB_STATE | 0x13})
        put({f"r{n}": value for n, value in enumerate(arguments[:4])})
        put({"sp": self._stack, "lr": self._back, "pc": address(function)})
        gdb.execute("continue", to_string=True)
        if register("pc") != self._back:
            raise gdb.GdbError(f"{function} did not come back: pc {register('pc'):#x}")
        return register("r0")

    def walk_stack(self, stack: tuple[int, int]) -> list[int]:
        """From where the processor stands."""
        now = registers()
        low, size = stack
        if not low <= now["sp"] <= low + size:
            low = size = 0
        write(self._scratch, [now[name] for name in ALL])
        pcs = self._scratch + 4 * len(ALL)
        with kept():
            arguments = [self._scratch, low, size, pcs, FRAMES_MAX]
            return read(pcs, self.call("kyu::port::walk_stack", arguments))


def threads() -> Iterator[Any]:
    kernel = gdb.parse_and_eval("'kyu::(anonymous namespace)::the_kernel'")
    head = kernel["threads_"]["head_"]
    base = next(f for f in head.type.fields() if f.is_base_class)
    link = head.cast(base.type)["next_"]
    thread_pointer = gdb.lookup_type("kyu::Thread").pointer()
    while int(link) != int(head.address):
        yield link.cast(thread_pointer).dereference()
        link = link["next_"]


def stack_of(thread: Any) -> tuple[int, int]:
    span = thread["stack_"]
    return int(span["_M_ptr"]), int(span["_M_extent"]["_M_extent_value"])


def current() -> Any:
    return gdb.parse_and_eval("*'kyu::(anonymous namespace)::the_kernel'.current_")


def stack_here() -> tuple[int, int]:
    """The stack that sp lies in: in the middle of a switch it is not the current thread's."""
    sp = register("sp")
    stacks = (stack_of(thread) for thread in threads())
    return next(((low, size) for low, size in stacks if low <= sp <= low + size), (0, 0))


def waiting_threads(ids: list[int]) -> dict[int, Frames]:
    """As if each went on where it was saved (switch.S)."""
    found: dict[int, Frames] = {}
    with kept():
        for thread in threads():
            if int(thread["id_"]) not in ids:
                continue
            context = read(int(thread["context_"].address), 10)
            put(dict(zip(CALLEE_SAVED, context[:8], strict=True)))
            put({"sp": context[8], "lr": 0, "pc": context[9]})
            found[int(thread["id_"])] = gdb_frames()
    return found


def stop_at(place: str, hits: int) -> None:
    breakpoint_ = gdb.Breakpoint(place, internal=True)
    breakpoint_.ignore_count = hits - 1
    gdb.execute("continue", to_string=True)
    breakpoint_.delete()


def observe(board: Board, stop: dict[str, Any]) -> dict[str, Any]:
    """Stops at a place, goes on instruction by instruction, and asks both each time."""
    stop_at(stop["at"], stop.get("hits", 1))
    walks = []
    for n in range(stop.get("steps", 1)):
        if n > 0:
            gdb.execute("stepi", to_string=True)
        mine = gdb_frames()
        walks.append({"gdb": mine, "board": board.walk_stack(stack_here())})
    return {"at": stop["at"], "walks": walks}


def crash(stop: dict[str, Any]) -> dict[str, Any]:
    """Stops at a place, makes the instruction there one that is none, and lets the board run."""
    stop_at(stop["at"], stop.get("hits", 1))
    for _ in range(stop.get("steps", 1) - 1):
        gdb.execute("stepi", to_string=True)
    frames = gdb_frames()
    for name, value in stop.get("registers", {}).items():
        put({name: value})
    if stop.get("undefined", True):
        thumb = register("cpsr") & THUMB_STATE
        write(register("pc"), [0xDEFF_DEFF if thumb else 0xE7F0_00F0])  # UDF #255 twice, UDF #0
    return {"gdb": frames, "thread": current()["name_"].string()}


def main() -> None:
    job = json.loads(os.environ["KYU_JOB"])
    settings = ("pagination off", "confirm off", "backtrace past-main on", "language c++")
    for setting in settings:
        gdb.execute(f"set {setting}")
    gdb.execute(f"target remote {job['target']}", to_string=True)
    answers: dict[str, Any] = {}
    if "stops" in job:
        board = Board()
        answers["stops"] = [observe(board, stop) for stop in job["stops"]]
    if "crash" in job:
        answers["crash"] = crash(job["crash"])
    if "threads" in job:
        answers["threads"] = waiting_threads(job["threads"])
    with open(job["answers"], "w", encoding="utf-8") as out:  # noqa: PTH123  gdb's own Python
        json.dump(answers, out)
    gdb.execute("detach", to_string=True)


if __name__ == "__main__":
    main()
