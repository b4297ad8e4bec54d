"""Proof that it catches: each planted failure, on the real image, is found and named."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rig import journal
from rig.assembly import BoardChoice
from rig.board.qemu import SocketConsole
from rig.campaign.soak import Soak
from rig.console.symbols import same_function
from rig.defects import DEFECTS, Defect
from rig.explain import load
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.pytest_plugin import Keeper
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.traffic.pattern import Native
from rig.verdict import Cause, Outcome

SOURCES = Path(__file__).resolve().parents[2] / "firmware"
TRANSFERS = 8
#: Enough to go on for longer than the board needs to tell.
SLOW_TRANSFERS = 5000


def soak(
    boards: Keeper, choice: BoardChoice, patterns: Native, out: Path, transfers: int = TRANSFERS
) -> tuple[Summary, RunFolder]:
    wanted = plan(SoakOptions(transfers=transfers))
    with contextlib.closing(RunFolder(out)) as folder:
        session = boards.prepare(choice, folder=folder)
        summary = Soak(session, folder, wanted, patterns, PlainDisplay(io.StringIO())).run()
    return summary, folder


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_failure_is_found_and_named(
    boards: Keeper,
    defects_choice: BoardChoice,
    patterns: Native,
    tmp_path: Path,
    defect: Defect,
) -> None:
    choice = replace(defects_choice, bootargs=f"defect={defect.armed}")
    transfers = SLOW_TRANSFERS if defect.slow else TRANSFERS
    summary, folder = soak(boards, choice, patterns, tmp_path / "run", transfers)

    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.FAILED, defect.cause)
    assert all(word in summary.verdict.detail for word in defect.evidence), summary.verdict.detail
    assert summary.tally.ok >= defect.good_before
    assert defect.slow or summary.tally.ok == defect.good_before
    if defect.function:
        assert same_function(summary.verdict.function, defect.function)
    found = folder.path / journal.FAILURES / f"001-{defect.cause.value}"
    if defect.file:
        told = culprit(found, summary.verdict.detail, told_by_board=defect.told)
        assert defect.thread in told
        lines = source_lines(defect.file, defect.function)
        named = {int(n) for n in re.findall(rf"firmware/{defect.file}:(\d+)", told)}
        assert named & set(lines), f"{told}\nnames no line of {lines} in {defect.file}"
    assert [one.verdict.cause for one in load(folder.path) if one.verdict] == [defect.cause]
    assert_told_in_short((found / "README.txt").read_text(), defect)


def test_a_host_that_reads_late_loses_nothing_of_a_crash_record(
    boards: Keeper,
    defects_choice: BoardChoice,
    patterns: Native,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An emulated transmitter is ready when the host has read: the board waits, and goes on."""
    read, heard = SocketConsole.read, bytearray()
    slept: list[bool] = []

    def late(console: SocketConsole) -> bytes:
        data = read(console)
        heard.extend(data)  # it comes in pieces
        if not slept and b"crash-begin" in heard:
            slept.append(True)
            time.sleep(1.2)
        return data

    monkeypatch.setattr(SocketConsole, "read", late)
    choice = replace(defects_choice, bootargs="defect=spin-irq-off@1")
    summary, _ = soak(boards, choice, patterns, tmp_path / "run", 2)
    assert slept
    assert summary.verdict.cause is Cause.HANG
    assert "incomplete" not in summary.verdict.detail


def test_a_boot_argument_that_the_board_does_not_understand_is_told_in_the_verdict(
    boards: Keeper, defects_choice: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    choice = replace(defects_choice, bootargs="defect=abba:3")
    summary, _ = soak(boards, choice, patterns, tmp_path / "run", 2)
    assert summary.verdict.outcome is Outcome.PASSED, "nothing was planted"
    assert summary.warnings == (
        "boot-argument: defect=abba:3: NAME[:ARG][@NTH] is wanted; using the default",
    )


def assert_told_in_short(text: str, defect: Defect) -> None:
    """What a tired person reads first."""
    story = text.partition("\nfiles")[0]
    assert len(story.splitlines()) <= 13, text
    assert f"verdict   {defect.cause.value}: " in text
    assert all(
        word in text for word in ("where ", "when ", "often ", "again     kyu soak", "console.txt ")
    ), text
    if defect.function:
        assert defect.function in text, text


def culprit(found: Path, detail: str, *, told_by_board: bool) -> str:
    """Who did it and where, as a person reads it: the traceback and, of a board that did not tell
    it itself, the verdict.
    """
    traceback = found / "traceback.txt"
    if told_by_board:
        verdict = json.loads((found / "verdict.json").read_text())
        assert verdict["function_check"] in ("confirmed", ""), verdict["function_check"]
    if not traceback.exists():
        return detail
    return traceback.read_text() + ("" if told_by_board else detail)


def source_lines(file: str, function: str) -> range:
    """Lines of the body of `function`, whose closing brace stands in the first column."""
    lines = (SOURCES / file).read_text().splitlines()
    at = {n for n, line in enumerate(lines, 1) if re.search(rf"\b{function}\(", line)}
    first = min(
        n for n in at if re.search(r"[{(,]$|} *$", lines[n - 1]) and lines[n - 1][:1] != " "
    )
    one_line = lines[first - 1].endswith("}")
    return range(first, first + 1 if one_line else lines.index("}", first) + 2)


def test_the_same_image_without_a_defect_passes_with_no_alarm(
    boards: Keeper, defects_choice: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    summary, folder = soak(boards, defects_choice, patterns, tmp_path / "run")
    assert summary.verdict.outcome is Outcome.PASSED
    assert summary.tally.ok == TRANSFERS
    assert not (folder.path / journal.FAILURES).exists()
