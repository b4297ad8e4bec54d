"""kyu sim … --scheduler: what one core finds, whoever ran it, and however many died over it."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig import interrupts
from rig.cli import run as kyu
from rig.sim import cluster

if importlib.util.find_spec("distributed") is None:
    pytest.skip("the extra 'dask' is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("ctrl_c")

#: A worker as another build of the firmware would be one.
STRANGER = (
    "import rig.sim.cluster as c, sys; c.fingerprint = lambda: 'another';"
    "from distributed.cli.dask_worker import main; main(sys.argv[1:])"
)


class Grid:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: list[subprocess.Popen[bytes]] = []
        words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        file = folder / "scheduler.json"
        self.scheduler = self._start(
            [sys.executable, "-m", "dask", *words, "--scheduler-file", str(file)]
        )
        while not file.exists() or not file.read_text().endswith("}"):
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]

    def worker(self, *python: str) -> subprocess.Popen[bytes]:
        words = [self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        how = python or ("-m", "distributed.cli.dask_worker")
        return self._start([sys.executable, *how, *words, "--local-directory", str(self._folder)])

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        log = self._folder / f"log-{len(self._all)}"
        with log.open("wb") as out:
            child = subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True)
        self._all.append(child)
        return child

    def close(self) -> None:
        for child in self._all:
            child.kill()
            child.wait()


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    grid = Grid(tmp_path_factory.mktemp("grid"))
    yield grid
    grid.close()


def test_a_soak_whose_worker_is_killed_ends_as_on_one_core(
    grid: Grid, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    soak = ["sim", "soak", "--transfers", "4500", "--loss", "0.1%", "--seed", "7", "--json"]
    dies = grid.worker()
    other: list[subprocess.Popen[bytes]] = []

    def kill_it_at_work() -> None:
        """The other one comes when the first has done something."""
        while "transfers" not in "".join(said):
            said.append(capfd.readouterr().err)
            time.sleep(0.02)
        os.killpg(dies.pid, signal.SIGKILL)
        other.append(grid.worker())

    said = [""]
    killer = threading.Thread(target=kill_it_at_work)
    killer.start()
    assert kyu([*soak, str(there), "--scheduler", grid.address]) == 0
    killer.join()
    said.append(capfd.readouterr().err)
    assert re.search(
        r"worker tcp://\S+ is gone; parts that are run again elsewhere: [12]$", "".join(said), re.M
    ), said
    assert kyu([*soak, str(here), "--processes", "1"]) == 0
    assert there.read_bytes() == here.read_bytes()
    assert len(json.loads(here.read_text())["worlds"]) == 5


def test_a_bug_is_found_in_the_run_and_made_the_plan_of_one_core(
    grid: Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid.worker()
    rows = []
    for name, where in (("here", []), ("there", ["--scheduler", grid.address])):
        file = tmp_path / name
        assert (
            kyu(["sim", "find", "deaf-receiver", "--seed", "3005", "--json", str(file), *where])
            == 0
        )
        (row,) = json.loads(file.read_text())["defects"]
        runs = re.search(r"after (\d+) runs", capsys.readouterr().err)
        assert runs is not None
        rows.append({k: v for k, v in row.items() if not k.startswith("seconds")} | {"n": runs[1]})
    assert rows[0] == rows[1]
    assert int(rows[0]["n"]) > 4, "more than what travels together"


def test_a_worker_with_another_simulator_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = Grid(tmp_path)
    try:
        grid.worker("-c", STRANGER)
        status = kyu(["sim", "soak", "--transfers", "1", "--scheduler", grid.address])
    finally:
        grid.close()
    told = capsys.readouterr().err.splitlines()
    assert status == 3
    assert re.match(r"worker tcp://\S+ is refused, .*: its simulator is another, not \w+$", told[0])
    assert re.match(r"kyu: the rig failed: none of the 1 workers at \S+ is fit$", told[1])


def test_a_ctrl_c_that_came_in_a_callback_is_not_forgotten(
    grid: Grid, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    grid.worker()
    monkeypatch.setattr(interrupts, "_asked", True)
    words = ["sim", "soak", "--transfers", "1000000", "--seed", "1", "--scheduler", grid.address]
    assert kyu(words) == 130
    assert "interrupted; parts under way that are given up: " in capsys.readouterr().err


def test_ctrl_c_gives_up_what_is_under_way_and_tells(grid: Grid) -> None:
    grid.worker()
    words = ["sim", "soak", "--transfers", "1000000", "--seed", "1", "--scheduler", grid.address]
    soak = subprocess.Popen(
        [sys.executable, "-m", "rig", *words], stderr=subprocess.PIPE, text=True
    )
    assert soak.stderr is not None
    assert "transfers, " in soak.stderr.readline()
    soak.send_signal(signal.SIGINT)
    _, told = soak.communicate(timeout=60)
    assert soak.returncode == 130
    assert re.search(r"^interrupted; parts under way that are given up: [1-9]\d*\n+\Z", told, re.M)
    assert "Traceback" not in told


def test_ctrl_c_in_a_call_of_the_library_is_nothing_to_log(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that has not begun has nothing to cancel, and the library stumbles over that."""
    logged: list[str] = []
    seen = logging.Handler()
    monkeypatch.setattr(seen, "emit", lambda record: logged.append(record.getMessage()))
    monkeypatch.setattr(logging.getLogger("tornado.application"), "handlers", [seen])
    said: list[str] = []
    busy = threading.Event()

    def keep_busy() -> None:
        busy.set()
        time.sleep(0.5)

    def ctrl_c_in_a_call() -> None:
        with cluster.Cluster(grid.address, said.append) as there:
            there._client.loop.add_callback(keep_busy)  # type: ignore[union-attr]
            busy.wait()
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            list(there.map(str, range(3)))

    with pytest.raises(KeyboardInterrupt):
        ctrl_c_in_a_call()
    assert said == ["interrupted; parts under way that are given up: 0"]
    assert logged == []


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("127.0.0.1:1", 3, "the rig failed: no scheduler answers at 127.0.0.1:1: "),
        ("nonsense", 2, "--scheduler: 'nonsense' is no HOST:PORT; as in 127.0.0.1:8786"),
        ("odd://127.0.0.1:1", 2, "--scheduler: 'odd://127.0.0.1:1' is no HOST:PORT"),
    ],
)
def test_what_is_no_scheduler_is_one_line(
    address: str,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    assert kyu(["sim", "find", "--all", "--scheduler", address]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kyu: {told}")


def test_without_the_package_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert kyu(["sim", "soak", "--scheduler", "127.0.0.1:1"]) == 2
    assert capsys.readouterr().err == (
        "kyu: --scheduler: the package distributed is not installed; pip install 'kyu-rig[dask]'\n"
    )


# The last one of that scheduler.
def test_a_scheduler_that_goes_away_ends_the_campaign_in_one_line(
    grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = threading.Timer(1.0, grid.close)
    ends.start()
    status = kyu(["sim", "soak", "--transfers", "1000000", "--scheduler", grid.address])
    ends.join()
    *_, told = capsys.readouterr().err.splitlines()
    assert status == 3
    assert re.match(r"kyu: the rig failed: the scheduler at \S+ went away: ", told)
