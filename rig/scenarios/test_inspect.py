"""A board explained from outside: what it says itself and what its memory shows are the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rig.assembly import BoardChoice
from rig.board import image as images
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session
from rig.console.crash import CrashRecord
from rig.console.symbols import same_function
from rig.errors import UserError
from rig.evidence import traceback_text
from rig.inspect import core, look
from rig.inspect.image import Image
from rig.inspect.record import walk_processor
from rig.pytest_plugin import Keeper
from rig.traffic.pattern import Native
from rig.traffic.request import Request
from rig.verdict import Cause

pytestmark = pytest.mark.needs("gdb")

BOARD_FRAMES_MAX = 32  # kCrashFramesMax
SPIN = "spin_with_everything_off"


@pytest.fixture
def defects(boards: Keeper) -> Iterator[BoardChoice]:
    try:
        image = images.find(None, images.DEFECTS)
    except UserError as error:
        pytest.exit(f"kyu: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    yield replace(boards.choice, image=image)
    boards.off()


def struck(boards: Keeper, choice: BoardChoice, patterns: Native, defect: str) -> Session:
    """A board whose planted failure has come, and that has said so."""
    session = boards.prepare(replace(choice, bootargs=f"defect={defect}"))
    assert session.boot() is None
    session.run(patterns, [Request()] * 4)
    session.settle()
    assert session.watch.crash.complete, f"{defect} stops the board: {session.verdict}"
    return session


def spinning(boards: Keeper, choice: BoardChoice, patterns: Native) -> Session:
    """A board that spins with interrupts off: its console is dead, nothing was said."""
    session = boards.prepare(replace(choice, bootargs="defect=spin-all-off@1"))
    assert session.boot() is None
    assert isinstance(session.board, QemuBoard)
    session.start_traffic(patterns, iter([(1, Request())]), 1)
    ends = session.observed() + 20
    while not same_function(session.symbols.place(session.board.program_counter()).function, SPIN):
        assert session.observed() < ends, "the planted failure does not come"
        session.pump(0.02)
    return session


def seen(session: Session) -> look.Look:
    found = session.look("by a test")
    assert found is not None, "there must be a look at an emulated board"
    return found


@dataclass(frozen=True)
class Told:
    """What a record says of one thread."""

    name: str
    priority: str
    state: str
    waits: str
    stack: str
    frames: tuple[str, ...]


def threads(record: CrashRecord) -> dict[str, Told]:
    """By id. A thread in the same place as an earlier one has its frames.

    The board has room for BOARD_FRAMES_MAX of them.
    """
    found = {}
    for thread in record.of_kind("crash-thread"):
        number = thread.text("like") or thread.text("id")
        frames = (f for f in record.of_kind("crash-frame") if f.text("thread") == number)
        name, prio, state, waits, stack = map(
            thread.text, ("name", "prio", "state", "waits", "stack")
        )
        syms = tuple(frame.text("sym") for frame in frames)[:BOARD_FRAMES_MAX]
        found[thread.text("id")] = Told(name, prio, state, waits, stack, syms)
    return found


def fields(record: CrashRecord, kind: str) -> list[dict[str, str]]:
    return [dict(frame.fields) for frame in record.of_kind(kind)]


def assert_same(board: CrashRecord, outside: CrashRecord) -> None:
    assert outside.from_outside
    assert not board.from_outside
    for key in ("kind", "reason", "thread", "function"):
        assert getattr(outside, key) == getattr(board, key)
    assert threads(outside) == threads(board)
    for kind in (
        "crash-regs",
        "crash-fault",
        "crash-lock",
        "crash-pool",
        "crash-ring",
        "crash-event",
    ):
        assert fields(outside, kind) == fields(board, kind)
    assert not outside.of_kind("crash-note")


def test_a_mute_board_is_named_by_thread_function_and_line(
    boards: Keeper, defects: BoardChoice, patterns: Native
) -> None:
    session = spinning(boards, defects, patterns)
    record = seen(session).record
    assert record.from_outside
    assert (record.thread, record.function) == ("defect", SPIN)
    assert "services/defects/acts.cpp:" in traceback_text(record, session.symbols)


def test_the_verdict_of_a_mute_board_names_thread_function_and_line(
    boards: Keeper, defects: BoardChoice, patterns: Native
) -> None:
    session = boards.prepare(replace(defects, bootargs="defect=spin-all-off@1"))
    assert session.boot() is None
    session.run(patterns, [Request()])
    verdict = session.settle()
    assert verdict.cause is Cause.HANG
    assert same_function(verdict.function, SPIN)
    for words in ("does not answer", "services/defects/acts.cpp:", "thread defect"):
        assert words in verdict.detail


#: Each stops the board in another way, and most of them in another place of the kernel.
STOPS = [
    "panic:1",
    "panic-in-irq@1",
    "abba@1",
    "hold-and-wait@1",
    "null-call@1",
    "divide@1",
    "overflow-recursion@1",
    "overflow-frame@1",
    "irq-stuck@1",
    "spin-irq-on@1",
    "spin-irq-off@1",
]


@pytest.mark.parametrize("defect", STOPS)
def test_the_board_and_the_look_from_outside_agree(
    boards: Keeper, defects: BoardChoice, patterns: Native, defect: str
) -> None:
    session = struck(boards, defects, patterns, defect)
    assert_same(session.watch.crash, seen(session).record)


def test_the_locks_of_a_deadlock_are_seen_from_outside(
    boards: Keeper, defects: BoardChoice, patterns: Native
) -> None:
    session = struck(boards, defects, patterns, "abba@1")
    locks = {lock.text("name") for lock in seen(session).record.of_kind("crash-lock")}
    assert {"abba-a", "abba-b"} <= locks


@pytest.mark.parametrize("name", ["a,b", "deep" * 25])
def test_an_odd_folder_for_temporary_files_keeps_no_board_from_running(
    boards: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    session = boards.boot(boards.choice)
    assert session.watch.ready
    boards.off()


def test_a_fault_is_told_alike(boards: Keeper, defects: BoardChoice) -> None:
    session = boards.boot(defects)
    assert isinstance(session.board, QemuBoard)
    stub = look.attach(session.board.debugger())
    registers = stub._ask(b"g")  # eight hex digits each; the 15th is the pc
    stub._ask(b"G" + registers[: 15 * 8] + b"00000000" + registers[16 * 8 :])
    stub.resume()
    assert session.await_verdict().cause is Cause.FAULT
    assert_same(session.watch.crash, seen(session).record)


def test_stack_use_is_what_the_board_measured(
    boards: Keeper, defects: BoardChoice, patterns: Native
) -> None:
    session = struck(boards, defects, patterns, "panic:1")
    board, outside = session.watch.crash, seen(session).record
    theirs = {f.text("id"): f.number("used") for f in board.of_kind("crash-thread")}
    ours = {f.text("id"): f.number("used") for f in outside.of_kind("crash-thread")}
    # The thread that panicked went on using its stack, to print the record.
    current = {t.text("id") for t in board.of_kind("crash-thread") if t.text("state") == "running"}
    assert ours.keys() == theirs.keys()
    for number, used in ours.items():
        assert used == theirs[number] or (number in current and used > theirs[number])


def test_the_processor_is_found_inside_of_its_own_panic(
    boards: Keeper, defects: BoardChoice, patterns: Native
) -> None:
    session = struck(boards, defects, patterns, "panic:1")
    found = seen(session)
    # The same walk, begun where the processor stands, comes by the same frames in the end.
    halted = walk_processor(Image(found.image), found.memory, found.processor)
    begun = [frame.text("sym") for frame in found.record.of_kind("crash-frame")]
    assert "halt" in halted[0]
    assert "planted_panic" in " ".join(halted)
    mine = threads(found.record)[running(found.record)].frames
    assert halted[-len(mine) :] == mine
    assert set(mine) <= set(begun)


def running(record: CrashRecord) -> str:
    return next(
        t.text("id") for t in record.of_kind("crash-thread") if t.text("state") == "running"
    )


def test_a_core_says_the_same_again(
    boards: Keeper, defects: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    found = seen(spinning(boards, defects, patterns))
    path = tmp_path / "core"
    path.write_bytes(found.core())
    assert look.reopen(core.load(path), Image(found.image)).record == found.record


GDB_THREAD = re.compile(r'^[* ] +\d+ +LWP (?P<id>\d+) +"(?P<name>[^"]+)"', re.MULTILINE)
GDB_BACKTRACE = re.compile(r"^Thread \d+ \(LWP (\d+).*\):\n((?:#.*\n)+)", re.MULTILINE)
COUNT = "'kyu::(anonymous namespace)::the_kernel'.thread_count_"


def test_gdb_opens_the_core_with_every_thread(
    boards: Keeper, defects: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    assert shutil.which("gdb-multiarch"), "ci/packages.txt names it: run ci/setup test"
    found = seen(struck(boards, defects, patterns, "abba@1"))
    path = tmp_path / "core"
    path.write_bytes(found.core())
    script = tmp_path / "core.gdb"
    script.write_text(found.gdb_script(path))
    commands = ["info threads", "thread apply all bt", f"print {COUNT}"]
    options = [option for command in commands for option in ("-ex", command)]
    said = subprocess.run(
        ["gdb-multiarch", "-nx", "-batch", "-x", str(script), *options],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    told = threads(found.record)
    assert dict(GDB_THREAD.findall(said)) == {number: one.name for number, one in told.items()}
    assert re.search(rf"^\$1 = {len(told)}$", said, re.MULTILINE)
    backtraces = dict(GDB_BACKTRACE.findall(said))
    assert "take_both (" in backtraces[running(found.record)]
    for number, frames in found.outside.backtraces.items():
        # gdb has no rules for leaving an interrupt; what a thread did before one is ours to tell.
        interrupted = "kyu_handle_irq" in backtraces[str(number)]
        for frame in frames[1:] if not interrupted else ():
            assert f" 0x{frame.pc:08x} in " in backtraces[str(number)]
