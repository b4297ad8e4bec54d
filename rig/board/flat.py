"""What U-Boot is given: one flat file with the boot arguments page first, then the image.

Rules     loaded at LOAD_ADDRESS (the page's own address), entered at the ELF file's entry point.
          Segments lie at their physical (load) addresses, so the start code finds .data's image.
"""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from rig.board import bootargs
from rig.errors import UserError

LOAD_ADDRESS = bootargs.PAGE_ADDRESS
#: An image of Kyu has 1 MiB at most; more is another program.
FLAT_BYTES_MAX = 16 << 20


def flat(image: Path, args: str) -> tuple[bytes, int]:
    """(the file, the entry address). Raises UserError for an image that cannot be loaded so."""
    content = bytearray(bootargs.page(args))
    try:
        with image.open("rb") as file:
            elf = ELFFile(file)
            for segment in elf.iter_segments("PT_LOAD"):
                data: bytes = segment.data()
                at = segment["p_paddr"] - LOAD_ADDRESS
                if not data:
                    continue
                if at < bootargs.PAGE_BYTES or at + len(data) > FLAT_BYTES_MAX:
                    raise UserError(f"{image} is not linked for the Orange Pi PC", where="--image")
                content.extend(bytes(max(0, at + len(data) - len(content))))
                content[at : at + len(data)] = data
            return bytes(content), int(elf["e_entry"])
    except (ELFError, OSError) as error:
        raise UserError(f"cannot read {image}: {error}", where="--image") from None
