"""An SD card that boots Kyu by itself: Debian's U-Boot, a boot script and the flat image.

Layout    U-Boot with SPL at 8 KiB, where the boot ROM of the H3 looks; from 1 MiB on one FAT
          partition with boot.scr, which U-Boot's own boot order finds, and kyu.bin.
Rules     an image file is written, never a card: what would erase a disk is left to a person.
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from rig.board import flat
from rig.errors import RigError, UserError

UBOOT = "usr/lib/u-boot/nanopi_neo/u-boot-sunxi-with-spl.bin"
BINARY, SCRIPT = "kyu.bin", "boot.scr"
SPL_AT = 8 << 10
PARTITION_AT = 1 << 20
#: A power of two, as cards are; FAT16 has room for far more than the image.
CARD_BYTES = 64 << 20
SECTOR_BYTES = 512
MBR_TABLE_AT, MBR_END, FAT16_LBA = 446, b"\x55\xaa", 0x0E
#: U-Boot's legacy image header: operating system Linux, architecture ARM, type script, no packing.
SCRIPT_MAGIC, SCRIPT_KIND = 0x2705_1956, bytes((5, 2, 6, 0))


def uboot() -> Path | None:
    """Debian's U-Boot for a board with an H3, where it has been installed or unpacked."""
    roots = (Path("/"), Path(__file__).resolve().parents[2] / "build" / "u-boot")
    return next((root / UBOOT for root in roots if (root / UBOOT).is_file()), None)


def script(commands: str) -> bytes:
    """What U-Boot's `source` takes: the header, the length of the only text, the text."""
    text = commands.encode("ascii")
    body = struct.pack(">II", len(text), 0) + text

    def header(crc: int) -> bytes:
        words = (SCRIPT_MAGIC, crc, 0, len(body), 0, 0, zlib.crc32(body))
        return struct.pack(">7I4s32s", *words, SCRIPT_KIND, b"Kyu")

    return header(zlib.crc32(header(0))) + body


def commands(entry: int) -> str:
    """U-Boot has set devtype, devnum and distro_bootpart to where it found the script."""
    return (
        f"load ${{devtype}} ${{devnum}}:${{distro_bootpart}} {flat.LOAD_ADDRESS:#x} {BINARY}"
        f" && go {entry:#x}\n"
    )


def write(path: Path, image: Path, args: str, loader: Path) -> None:
    """Raises UserError for what is given wrongly, RigError when this host cannot."""
    content, entry = flat.flat(image, args)
    form(path, loader, {BINARY: content, SCRIPT: script(commands(entry))})


def form(path: Path, loader: Path, files: dict[str, bytes]) -> None:
    """A card with this U-Boot and these files; U-Boot keeps its settings beside them (saveenv)."""
    try:
        with loader.open("rb") as file:
            first = file.read(PARTITION_AT)
    except OSError as error:
        raise UserError(f"cannot read {loader}: {error.strerror}", where="--uboot") from None
    if first[4:12] != b"eGON.BT0" or SPL_AT + len(first) > PARTITION_AT:
        raise UserError(f"{loader} is no u-boot-sunxi-with-spl.bin", where="--uboot")
    try:
        _spare(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as card:
            card.truncate(CARD_BYTES)
            card.write(_boot_record())
            card.seek(SPL_AT)
            card.write(first)
        _fill(path, files)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}", where="the card") from None


def _spare(path: Path) -> None:
    """Raises UserError for what is there and is no card's image: a disk, the firmware itself."""
    if not path.exists():
        return
    if not path.is_file():
        raise UserError(f"{path} is no plain file", where="the card", mend="name a new file")
    with path.open("rb") as file:
        first = file.read(SECTOR_BYTES)
    if first.strip(b"\0") and not first.endswith(MBR_END):
        what = f"{path} is there already, and is no card's image"
        raise UserError(what, where="the card", mend="name a new file")


def _boot_record() -> bytes:
    """One partition to the end of the card; addressed by sector, as every reader does today."""
    first, count = PARTITION_AT // SECTOR_BYTES, (CARD_BYTES - PARTITION_AT) // SECTOR_BYTES
    past = b"\xfe\xff\xff"  # cylinder, head and sector: beyond what they can say
    row = struct.pack("<B3sB3sII", 0x80, past, FAT16_LBA, past, first, count)
    return bytes(MBR_TABLE_AT) + row.ljust(64, b"\0") + MBR_END


def _fill(path: Path, files: dict[str, bytes]) -> None:
    sectors = str((CARD_BYTES - PARTITION_AT) // SECTOR_BYTES)
    hidden = str(PARTITION_AT // SECTOR_BYTES)
    drive = f"{path}@@{PARTITION_AT}"
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        _mtools("mformat", "-i", drive, "-T", sectors, "-H", hidden, "-h", "64", "-s", "32", "::")
        if files:
            _mtools("mcopy", "-i", drive, *(f"{folder}/{name}" for name in files), "::")


def _mtools(*words: str) -> None:
    settings = os.environ | {"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull}
    try:
        done = subprocess.run(words, env=settings, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError(
            f"{words[0]} is not installed", where="the card", mend="apt-get install mtools"
        ) from None
    if done.returncode:
        raise RigError(f"{words[0]}: {' '.join(done.stderr.split())}")


def told(path: Path) -> str:
    """How it comes to a card, for people."""
    return (
        f"{path} is written ({CARD_BYTES >> 20} MiB, most of it empty). To put it on a card:\n"
        "  lsblk -d -o NAME,SIZE,RM,MODEL       find the card's device by its size\n"
        f"  sudo dd if={path} of=/dev/CARD bs=4M conv=fsync\n"
        "Everything on that device is lost: look twice. The board then boots Kyu by itself."
    )
