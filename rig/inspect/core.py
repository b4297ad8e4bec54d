"""A board as an ELF core file: `gdb-multiarch kyu.elf core` opens it, `kyu inspect core` too.

Rules     every thread of the kernel is a thread of the core, numbered by its id, the current one
          first; a board that had panicked is shown as it stood when its panic began. Names of
          threads have no place in a core: they are kept in a note of our own, and in a gdb script.
Source    ELF specification, "Core files"; struct elf_prstatus and elf_prpsinfo of 32-bit ARM Linux,
          which gdb expects of bare-metal ARM cores too.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from rig.errors import UserError
from rig.inspect.memory import Pieces
from rig.inspect.record import Outside
from rig.inspect.unwind import saved_registers

ET_CORE, EM_ARM, PT_LOAD, PT_NOTE = 4, 40, 1, 4
NT_PRSTATUS, NT_PRPSINFO, NT_KYU = 1, 3, 0x4B59_5500
OURS = "kyu"
_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_SEGMENT = struct.Struct("<IIIIIIII")
_NOTE = struct.Struct("<III")
# Signal and times that nobody has; pr_pid; registers r0-r15, cpsr, orig_r0; pr_fpvalid.
_STATUS = struct.Struct("<12xhh8xI44x18Ii")
_INFO = struct.Struct("<28x16s80s")
_READ_WRITE_RUN = 7
_ALIGN = 4096


@dataclass(frozen=True, slots=True)
class Saved:
    """A core of ours, read back. `registers` are those of the processor as it was halted."""

    memory: Pieces
    registers: tuple[int, ...]
    build: str
    why: str


def content(outside: Outside, memory: Pieces, processor: Sequence[int], program: str) -> bytes:
    """The file. `processor`: its registers as it was halted; `program`: the image's file name."""
    begin = outside.record.begin
    told = {
        "build": begin.text("build") if begin else "",
        "why": outside.record.reason,
        "registers": list(processor),
    }
    running = outside.kernel.running
    info = _INFO.pack(program.encode()[:15], outside.record.reason.encode()[:79])
    notes = [_note("CORE", NT_PRPSINFO, info)]
    notes += [
        _note("CORE", NT_PRSTATUS, _STATUS.pack(0, 0, number, *registers, 0, 0))
        for number, registers in _threads(outside, running.id if running else 1)
    ]
    notes.append(_note(OURS, NT_KYU, json.dumps(told).encode()))
    return _file(b"".join(notes), list(memory.items()))


def _threads(outside: Outside, current: int) -> Iterable[tuple[int, Sequence[int]]]:
    yield current, outside.registers
    seen = {current}
    for thread in outside.kernel.threads:
        if thread.id not in seen and thread.id != 0:
            seen.add(thread.id)
            yield thread.id, saved_registers(thread.context)


def _note(name: str, kind: int, description: bytes) -> bytes:
    raw = name.encode() + b"\0"
    return _NOTE.pack(len(raw), len(description), kind) + _padded(raw) + _padded(description)


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def _file(notes: bytes, pieces: list[tuple[int, bytes]]) -> bytes:
    count = 1 + len(pieces)
    at = _HEADER.size + count * _SEGMENT.size
    ident = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)
    eabi5 = 5 << 24
    out = bytearray(
        _HEADER.pack(
            ident, ET_CORE, EM_ARM, 1, 0, _HEADER.size, 0, eabi5, _HEADER.size, _SEGMENT.size,
            count, 0, 0, 0,
        )
    )  # fmt: skip
    out += _SEGMENT.pack(PT_NOTE, at, 0, 0, len(notes), 0, 0, 4)
    at += len(notes)
    for address, data in pieces:
        at += -at % _ALIGN
        size = len(data)
        out += _SEGMENT.pack(PT_LOAD, at, address, 0, size, size, _READ_WRITE_RUN, _ALIGN)
        at += size
    out += notes
    for _, data in pieces:
        out += bytes(-len(out) % _ALIGN) + data
    return bytes(out)


def gdb_script(image: Path, core: Path, names: Mapping[int, str]) -> str:
    """Opens both in gdb and gives the threads their names."""
    lines = [
        f"# gdb-multiarch -x {core.name}.gdb",
        "set confirm off",
        f"file {image}",
        f"core-file {core.resolve()}",
        "python",
        f"names = {dict(names)!r}",
        "for thread in gdb.selected_inferior().threads():",
        "    thread.name = names.get(thread.ptid[1])",
        "end",
    ]
    return "\n".join(lines) + "\n"


def load(path: Path) -> Saved:
    """Raises UserError when the file is none of ours, or is damaged."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        elf: Any = ELFFile(BytesIO(raw))
        if elf["e_type"] != "ET_CORE":
            raise UserError(f"{path} is no core file")
        pieces = {part["p_vaddr"]: part.data() for part in elf.iter_segments("PT_LOAD")}
        found = [
            note["n_descdata"]
            for part in elf.iter_segments("PT_NOTE")
            for note in part.iter_notes()
            if note["n_name"] == OURS
        ]
        told = json.loads(found[0])
        registers = tuple(int(value) for value in told["registers"])
        if len(registers) != 17:
            raise ValueError
        return Saved(Pieces(pieces), registers, str(told["build"]), str(told["why"]))
    except (ELFError, ConstructError, ValueError, LookupError, TypeError, struct.error):
        raise UserError(f"{path} is no core file of the rig, or it is damaged") from None
