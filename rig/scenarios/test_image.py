"""The image's budget: who adds much has to take away elsewhere, or to say here why not."""

from __future__ import annotations

from elftools.elf.elffile import ELFFile

from rig.assembly import BoardChoice

TEXT_MAX = 200_000


def test_the_text_of_the_release_image_keeps_within_its_budget(board_choice: BoardChoice) -> None:
    with board_choice.image.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".text")
    text = section["sh_size"] if section else 0
    assert 100_000 < text <= TEXT_MAX, f"{text:,} bytes of instructions"
