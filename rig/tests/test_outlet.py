"""Who reads what kyu prints may go away, and costs no run and no verdict for it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rig import cli, journal
from rig.campaign.recorder import Recorder
from rig.errors import RigError
from rig.report import files

KYU = (sys.executable, "-m", "rig")
TOP = Path(__file__).parents[2]
SOAK = (*KYU, "soak", "--board", "sim", "--transfers", "40", "--parallel", "2", "--out")
RIG, INTERRUPTED = 3, 130


def complete(folder: Path) -> dict[str, Any]:
    """What a run leaves, however it ended."""
    assert {file.name for file in folder.iterdir()} >= {journal.RUN, journal.SUMMARY, *files.NAMES}
    found: dict[str, Any] = json.loads((folder / journal.SUMMARY).read_text())
    return found


def shell(script: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", script, "kyu", *map(str, words)]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "where",
    ['"$@" | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}', '"$@" > /dev/full', '"$@" >&-',
     '"$@" > /dev/full 2>&1', '"$@" <&- >&- 2>&-'],
)  # fmt: skip
def test_a_run_that_nobody_reads_goes_on_to_its_verdict(tmp_path: Path, where: str) -> None:
    done = shell(where, *SOAK, tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert complete(tmp_path / "run")["transfers_ok"] == 40


def test_that_a_disk_is_full_is_said_where_it_is_heard(tmp_path: Path) -> None:
    done = shell('"$@" > /dev/full', *SOAK, tmp_path / "run")
    told = "kyu: nothing more is printed: No space left on device; the run goes on\n"
    assert done.stderr == told


def test_no_file_of_a_run_takes_the_place_of_a_closed_output(tmp_path: Path) -> None:
    """A child of ours would write into it."""
    script = (
        "import sys; from rig import outlet; outlet.provide(); "
        "sys.exit(open(sys.argv[1], 'w').fileno())"
    )
    done = shell('"$@" >&- 2>&-', sys.executable, "-c", script, tmp_path / "journal")
    assert done.returncode > 2


def test_a_terminal_that_was_closed_is_an_interruption(tmp_path: Path) -> None:
    """Seen when something is printed: it is not our session's, and nobody sends SIGHUP."""
    out, (ours, theirs) = tmp_path / "run", pty.openpty()
    command = [word.replace("--transfers", "--hours").replace("40", "1") for word in SOAK]
    child = subprocess.Popen(
        [*command, str(out)], cwd=TOP, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"p50" not in seen:
        seen += os.read(ours, 4096)
    os.close(ours)
    try:
        assert child.wait(60) == INTERRUPTED
    finally:
        child.kill()
    summary = complete(out)
    assert summary["interrupted"]
    assert summary["transfers_ok"] > 0


@pytest.mark.parametrize("command", [["scenarios"], ["--help"], ["defects"]])
def test_a_list_that_is_cut_short_ends_quietly(command: list[str]) -> None:
    done = shell('"$@" | true; exit ${PIPESTATUS[0]}', *KYU, *command)
    assert (done.returncode, done.stderr) in [(INTERRUPTED, ""), (0, "")]


def test_a_list_that_finds_no_room_is_one_clear_line() -> None:
    done = shell('"$@" > /dev/full', *KYU, "scenarios")
    told = "kyu: the rig failed: what it prints cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (RIG, told)
    assert shell('"$@" >&-', *KYU, "scenarios").returncode == 0
    assert shell('"$@" 2> /dev/full', *KYU, "nonsense").returncode == 2


# A fault of the rig's own


def faulty(*_: object, **__: object) -> None:
    raise ZeroDivisionError("seconds\nof nothing")


def test_a_fault_of_the_rig_is_never_a_failed_board(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.doctor.main", faulty)
    assert cli.run(["doctor"]) == RIG
    *trace, last = capsys.readouterr().err.splitlines()
    assert trace[0].startswith("Traceback")
    assert any("test_outlet.py" in line for line in trace), "who reports it needs to know where"
    assert last == "kyu: a fault of the rig itself: ZeroDivisionError: seconds of nothing"


def test_a_run_that_the_rig_breaks_has_a_summary_of_what_its_journal_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.sim.soaking.SimulatedSoak._at_rest", faulty)
    assert cli.run([*SOAK[3:], str(tmp_path / "run")]) == RIG
    assert "kyu: a fault of the rig itself: ZeroDivisionError" in capsys.readouterr().err
    summary = complete(tmp_path / "run")
    assert (summary["verdict"], summary["cause"]) == ("inconclusive", "rig")
    assert (summary["transfers_ok"], summary["failures"]) == (40, {"rig": 1})


def test_an_interruption_anywhere_in_a_run_has_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rig.sim.soaking.SimulatedSoak.__init__", interrupted)
    assert cli.run([*SOAK[3:], str(tmp_path / "run")]) == INTERRUPTED
    assert complete(tmp_path / "run")["interrupted"]


def test_a_run_is_written_down_before_anything_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And before the history is asked, which may take its time."""
    there: list[set[str]] = []

    class Asked(Recorder):
        def news(self) -> list[str]:
            there.append({file.name for file in (tmp_path / "run").iterdir()})
            return []

    def told(_summary: object) -> str:
        there.append({file.name for file in (tmp_path / "run").iterdir()})
        raise RigError("nobody listens")

    monkeypatch.setattr("rig.soak_command.Recorder", Asked)
    assert cli.run([*SOAK[3:], str(tmp_path / "run")]) == 0
    assert there.pop() >= {journal.SUMMARY, *files.NAMES}
    monkeypatch.setattr("rig.soak_command.render", told)
    (tmp_path / "run").rename(tmp_path / "before")
    assert cli.run([*SOAK[3:], str(tmp_path / "run")]) == RIG
    assert there.pop() >= {journal.SUMMARY}
