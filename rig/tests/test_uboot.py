"""Talking to U-Boot: what it says is believed, what it does not say is told."""

from __future__ import annotations

from typing import cast

import pytest

from rig.board.bench_config import Boot
from rig.board.serial_line import SerialLine
from rig.board.uboot import UBoot
from rig.board.ymodem import ACK, CRC, EOT, SOH, STX, packet
from rig.errors import RigError

BOOT = Boot(wait_s=0.2, load_s=0.2)
BANNER = b"U-Boot SPL 2023.01\r\n\r\nHit any key to stop autoboot:  2 \x08\x08\x08 1 "


class Line:
    """U-Boot from its banner on; `answers` holds what each command brings."""

    def __init__(
        self,
        answers: dict[str, str],
        banner: bytes = BANNER,
        *,
        piece: int = 7,
        stale: bytes = b"",
    ) -> None:
        self._stale = stale  # comes before the echo: what a key of before has brought
        self._piece = piece  # prompts and words come in pieces
        self.kept = b""
        self.typed: list[str] = []
        self._answers = answers
        self._said = banner
        self._command = b""
        self.stopped = False

    def take(self) -> bytes:
        said, self._said = self._said[: self._piece], self._said[self._piece :]
        return said

    def keep(self, data: bytes) -> None:
        self.kept += data

    def write(self, data: bytes) -> None:
        if not self.stopped:
            self.stopped = True
            self._said += b"\r\n=> "
            return
        self._said += self._stale + data.replace(b"\x03", b"<INTERRUPT>\r\n=> ")  # the echo
        self._command += data
        if data.endswith(b"\r"):
            command = self._command.strip(b" \x03\r").decode()
            self._command = b""
            self.typed.append(command)
            answer = self._answers.get(command.partition(" ")[0], "")
            self._said += f"\n{answer}".encode() + b"=> "


def _uboot(line: Line) -> UBoot:
    return UBoot(cast(SerialLine, line), BOOT)


def _load(line: Line, size: int = 100) -> None:
    uboot = _uboot(line)
    uboot.interrupt()
    uboot.tftp(0x4000_2000, "kyu.bin", "10.0.0.2", "10.0.0.1", "255.255.255.0", size)


def test_the_image_is_loaded_entered_and_all_of_it_is_kept_for_the_console() -> None:
    line = Line(
        {"tftpboot": "Using ethernet@1c30000 device\r\nBytes transferred = 100 (64 hex)\r\n"}
    )
    _load(line)
    _uboot(line).go(0x4000_8000)
    addresses = "setenv ipaddr 10.0.0.2; setenv netmask 255.255.255.0; setenv serverip 10.0.0.1"
    assert line.typed == [addresses, "tftpboot 0x40002000 kyu.bin", "go 0x40008000"]
    assert line.kept.startswith(b"U-Boot SPL")
    assert b"Bytes transferred" in line.kept


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("ARP Retry count exceeded; starting again\r\n", "ARP Retry count exceeded"),
        ("Bytes transferred = 99 (63 hex)\r\n", "Bytes transferred = 99"),
        (f"Bytes transferred = {'1' * 5000} (64 hex)\r\n", "Bytes transferred = 111"),
    ],
)
def test_an_image_that_did_not_come_whole_is_not_entered(answer: str, told: str) -> None:
    with pytest.raises(RigError, match=f"could not load the image: {told}"):
        _load(Line({"tftpboot": answer}))


def test_a_prompt_of_before_does_not_end_a_command() -> None:
    _load(Line({"tftpboot": "Bytes transferred = 100 (64 hex)\r\n"}, stale=b"\r\n=> "))


class Loader(Line):
    """Takes a file by YMODEM and says how much it was."""

    def __init__(self, size: int) -> None:
        super().__init__({})
        self.stopped = True
        self.told = f"0x{size:08x} = {size}"
        self.packets: list[bytes] = []

    def write(self, data: bytes) -> None:
        if data.startswith(b"loady"):
            self.typed.append(data.decode().strip())
            self._said += (
                data + b"\n## Ready for binary (ymodem) download at 115200 bps...\r\n" + CRC
            )
        elif data[:1] in (SOH, STX, EOT):
            self.packets.append(data)
            self._said += ACK
            if data == packet(0, b"", b"\0"):
                self._said += f"## Total Size      = {self.told} Bytes\r\n=> ".encode()


@pytest.mark.parametrize("short", [0, 1])
def test_a_file_by_ymodem_has_to_come_whole_too(short: int) -> None:
    content = bytes(3000)
    line = Loader(len(content) - short)
    if short:
        with pytest.raises(RigError, match=r"image; it said last: .*= 2999 Bytes"):
            _uboot(line).ymodem(0x4000_2000, "kyu.bin", content)
    else:
        _uboot(line).ymodem(0x4000_2000, "kyu.bin", content)
    assert line.typed == ["loady 0x40002000"]
    assert [one[:1] for one in line.packets] == [SOH, STX, STX, STX, EOT, SOH]


def test_no_size_is_too_long_to_be_the_wrong_one() -> None:
    line = Loader(3000)
    line.told = f"0x1 = {'1' * 5000}"
    with pytest.raises(RigError, match="could not load the image; it said last: '## Total Size"):
        _uboot(line).ymodem(0x4000_2000, "kyu.bin", bytes(3000))


def test_a_rig_that_comes_too_late_has_pressed_a_key_before() -> None:
    line = Line({})
    write, seen = line.write, []

    def late(data: bytes) -> None:
        seen.append(b"autoboot" in line.kept)
        if not seen[0]:  # after its own two seconds U-Boot would listen no more
            write(data)

    line.write = late  # type: ignore[method-assign]
    _uboot(line).interrupt()
    assert not seen[0]


def test_a_prompt_that_comes_with_the_banner_is_seen() -> None:
    line = Line({}, BANNER + b"\x08 0 \r\n=> ", piece=1000)
    line.stopped = True
    _uboot(line).interrupt()


def test_silence_is_told_with_what_was_heard_last() -> None:
    with pytest.raises(RigError, match=r"did not come up within 0.2 s; the serial line is silent"):
        _uboot(Line({}, b"")).interrupt()
    with pytest.raises(RigError, match=r"did not come up .*it said last: 'DRAM: 0 MiB'"):
        _uboot(Line({}, b"DRAM: 0 MiB\r\n")).interrupt()


def test_a_card_that_boots_is_left_alone() -> None:
    line = Line({}, BANNER + b"\r\n## Starting application\r\n@kyu boot v=1 build=00\r\n")
    _uboot(line).left_alone()
    assert line.typed == []
    with pytest.raises(RigError, match="Kyu did not come up"):
        _uboot(Line({})).left_alone()
