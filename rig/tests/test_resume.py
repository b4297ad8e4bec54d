"""A run that is taken up again: what it was, it stays; nothing seen is forgotten or seen twice."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from rig import evidence, journal, run_info, soak_command
from rig.console.crash import NO_CRASH
from rig.console.symbols import Symbols
from rig.errors import UserError
from rig.evidence import Exhibit
from rig.options import SoakOptions
from rig.report.material import load
from rig.report.statistics import failure_rate_upper
from rig.report.summary import Summary
from rig.tests.fake import FakeBoard, Script, crash_lines
from rig.tests.test_soak import big
from rig.tests.test_soak import run as run_soak
from rig.traffic.request import Result
from rig.verdict import Cause, Outcome, failed


def cut(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:100_000])


def whole(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)


def alarm(board: FakeBoard) -> None:
    board.say(*crash_lines())


def vanish(board: FakeBoard) -> None:
    board.ended = "QEMU was killed by signal 9"


def run(place: Path, board: FakeBoard, count: int, *, resume: bool = False) -> tuple[Summary, Path]:
    """As the command does it: with a summary at the end."""
    summary, path = run_soak(place, board, big(count, keep_going=True), resume=resume)
    (path / journal.SUMMARY).write_text(json.dumps(summary.as_json()))
    return summary, path


def failures(path: Path) -> list[str]:
    return sorted(one.name for one in (path / journal.FAILURES).iterdir())


def test_a_failure_that_cut_no_transfer_is_still_there_after_a_resume(tmp_path: Path) -> None:
    night, path = run(tmp_path, FakeBoard(Script(3, whole, alarm)), 3)
    assert (night.verdict.cause, night.tally.ok) == (Cause.PANIC, 3)
    proof = (path / "failures/001-panic/README.txt").read_text()
    again, _ = run(tmp_path, FakeBoard(), 5, resume=True)
    assert again.verdict.outcome is Outcome.FAILED
    assert again.tally.failures == {"panic": 1}
    assert failures(path) == ["001-panic"]
    assert (path / "failures/001-panic/README.txt").read_text() == proof


def test_a_new_failure_has_a_new_folder(tmp_path: Path) -> None:
    run(tmp_path, FakeBoard(Script(3, whole, alarm)), 3)
    again, path = run(tmp_path, FakeBoard(Script(1, whole, alarm)), 4, resume=True)
    assert failures(path) == ["001-panic", "002-panic"]
    assert again.tally.failures == {"panic": 2}


def test_a_failure_counts_once_however_many_transfers_it_has_cut(tmp_path: Path) -> None:
    _, path = run(tmp_path, FakeBoard(Script(3, cut)), 4)
    torn = [Result(number, False, 1.0, 2, cause=Cause.PANIC, detail="cut") for number in (5, 6)]
    exhibit = Exhibit(failed(Cause.PANIC, 3.0, "panic"), NO_CRASH, [], torn, "", {})
    evidence.write(path / journal.FAILURES, 2, exhibit, Symbols(None))
    with (path / journal.TRANSFERS).open("ab") as file:
        file.writelines(json.dumps(one.as_json()).encode() + b"\n" for one in torn)
    again, _ = run(tmp_path, FakeBoard(), 10, resume=True)
    assert again.tally.failures == {"truncated": 1, "panic": 1}
    assert (again.tally.attempted, again.tally.ok) == (10, 7)
    assert again.as_json()["failure_rate_upper_95"] == failure_rate_upper(2, 9)


def test_a_run_killed_between_a_bad_transfer_and_its_verdict_has_failed(tmp_path: Path) -> None:
    _, path = run(tmp_path, FakeBoard(Script(3, cut)), 4)
    shutil.rmtree(path / journal.FAILURES)
    (path / journal.SUMMARY).unlink()
    again, _ = run(tmp_path, FakeBoard(), 6, resume=True)
    assert again.verdict.outcome is Outcome.FAILED
    assert again.tally.failures == {"truncated": 1}


def test_what_the_rig_had_spoiled_is_made_up_for_and_not_laid_to_the_board(tmp_path: Path) -> None:
    board = FakeBoard(Script(2, cut, vanish, silent_after=True))
    night, path = run(tmp_path, board, 4)
    assert (night.verdict.outcome, night.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert (night.tally.attempted, night.tally.ok) == (2, 1), "one bad line in the journal"
    assert failures(path) == ["001-rig"]
    assert load(path).figures.failed == 0
    for count in (4, 6):
        again, _ = run(tmp_path, FakeBoard(), count, resume=True)
        assert again.verdict.outcome is Outcome.PASSED
        assert (again.tally.attempted, again.tally.ok) == (count + 1, count)
        assert load(path).figures.failed == 0


def test_hours_are_those_of_the_whole_run(tmp_path: Path) -> None:
    _, path = run(tmp_path, FakeBoard(), 2)
    with (path / journal.TRANSFERS).open("ab") as file:
        file.write(b'{"n":3,"start":2.0,"ms":3600000,"bytes":200000,"ok":true}\n')
    wanted = big(None, hours=1.0)  # type: ignore[arg-type]
    summary, _ = run_soak(tmp_path, FakeBoard(), wanted, resume=True)
    assert summary.tally.attempted == 3, "the hour was over"


def test_a_run_is_not_taken_up_with_another_image(tmp_path: Path) -> None:
    def made(build: str) -> dict[str, Any]:
        image = {"path": "build/board/kyu.elf", "build_id": build, "sha256": build}
        return {"started": f"when {build} was run", "image": image}

    assert run_info.taken_up(made("aaaa"), made("aaaa"), tmp_path)["started"] == "when aaaa was run"
    assert run_info.taken_up({}, made("bbbb"), tmp_path) == made("bbbb"), "nothing is known of it"
    with pytest.raises(UserError, match=r"made with the build aaaa, .* is the build bbbb"):
        run_info.taken_up(made("aaaa"), made("bbbb"), tmp_path)


def test_a_simulated_run_is_not_taken_up_with_another_simulator(tmp_path: Path) -> None:
    wanted = SoakOptions(transfers=3, board="sim")
    assert soak_command.soak(wanted, tmp_path / "run", quiet=True) == 0
    told = journal.read_json(tmp_path / "run" / journal.RUN)
    told["image"] |= {"build_id": "0123456789abcdef"}
    journal.write_json(tmp_path / "run" / journal.RUN, told)
    with pytest.raises(UserError, match="made with the build 0123456789ab"):
        soak_command.resume(tmp_path / "run", transfers=5, hours=None, quiet=True)
    assert len(list(journal.read_transfers(tmp_path / "run"))) == 3
