"""board.toml, the options beside it, and the flat file: what is wrong is one clear line."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from rig.board import bench_config
from rig.board.flat import flat
from rig.board.power import Supply
from rig.errors import RigError, UserError

GOOD = 'serial = "/dev/ttyUSB0"\nhost_iface = "eth1"\n'


def _read(tmp_path: Path, text: str, **given: str | None) -> bench_config.BenchConfig:
    path = tmp_path / "board.toml"
    path.write_text(text)
    return bench_config.read(path, given)


def test_options_win_over_the_file(tmp_path: Path) -> None:
    config = _read(tmp_path, GOOD, serial="socket://there:7", host_iface=None)
    assert (config.serial, config.host_iface) == ("socket://there:7", "eth1")
    assert (config.baud, str(config.board_ip)) == (115200, "192.168.0.73")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('host_iface = "eth1"\n', "the bench board needs --serial"),
        ('serial = "x"\n', "the bench board needs --host-iface"),
        (GOOD + 'baut = "9600"\n', "baut: Extra inputs"),
        (GOOD + "baud = 'fast'\n", "baud: Input should be a valid integer"),
        (GOOD + "board_ip = 'here'\n", "board_ip: "),
        (GOOD + "[power]\non = ['a']\n", "on and off belong together"),
        (GOOD + "[power]\ncycle = 'uhubctl -a cycle'\n", "power.cycle: "),
        (GOOD + "[power]\ncycle = []\n", "power.cycle: "),
        ("serial = \n", "is not TOML"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        _read(tmp_path, text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_power_command_sees_no_shell_and_its_last_words_are_told() -> None:
    power = bench_config.Power(cycle=("/bin/sh", "-c", 'echo "$0" >&2; exit 7', "$(id); rm *"))
    with pytest.raises(RigError, match=r"status 7: \$\(id\); rm \*"):
        Supply(power).cycle()


def test_off_and_on_make_a_cycle_and_off_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    on, off = (("/bin/sh", "-c", f"echo {word} >>{log}") for word in ("on", "off"))

    def wait(seconds: float) -> None:
        log.write_text(f"{log.read_text()}{seconds:g}s\n")

    # Not sleep() of the module itself: whoever waits for a process uses that, too.
    monkeypatch.setattr("rig.board.power.time", SimpleNamespace(sleep=wait))
    supply = Supply(bench_config.Power(on=on, off=off, off_s=3))
    supply.cycle()
    supply.off()
    assert log.read_text().split() == ["off", "3s", "on", "off"]


def test_without_a_command_a_person_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Supply(bench_config.Power()).cycle()
    assert "switch the board off and on again" in capsys.readouterr().err


def _elf(path: Path, address: int, code: bytes) -> Path:
    """The smallest ELF32 for ARM with one segment."""
    header = struct.pack(
        "<16sHHIIIIIHHHHHH",
        b"\x7fELF\x01\x01\x01",
        2, 40, 1, 0x4000_8004, 52, 0, 0, 52, 32, 1, 40, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<8I", 1, 84, 0x4444_4444, address, len(code), len(code), 5, 4)
    path.write_bytes(header + segment + code)
    return path


def test_the_flat_file_is_the_page_and_then_the_image(tmp_path: Path) -> None:
    content, entry = flat(_elf(tmp_path / "k.elf", 0x4000_8000, b"code"), "ip=dhcp")
    assert content.startswith(b"KYUARGS1 ip=dhcp\0")
    assert content[0x6000:] == b"code"
    assert entry == 0x4000_8004


def test_an_image_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not linked for the Orange Pi PC"):
        flat(_elf(tmp_path / "k.elf", 0x8000_0000, b"code"), "")
