"""The SD card's image: what its parts are made of, and what is refused."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from rig.board import sdcard
from rig.errors import RigError, UserError

SPL = b"\x16\x00\x00\xeaeGON.BT0" + bytes(600 << 10)


@pytest.fixture
def loader(tmp_path: Path) -> Path:
    path = tmp_path / "u-boot-sunxi-with-spl.bin"
    path.write_bytes(SPL)
    return path


def test_a_script_has_a_header_that_can_be_checked() -> None:
    made = sdcard.script("go 0x40008000\n")
    header, body = bytearray(made[:64]), made[64:]
    magic, crc, _, size, _, _, body_crc, kind, name = struct.unpack(">7I4s32s", header)
    assert (magic, size, body_crc) == (0x27051956, len(body), zlib.crc32(body))
    header[4:8] = bytes(4)
    assert crc == zlib.crc32(header)
    assert (kind[2], name.rstrip(b"\0")) == (6, b"Kyu")
    assert body == struct.pack(">II", 14, 0) + b"go 0x40008000\n"


def test_u_boot_lies_where_the_boot_rom_looks_and_the_files_in_the_partition(
    loader: Path, tmp_path: Path
) -> None:
    card = tmp_path / "deep" / "card.img"
    sdcard.form(card, loader, {"kyu.bin": b"image", "boot.scr": b"script"})
    raw = card.read_bytes()
    assert len(raw) == sdcard.CARD_BYTES
    assert raw[8192 : 8192 + len(SPL)] == SPL
    first, count = struct.unpack_from("<II", raw, 446 + 8)
    assert (raw[510:512], raw[450]) == (b"\x55\xaa", 0x0E)
    assert (first + count) * 512 == len(raw)
    words = ["mcopy", "-i", f"{card}@@{first * 512}", "::kyu.bin", "-"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == b"image"


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(100), SPL + bytes(1 << 20)])
def test_what_is_no_u_boot_for_this_board_is_refused(
    content: bytes, loader: Path, tmp_path: Path
) -> None:
    loader.write_bytes(content)
    with pytest.raises(UserError, match=r"is no u-boot-sunxi-with-spl\.bin"):
        sdcard.form(tmp_path / "card.img", loader, {})
    assert not (tmp_path / "card.img").exists()


def test_what_cannot_be_written_is_one_line(loader: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the card: cannot write"):
        sdcard.form(loader / "card.img", loader, {})
    with pytest.raises(RigError, match=r"mcopy: .*full"):
        sdcard.form(tmp_path / "card.img", loader, {"big": bytes(sdcard.CARD_BYTES)})


@pytest.mark.parametrize("there", ["the firmware", "a folder", "a pipe"])
def test_what_was_never_a_card_is_not_written_over(
    loader: Path, tmp_path: Path, there: str
) -> None:
    path, firmware = tmp_path / "kyu.elf", b"\x7fELF" + bytes(1000)
    if there == "the firmware":
        path.write_bytes(firmware)
    elif there == "a folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(UserError, match=r"the card: .*; name a new file"):
        sdcard.form(path, loader, {})
    assert there != "the firmware" or path.read_bytes() == firmware


@pytest.mark.parametrize("before", [b"", bytes(9000), sdcard.MBR_END.rjust(512, b"\1")])
def test_a_card_is_made_anew(loader: Path, tmp_path: Path, before: bytes) -> None:
    card = tmp_path / "card.img"
    card.write_bytes(before)
    sdcard.form(card, loader, {})
    assert card.stat().st_size == sdcard.CARD_BYTES


def test_without_mtools_it_says_so(
    loader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="mformat is not installed; apt-get install mtools"):
        sdcard.form(tmp_path / "card.img", loader, {})
