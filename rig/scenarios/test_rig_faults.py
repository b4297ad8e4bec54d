"""What happens when the rig itself is hurt: the board is not blamed, and nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig import journal
from rig.assembly import BoardChoice
from rig.campaign.database import Database
from rig.journal import read_transfers
from rig.pytest_plugin import Keeper

LONG_S = 30.0


class Run:
    """A `kyu soak` in a process of its own, that would go on for an hour."""

    def __init__(self, image: Path, out: Path, *words: str) -> None:
        self.out = out
        words = ("soak", "--hours", "1", "--image", str(image), *words)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rig", *words, "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def emulator(self) -> int:
        """The process id of its QEMU: the rig's only child."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text())

    def wait_for_transfers(self, count: int) -> None:
        def enough() -> bool:
            path = self.out / journal.TRANSFERS
            return path.exists() and sum(line.ok for line in read_transfers(self.out)) >= count

        wait_until(enough, f"{count} transfers")

    def summary(self) -> dict[str, object]:
        content: dict[str, object] = json.loads((self.out / journal.SUMMARY).read_text())
        return content


def wait_until(true: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < ends, f"no {what} in {LONG_S:g} s"
        time.sleep(0.02)


def ended(pid: int) -> bool:
    """Gone, or dead and not yet reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def run(boards: Keeper, board_choice: BoardChoice, tmp_path: Path) -> Iterator[Run]:
    boards.off()
    with going(Run(board_choice.image, tmp_path / "run", "--wire", "slirp")) as started:
        yield started


@contextlib.contextmanager
def going(run: Run) -> Iterator[Run]:
    """Three transfers are done when the block begins, and nothing is left when it ends."""
    try:
        run.wait_for_transfers(3)
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()


def test_a_rig_that_is_killed_leaves_a_journal_and_no_emulator(run: Run) -> None:
    emulator = run.emulator()
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    wait_until(lambda: ended(emulator), "end of the emulator")
    numbers = [line.n for line in read_transfers(run.out)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_its_summary_and_exits_130(run: Run, number: int) -> None:
    run.process.send_signal(number)
    assert run.process.wait(timeout=LONG_S) == 130
    summary = run.summary()
    assert summary["interrupted"] is True
    assert summary["transfers_ok"] == len(list(read_transfers(run.out)))


def test_an_emulator_that_is_killed_is_inconclusive(run: Run) -> None:
    os.kill(run.emulator(), signal.SIGKILL)
    assert run.process.wait(timeout=LONG_S) == 3
    summary = run.summary()
    assert (summary["verdict"], summary["cause"]) == ("inconclusive", "rig")
    assert "signal 9" in str(summary["detail"])


def test_an_emulator_that_is_stopped_is_inconclusive(run: Run) -> None:
    os.kill(run.emulator(), signal.SIGSTOP)
    assert run.process.wait(timeout=LONG_S) == 3
    assert "stopped" in str(run.summary()["detail"])


@pytest.mark.needs("faults")
@pytest.mark.parametrize(
    ("faults", "order", "said"),
    [
        ("none", "link del kyu0", "has been removed"),
        ("loss=0.1%", "link set kyu0 down", "has been set down"),
    ],
)
def test_a_wire_that_somebody_takes_away_is_no_fault_of_the_board(
    boards: Keeper, board_choice: BoardChoice, tmp_path: Path, order: str, said: str, faults: str
) -> None:
    boards.off()
    with going(
        Run(board_choice.image, tmp_path / "run", "--wire", "tap", "--faults", faults)
    ) as run:
        inside = ["nsenter", f"--net=/proc/{run.process.pid}/ns/net"]
        subprocess.run([*inside, "ip", *order.split()], check=True)
        assert run.process.wait(timeout=LONG_S) == 3
        summary = run.summary()
        assert (summary["verdict"], summary["cause"]) == ("inconclusive", "rig")
        assert said in str(summary["detail"])


def test_a_resumed_run_goes_on_where_it_was_killed(run: Run) -> None:
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    before = len(list(read_transfers(run.out)))
    words = ["soak", "--resume", str(run.out), "--transfers", str(before + 5)]
    status = subprocess.run(
        [sys.executable, "-m", "rig", *words], stdout=subprocess.DEVNULL, check=False
    ).returncode
    assert status == 0
    assert run.summary()["transfers_ok"] == before + 5


def test_two_rigs_at_once_do_not_know_of_each_other(
    boards: Keeper, board_choice: BoardChoice, tmp_path: Path
) -> None:
    """Each has its own network, console and emulator, whatever the other does; one history."""
    boards.off()
    words = ["soak", "--transfers", "40", "--image", str(board_choice.image), "--quiet"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "rig", *words, "--out", str(tmp_path / name)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    said = [run.communicate(timeout=4 * LONG_S)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert all(json.loads((tmp_path / name / journal.SUMMARY).read_text())["transfers_ok"] == 40
               for name in ("one", "other"))  # fmt: skip
    assert len(Database(tmp_path / "history.sqlite").runs()) == 2


def test_an_image_that_was_built_anew_meanwhile_is_noticed(
    boards: Keeper, board_choice: BoardChoice, defects_choice: BoardChoice, tmp_path: Path
) -> None:
    """Names of the wrong image would be told of every failure that follows."""
    boards.off()
    image = tmp_path / "kyu.elf"
    shutil.copy(defects_choice.image, image)
    command = ["soak", "--hours", "1", "--keep-going", "--bootargs", "defect=panic:200"]
    run = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "rig",
            *command,
            "--image",
            str(image),
            "--out",
            str(tmp_path / "r"),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: (tmp_path / "r" / journal.RUN).exists(), "run")
        wait_until(lambda: any(read_transfers(tmp_path / "r")), "transfer")
        shutil.copy(board_choice.image, image)
        assert run.wait(timeout=2 * LONG_S) == 3
    finally:
        run.kill()
        run.wait()
    detail = json.loads((tmp_path / "r" / journal.SUMMARY).read_text())["detail"]
    assert "built anew" in detail
