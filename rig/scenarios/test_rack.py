"""Boards that are borrowed from labgrid: a real coordinator and exporter, emulated boards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board import image as images
from rig.scenarios import shelf as shelves
from rig.scenarios.shelf import KIND, Room
from rig.wire.protocol import Wire

if why := shelves.lacking():
    pytest.skip(why, allow_module_level=True)


@pytest.fixture(scope="module")
def room(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    if wire.name != "tap":
        pytest.skip("a rack needs TAP devices")
    room = Room(tmp_path_factory.mktemp("room"), images.find(None), 2)
    yield room
    room.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """What all boards of this rack have in common."""
    path = tmp_path / "board.toml"
    path.write_text('serial_lost_s = 0.5\n[power]\noff_s = 0\n[boot]\nload = "card"\n')
    return path


def _start(room: Room, config: Path, place: str, *words: object) -> subprocess.Popen[str]:
    command = ["soak", "--place", place, "--coordinator", room.coordinator]
    return subprocess.Popen(
        [sys.executable, "-m", "rig", *command, "--board-config", str(config), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _under_way(soak: subprocess.Popen[str], out: Path) -> None:
    journal = out / "transfers.jsonl"
    while not (journal.is_file() and journal.stat().st_size):
        assert soak.poll() is None, soak.communicate()
        time.sleep(0.01)


def _all_is_back(room: Room) -> None:
    assert room.labgrid("who").split() == ["User", "Host", "Place", "Changed"]
    assert room.labgrid("reservations") == ""
    assert not any(shelf.on for shelf in room.shelves)


def test_a_place_that_is_in_use_is_refused_and_ctrl_c_gives_it_back(
    room: Room, config: Path, tmp_path: Path
) -> None:
    first = _start(room, config, "shelf-1", "--hours", 1, "--out", tmp_path / "run")
    _under_way(first, tmp_path / "run")
    second = _start(room, config, "shelf-1", "--out", tmp_path / "other")
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 3
    assert said == "kyu: the rig failed: labgrid: You have already acquired place shelf-1.\n"
    assert not (tmp_path / "other").exists()
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 130, said
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["interrupted"]
    assert summary["transfers_ok"] > 0
    _all_is_back(room)


def test_pytest_runs_on_a_borrowed_board(room: Room, config: Path) -> None:
    words = ["--board=labgrid", "--lg-place", "shelf-2", "--lg-coordinator", room.coordinator]
    words += [f"--board-config={config}", "-p", "no:cacheprovider", "-k", "stat or big"]
    smoke = Path(__file__).parent / "test_smoke.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", smoke, *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    _all_is_back(room)


@pytest.mark.parametrize(
    ("place", "status", "told"),
    [
        ("shelf-9", 2, "--place: place pattern shelf-9 matches nothing at {}"),
        ("kind=toaster", 3, "the rig failed: no place with kind=toaster is free at {}"),
    ],
)
def test_what_is_not_there_is_one_line(
    room: Room, config: Path, place: str, status: int, told: str
) -> None:
    soak = _start(room, config, place)
    said, _ = soak.communicate(timeout=60)
    assert soak.returncode == status
    assert said == f"kyu: {told.format(room.coordinator)}\n"


# The last one: it leaves a dead board.
def test_a_campaign_goes_on_with_another_board_when_one_dies(
    room: Room, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    soak = _start(room, config, KIND, "--transfers", 600, "--out", out)
    _under_way(soak, out)
    (dies,) = [shelf for shelf in room.shelves if shelf.on]
    (lives,) = [shelf for shelf in room.shelves if not shelf.on]
    dies.die()
    said, _ = soak.communicate(timeout=100)
    assert soak.returncode == 0, said
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["verdict"], summary["transfers_ok"]) == ("passed", 600), said
    lost, other = summary["places"]
    assert (lost["place"], other) == (dies.name, {"place": lives.name, "trouble": ""})
    assert "serial line" in lost["trouble"]
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    notes = [event["detail"] for event in events if event["kind"] == "rig-note"]
    assert f"place {dies.name} is given up: {lost['trouble']}" in notes
    assert f"the run goes on with place {lives.name}" in notes
    _all_is_back(room)
