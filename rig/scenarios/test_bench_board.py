"""A board on the bench, from its power to its verdict: real U-Boot, a serial device, TFTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board import image as images
from rig.board import sdcard
from rig.scenarios import desk as desks
from rig.scenarios.desk import Desk
from rig.scenarios.rfc2217 import SerialServer
from rig.wire.protocol import Wire

if why := desks.lacking():
    pytest.skip(why, allow_module_level=True)


@pytest.fixture(scope="module")
def desk(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if wire.name != "tap":
        pytest.skip("the desk needs a TAP device")
    loader = sdcard.uboot()
    assert loader is not None
    folder = tmp_path_factory.mktemp("desk")
    desks.interface()
    desk = Desk(folder, desks.card(folder / "card.img", loader))
    yield desk
    desk.close()


def _config(desk: Desk, folder: Path, serial: str = "") -> Path:
    words = ", ".join(json.dumps(word) for word in desk.power_command)
    path = folder / "board.toml"
    path.write_text(
        f'serial = "{serial or desk.serial}"\nhost_iface = "{desks.DEVICE}"\n'
        f'board_ip = "{desks.BOARD}"\nserial_lost_s = 20\n[power]\ncycle = [{words}]\n'
    )
    return path


def _kyu(*words: object, seconds: float = 60) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "rig", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_soak_goes_from_power_on_through_u_boot_to_its_end(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = _config(desk, tmp_path)
    status, said = _kyu(
        "soak", "--board", "bench", "--board-config", config, "--transfers", 20, "--out", out
    )
    assert status == 0, said
    console = (out / "console.log").read_bytes()
    assert b"U-Boot SPL" in console
    assert b"Bytes transferred" in console
    assert json.loads((out / "summary.json").read_text())["transfers_ok"] == 20


def test_after_a_planted_panic_the_power_is_cycled_and_the_run_goes_on(
    desk: Desk, tmp_path: Path
) -> None:
    out, before = tmp_path / "run", desk.cycles
    words = ["soak", "--board", "bench", "--board-config", _config(desk, tmp_path), "--keep-going"]
    words += ["--image", images.find(None, images.DEFECTS), "--bootargs", "defect=panic:6"]
    status, said = _kyu(*words, "--transfers", 9, "--out", out)
    assert status == 1, said
    summary = json.loads((out / "summary.json").read_text())
    assert summary["cause"] == "panic"
    assert summary["transfers_ok"] >= 6, said
    assert desk.cycles == before + 2


def test_a_serial_line_that_goes_away_in_the_night_is_waited_for(
    desk: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["soak", "--board", "bench", "--board-config", _config(desk, tmp_path)]
    words += ["--hours", 8 / 3600, "--out", out]
    soak = subprocess.Popen(
        [sys.executable, "-m", "rig", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    journal = out / "transfers.jsonl"
    ends = time.monotonic() + 40
    while not (journal.is_file() and journal.stat().st_size) and time.monotonic() < ends:
        time.sleep(0.05)
    desk.unplug()
    time.sleep(3)  # longer than a board may be silent
    desk.plug()
    said, _ = soak.communicate(timeout=60)
    assert soak.returncode == 0, said
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    notes = [event["detail"] for event in events if event["kind"] == "rig-note"]
    assert len(notes) == 2, notes
    assert notes[0].startswith("the serial line is lost")
    assert notes[1].startswith("the serial line is back after")


def test_a_serial_server_in_the_next_room_does_as_well(desk: Desk, tmp_path: Path) -> None:
    with SerialServer(str(desk.serial)) as server:
        config = _config(desk, tmp_path, f"rfc2217://127.0.0.1:{server.port}")
        status, said = _kyu(
            "soak",
            "--board",
            "bench",
            "--board-config",
            config,
            "--transfers",
            5,
            "--out",
            tmp_path / "r",
        )
    assert status == 0, said
    assert server.baud_asked == 115200


def test_what_is_wrong_with_the_bench_is_one_line(desk: Desk, tmp_path: Path) -> None:
    config = _config(desk, tmp_path)
    text = config.read_text()
    for good, bad, told in (
        (str(desk.serial), "/dev/no-such-tty", "--serial: /dev/no-such-tty cannot be opened"),
        (desks.DEVICE, "nobody0", "--host-iface: there is no interface nobody0"),
        (desks.BOARD, "10.9.8.7", f"{desks.DEVICE} has no address beside 10.9.8.7"),
        ('"cycle"', '"melt"', "power.cycle:"),
    ):
        config.write_text(text.replace(good, bad))
        status, said = _kyu(
            "soak", "--board", "bench", "--board-config", config, "--out", tmp_path / bad[1:4]
        )
        assert status in (2, 3), said
        assert told in said
        assert "Traceback" not in said
