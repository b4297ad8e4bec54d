"""Boards that are borrowed from labgrid: a real coordinator and exporter, emulated boards."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board import image as images
from rig.errors import RigError, UserError
from rig.rack.client import LabgridClient
from rig.rack.rack import Rack
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
    """A transfer has ended since it was asked."""
    journal = out / "transfers.jsonl"
    before = journal.stat().st_size if journal.is_file() else 0
    while not (journal.is_file() and journal.stat().st_size > before):
        assert soak.poll() is None, soak.communicate()
        time.sleep(0.01)


def _all_is_back(room: Room) -> None:
    assert room.labgrid("who").split() == ["User", "Host", "Place", "Changed"]
    assert not any(shelf.on for shelf in room.shelves)


def test_pytest_runs_on_a_borrowed_board(room: Room, config: Path) -> None:
    words = ["--board=labgrid", "--lg-place", "shelf-2", "--lg-coordinator", room.coordinator]
    words += [f"--board-config={config}", "-p", "no:cacheprovider", "-k", "big"]
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


def test_what_is_not_to_be_had_is_one_line(room: Room) -> None:
    at = re.escape(room.coordinator)
    room.labgrid("-p", "shelf-1", "acquire")
    for place, kind, told in (
        ("shelf-9", UserError, f"--place: place pattern shelf-9 matches nothing at {at}"),
        ("shelf", UserError, f"--place: pattern shelf matches multiple places .* at {at}"),
        ("kind=toaster", RigError, f"no place with kind=toaster is free at {at}"),
        ("shelf-1", RigError, r"labgrid: You have already acquired place shelf-1\."),
    ):
        with (
            Rack(LabgridClient(room.coordinator), place, print) as rack,
            pytest.raises(kind, match=f"^{told}$"),
        ):
            rack.borrow()
    room.labgrid("-p", "shelf-1", "release")  # it is not one of ours, and was left alone
    nobody = Rack(LabgridClient("127.0.0.1:1"), KIND, print)
    with pytest.raises(RigError, match=r"^no labgrid coordinator answers at 127\.0\.0\.1:1$"):
        nobody.borrow()


# The last one: it leaves a dead board.
def test_a_campaign_goes_on_with_another_board_when_one_dies_and_ctrl_c_gives_both_back(
    room: Room, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    soak = _start(room, config, KIND, "--hours", 1, "--out", out)
    _under_way(soak, out)
    (dies,) = [shelf for shelf in room.shelves if shelf.on]
    (lives,) = [shelf for shelf in room.shelves if not shelf.on]
    dies.die()
    while not lives.on:
        assert soak.poll() is None, soak.communicate()
        time.sleep(0.02)
    _under_way(soak, out)
    soak.send_signal(signal.SIGINT)
    said, _ = soak.communicate(timeout=100)
    assert soak.returncode == 130, said
    summary = json.loads((out / "summary.json").read_text())
    assert summary["interrupted"]
    assert summary["failures"] == {}
    lost, other = summary["places"]
    assert (lost["place"], other) == (dies.name, {"place": lives.name, "trouble": ""})
    assert "serial line" in lost["trouble"]
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    notes = [event["detail"] for event in events if event["kind"] == "rig-note"]
    assert f"place {dies.name} is given up: {lost['trouble']}" in notes
    assert f"the run goes on with place {lives.name}" in notes
    _all_is_back(room)
    assert room.labgrid("reservations") == ""
