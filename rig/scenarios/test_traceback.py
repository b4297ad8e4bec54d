"""The board's own stack walk against gdb's, for the same stop.

Rules     gdb goes by other tables (gdb_witness.py). Frames must be equal one by one, pc and
          function; what may differ is written down here: gdb shows the outermost frame, which
          nothing returns from, and the board leaves it out; frames inlined into their caller have
          no pc of their own, and gdb_witness.py leaves them out.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.board import image as images
from rig.console.crash import CrashRecord
from rig.console.symbols import same_function
from rig.errors import RigError, UserError
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.wire.protocol import Wire

pytestmark = pytest.mark.needs("gdb")

GDB = "gdb-multiarch"
WITNESS = Path(__file__).with_name("gdb_witness.py")
#: Where every walk ends; the board does not show it.
OUTERMOST = ("kyu_thread_begin", "_start")
PATIENCE_S = 90.0

Frames = list[tuple[int, str]]


class GdbBoard(PlainBoard):
    """The same, and what gdb says of it."""

    def __init__(self, image: Path, wire: Wire, answers: Path) -> None:
        super().__init__(image, wire)
        self._answers = answers

    def witness(self, **job: Any) -> dict[str, Any]:
        """Runs gdb_witness.py against the board."""
        answers = self._answers
        told = {"target": self.debugger(), "answers": str(answers), **job}
        command = [GDB, "--batch", "-nx", "-x", str(WITNESS), str(self.image)]
        environment = {**os.environ, "KYU_JOB": json.dumps(told)}
        try:
            done = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except FileNotFoundError:
            raise UserError(
                f"{GDB} is not installed", mend=f"install package {GDB}, or run make test"
            ) from None
        if not answers.exists():
            raise RigError(f"gdb has no answer: {done.stderr.strip()[-500:]}")
        found: dict[str, Any] = json.loads(answers.read_text())
        answers.unlink()
        return found


@contextmanager
def watched(boards: Keeper, tmp_path: Path) -> Iterator[GdbBoard]:
    boards.off()
    board = GdbBoard(images.find(None, images.DEFECTS), boards.wire, tmp_path / "answers.json")
    with running(board):
        board.fetch_for_ever()
        yield board


def without_outermost(frames: list[Any]) -> Frames:
    found: Frames = []
    for pc, name in frames:
        if name in OUTERMOST:
            return found
        found.append((pc, name))
    pytest.fail(f"gdb did not reach the outermost frame: {frames}")


@pytest.mark.parametrize(
    "stop",
    [
        {"at": "*kyu::net::tcp_input", "hits": 20, "steps": 60},
        {"at": "*kyu_handle_irq", "hits": 3, "steps": 30},
        {"at": "*memcpy", "hits": 5, "steps": 24},
    ],
    ids=["functions", "interrupt", "assembly"],
)
def test_the_board_walks_its_stack_as_gdb_does_at_every_instruction(
    boards: Keeper, tmp_path: Path, stop: dict[str, Any]
) -> None:
    with watched(boards, tmp_path) as board:
        (seen,) = board.witness(stops=[stop])["stops"]
    assert len(seen["walks"]) == stop["steps"]
    for walk in seen["walks"]:
        expected = [pc for pc, _name in without_outermost(walk["gdb"])]
        assert [pc for pc in walk["board"] if pc] == expected, walk["gdb"]


def compare(said: Frames, expected: Frames) -> None:
    assert [pc for pc, _ in said] == [pc for pc, _ in expected], (said, expected)
    for (pc, ours), (_, theirs) in zip(said, expected, strict=True):
        name = ours.rpartition("+")[0]
        assert is_same(name, theirs), f"{pc:#x}: the board says {name}, gdb says {theirs}"


def is_same(board_says: str, gdb_says: str) -> bool:
    """gdb takes any name of an address: those of the run-time ABI, or a lambda's own."""
    plain = gdb_says.replace("(anonymous namespace)::", "").removeprefix("__aeabi_").rstrip("48")
    is_lambda = "_FUN" in gdb_says or "lambda" in gdb_says
    is_lambda = is_lambda or (plain == "operator()" and "lambda" in board_says)
    return is_lambda or same_function(board_says, plain)


def frames_of(record: CrashRecord, thread: str) -> Frames:
    mine = [f for f in record.of_kind("crash-frame") if f.text("thread") == thread]
    return [(f.number("pc"), f.text("sym")) for f in sorted(mine, key=lambda f: f.number("n"))]


@pytest.mark.parametrize(
    "stop",
    [
        {"at": "*kyu::net::TcpSegment::parse", "hits": 9},
        # Not one that the crash record itself needs.
        {"at": "*kyu::net::SocketTable::find", "hits": 9, "steps": 6},
        {"at": "*kyu_handle_irq", "hits": 9, "steps": 12},
        {"at": "*kyu::net::tcp_input", "hits": 9, "registers": {"pc": 0}, "undefined": False},
    ],
    ids=["first-instruction", "leaf", "interrupt", "jump-to-nowhere"],
)
def test_a_crash_record_has_the_frames_that_gdb_has_for_every_thread(
    boards: Keeper, tmp_path: Path, stop: dict[str, Any]
) -> None:
    with watched(boards, tmp_path) as board:
        crash = board.witness(crash=stop)["crash"]
        record = board.record()
        threads = record.of_kind("crash-thread")
        # Threads whose frames are printed, and a few that are said to be like another.
        alike = {f.text("id"): f.text("like") for f in threads if f.text("like")}
        asked = [f.text("id") for f in threads if f.text("id") not in alike] + list(alike)[:3]
        others = board.witness(threads=[int(number) for number in asked])["threads"]

    assert record.kind == "fault"
    assert record.thread == crash["thread"]
    mine = next(f.text("id") for f in threads if f.text("name") == record.thread)
    said, expected = frames_of(record, mine), without_outermost(crash["gdb"])
    if stop.get("registers", {}).get("pc") == 0:
        assert said[0][0] == 0, "a jump to nowhere is shown as what it is"
        said, expected = said[1:], expected[1:]
    compare(said, expected)
    for number in asked:
        if number != mine:
            theirs = without_outermost(others[number]) if others[number] else []
            compare(frames_of(record, alike.get(number, number)), theirs)
