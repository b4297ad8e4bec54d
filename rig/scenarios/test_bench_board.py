"""A board on the bench, from its power to its verdict: real U-Boot, a serial device, TFTP."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board import flat, sdcard
from rig.board import image as images
from rig.board.bench_config import Boot
from rig.board.serial_line import SerialLine
from rig.board.uboot import UBoot
from rig.scenarios import desk as desks
from rig.scenarios.desk import Desk
from rig.scenarios.rfc2217 import SerialServer
from rig.wire.protocol import Wire

if why := desks.lacking():
    pytest.skip(why, allow_module_level=True)

#: So long may a crash take to be told (docs/console.md).
CRASH_S = 5.0


@pytest.fixture(scope="module")
def desk(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if wire.name != "tap":
        pytest.skip("the desk needs a TAP device")
    loader = sdcard.uboot()
    assert loader is not None
    folder = tmp_path_factory.mktemp("desk")
    sdcard.form(folder / "card.img", loader, {})
    desks.interface()
    desk = Desk(folder, folder / "card.img")
    _at_the_prompt(desk, "setenv preboot", "saveenv")  # as docs/bench-setup.md advises
    yield desk
    desk.close()


def _at_the_prompt(desk: Desk, *commands: str, sent: bytes = b"") -> list[str]:
    """What U-Boot answers to each, after `sent` has come to it by YMODEM."""
    boot = Boot()
    line = SerialLine(str(desk.serial), 115200, lost_s=0)
    try:
        uboot = UBoot(line, boot)
        subprocess.run(desk.power_command, check=True)
        uboot.interrupt()
        if sent:
            uboot.ymodem(flat.LOAD_ADDRESS, "kyu.bin", sent)
        return [uboot.run(command) for command in commands]
    finally:
        line.close()


def _config(desk: Desk, folder: Path, serial: str = "", load: str = "tftp") -> Path:
    words = ", ".join(json.dumps(word) for word in desk.power_command)
    path = folder / "board.toml"
    path.write_text(
        f'serial = "{serial or desk.serial}"\nhost_iface = "{desks.DEVICE}"\n'
        f'board_ip = "{desks.BOARD}"\nserial_lost_s = 20\n'
        f'[power]\ncycle = [{words}]\n[boot]\nload = "{load}"\n'
    )
    return path


def _run(*words: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """It does not outlive the test, however that ends."""
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _soak(config: Path) -> list[object]:
    return ["rig", "soak", "--board", "bench", "--board-config", config]


def _interface() -> str:
    """The host's side of the wire, without its counters."""
    words = ["ip", "-details", "address", "show", "dev", desks.DEVICE]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_after_a_planted_panic_the_power_is_cycled_and_the_run_goes_on(
    desk: Desk, tmp_path: Path
) -> None:
    out, cycles, before = tmp_path / "run", desk.cycles, _interface()
    words = [*_soak(_config(desk, tmp_path)), "--keep-going", "--transfers", 9, "--out", out]
    words += ["--image", images.find(None, images.DEFECTS), "--bootargs", "defect=panic:6"]
    status, said = _run(*words)
    assert status == 1, said
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["cause"], summary["failures"]) == ("panic", {"panic": 1}), said
    assert summary["transfers_ok"] == 8
    assert desk.cycles == cycles + 2
    assert _interface() == before
    console = (out / "console.log").read_bytes()
    assert console.count(b"U-Boot SPL") == console.count(b"Bytes transferred") == 2
    told = re.search(rb"\nPANIC: planted.*\n@kyu crash-end [^\n]*\n", console, re.DOTALL)
    assert told is not None, "the record is whole"
    assert len(told[0]) / desks.BYTES_PER_S < CRASH_S
    assert (out / "failures/001-panic/wire.pcapng").stat().st_size > 10_000


def test_a_serial_line_that_goes_away_in_the_night_is_waited_for(
    desk: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = [*_soak(_config(desk, tmp_path)), "--hours", 6 / 3600, "--out", out]
    command = [sys.executable, "-m", *map(str, words)]
    said = tmp_path / "said"
    with said.open("w") as file, _ended(subprocess.Popen(command, stdout=file)) as soak:
        journal = out / "transfers.jsonl"
        while not (journal.is_file() and journal.stat().st_size) and soak.poll() is None:
            time.sleep(0.05)
        desk.unplug()
        time.sleep(3)  # longer than a board may be silent
        desk.plug()
        status = soak.wait(timeout=60)
    assert status == 0, said.read_text()
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    notes = [event["detail"] for event in events if event["kind"] == "rig-note"]
    assert len(notes) == 2, notes
    assert notes[0].startswith("the serial line is lost")
    assert notes[1].startswith("the serial line is back after")


def test_pytest_reaches_the_board_through_a_serial_server_in_the_next_room(
    desk: Desk, tmp_path: Path
) -> None:
    with SerialServer(str(desk.serial)) as server:
        config = _config(desk, tmp_path, f"rfc2217://127.0.0.1:{server.port}")
        smoke = Path(__file__).parent / "test_smoke.py"
        words = ["--board=bench", f"--board-config={config}", "-p", "no:cacheprovider"]
        status, said = _run("pytest", smoke, *words, "-k", "stat or big or prompt")
    assert status == 0, said
    assert "3 passed" in said
    assert server.baud_asked == 115200


def test_a_card_of_make_sdcard_boots_by_itself(desk: Desk, tmp_path: Path) -> None:
    card, out = tmp_path / "kyu.img", tmp_path / "run"
    args = f"ip={desks.BOARD}/24"
    status, said = _run("rig", "sdcard", card, "--bootargs", args)
    assert status == 0, said
    assert f"dd if={card}" in said
    own = desk.insert(card)
    config = _config(desk, tmp_path, load="card")
    status, said = _run(*_soak(config), "--transfers", 3, "--out", out)
    desk.insert(own)
    assert status == 0, said
    console = (out / "console.log").read_bytes()
    assert b"Found U-Boot script /boot.scr" in console
    assert b"Kyu, ready> " in console
    assert b"=> " not in console, "U-Boot was not touched"


def test_u_boot_takes_a_file_by_ymodem(desk: Desk) -> None:
    content = bytes(range(256)) * 20 + b"tail"
    (said,) = _at_the_prompt(desk, f"crc32 {flat.LOAD_ADDRESS:#x} {len(content):#x}", sent=content)
    assert f"==> {zlib.crc32(content):08x}" in said
