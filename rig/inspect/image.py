"""The ELF file that a board runs: where its memory lies, its symbols, its debug information.

Context   after a failure; everything is decoded when it is first asked for.
Rules     a file that is stripped or no ELF is UserError: from outside nothing can be told without
          its debug information.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from rig.errors import UserError
from rig.inspect.memory import Memory, Span, UnreadableError

_SYMBOL = struct.Struct("<IIIBBH")
_STT_FUNC = 2
#: Pools of packet buffers, uncleared at boot, are megabytes that no backtrace needs.
SAVED_SECTION_BYTES_MAX = 12 << 20


class Image:
    def __init__(self, path: Path) -> None:
        """Raises UserError when the file cannot be read, or says too little."""
        self.path = path
        try:
            self._raw = path.read_bytes()
            self.elf: Any = ELFFile(BytesIO(self._raw))
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        except (ELFError, ConstructError):
            raise UserError(f"{path} is not an ELF file") from None
        if self.elf["e_machine"] != "EM_ARM" or not self.elf.has_dwarf_info():
            raise UserError(f"{path} is no ARM image with debug information")

    @cached_property
    def symbols(self) -> dict[str, int]:
        """Name to address; of a name that local symbols share, one."""
        table = self.elf.get_section_by_name(".symtab")
        if table is None:
            return {}
        names: bytes = self.elf.get_section(table["sh_link"]).data()
        found: dict[str, int] = {}
        for name, value, _size, info, _other, section in _SYMBOL.iter_unpack(table.data()):
            if section != 0 and name != 0:
                end = names.index(b"\0", name)
                # Bit 0 of a function says that it is Thumb code.
                at = value & ~1 if info & 15 == _STT_FUNC else value
                found[names[name:end].decode(errors="replace")] = at
        return found

    def content(self, address: int, size: int) -> bytes:
        """What the file has for this address; empty when it has none."""
        for part in self.elf.iter_segments("PT_LOAD"):
            at = address - part["p_vaddr"]
            if at >= 0 and at + size <= part["p_filesz"]:
                return bytes(part.data()[at : at + size])
        return b""

    def symbol(self, name: str) -> int:
        """Raises UserError when the image has none of this name."""
        try:
            return self.symbols[name]
        except KeyError:
            raise UserError(f"{self.path} has no symbol {name}") from None

    def variable(self, name: str) -> int:
        """Address of a C++ variable by its own name, whatever namespace it is in. UserError."""
        last = f"{len(name)}{name}"
        for symbol, address in self.symbols.items():
            if symbol == name or symbol.endswith((last, f"{last}E")):
                return address
        raise UserError(f"{self.path} has no variable {name}")

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """All memory that the image has."""
        loaded = [
            Span(part["p_vaddr"], part["p_vaddr"] + part["p_memsz"])
            for part in self.elf.iter_segments("PT_LOAD")
        ]
        return (*loaded, *(span for span in self._sections() if not _inside(span, loaded)))

    @cached_property
    def saved_spans(self) -> tuple[Span, ...]:
        """What of it is worth keeping: code, constants, data, stacks, descriptors."""
        return tuple(s for s in self.spans if s.end - s.start <= SAVED_SECTION_BYTES_MAX)

    @cached_property
    def text(self) -> Span:
        return next(
            Span(part["p_vaddr"], part["p_vaddr"] + part["p_memsz"])
            for part in self.elf.iter_segments("PT_LOAD")
            if part["p_flags"] & 1
        )

    @cached_property
    def dwarf(self) -> Any:
        return self.elf.get_dwarf_info()

    def section(self, name: str) -> tuple[int, bytes]:
        """(address, content); empty when there is none."""
        section = self.elf.get_section_by_name(name)
        return (0, b"") if section is None else (section["sh_addr"], section.data())

    @cached_property
    def build_id(self) -> str:
        section = self.elf.get_section_by_name(".note.gnu.build-id")
        if section is None:
            return ""
        return next(
            (str(n["n_desc"]) for n in section.iter_notes() if n["n_type"] == "NT_GNU_BUILD_ID"), ""
        )

    def is_in(self, memory: Memory) -> bool:
        """Whether this very build is what lies in that memory."""
        address, note = self.section(".note.gnu.build-id")
        try:
            return not note or memory.read(address, len(note)) == note
        except UnreadableError:
            return False

    def _sections(self) -> Iterator[Span]:
        for section in self.elf.iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]:
                yield Span(section["sh_addr"], section["sh_addr"] + section["sh_size"])


def _inside(span: Span, others: list[Span]) -> bool:
    return any(other.start <= span.start and span.end <= other.end for other in others)
