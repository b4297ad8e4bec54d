"""Addresses to functions and source lines, from the image's symbol table and DWARF.

Context   any thread, after a failure: loading takes a good part of a second, so it is done on
          first use.
Rules     a missing or stripped image is no error: answers are then empty.
          So they are for an address where the image has no code. What the linker threw away keeps
          its DWARF, which then claims the addresses from 0 on.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.dwarf.descriptions import describe_form_class
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

from rig.errors import UserError

_THUMB = 1


@dataclass(frozen=True, slots=True)
class Place:
    """`function` is qualified when DWARF knows it; `offset` is in bytes from its start."""

    function: str = ""
    offset: int = 0
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        name = f"{self.function}+{self.offset:x}" if self.function else "?"
        return f"{name} ({self.file}:{self.line})" if self.file else name


@dataclass(frozen=True, slots=True)
class _Symbol:
    start: int
    size: int
    name: str


class Symbols:
    """One image, read whole on first use."""

    def __init__(self, image: Path | None) -> None:
        self.image = image
        # Of each unit, once; a hundred megabytes in all, which go with this object.
        self._rows = cache(self._read_rows)
        self._outer = cache(self._read_outer)
        self._subprograms = cache(self._read_subprograms)

    @cached_property
    def _elf(self) -> Any:
        if self.image is None:
            return None
        try:
            return ELFFile(BytesIO(self.image.read_bytes()))
        except (OSError, ELFError):
            return None

    @cached_property
    def build_id(self) -> str:
        """The linker's build id in hex, empty when there is none."""
        section = self._elf.get_section_by_name(".note.gnu.build-id") if self._elf else None
        if section is None:
            return ""
        return next(
            (str(n["n_desc"]) for n in section.iter_notes() if n["n_type"] == "NT_GNU_BUILD_ID"), ""
        )

    def source(self, return_address: int) -> str:
        """file:line of a call; empty when nobody knows. Much cheaper than a place."""
        return self.exact_source(return_address - _CALL_BYTES)

    def exact_source(self, pc: int) -> str:
        """The same of an instruction that is about to run."""
        file, line = self._line(pc)
        return f"{file}:{line}" if file else ""

    def place(self, pc: int) -> Place:
        """Where `pc` is; an empty Place when nobody knows."""
        symbol = self._symbol(pc)
        file, line = self._line(pc)
        if symbol is None:
            return Place(file=file, line=line)
        return Place(self._qualified(pc) or symbol.name, pc - symbol.start, file, line)

    def call_place(self, return_address: int) -> Place:
        """A return address belongs to the call before it, which may be another line or function."""
        place = self.place(return_address - _CALL_BYTES)
        return Place(place.function, place.offset + _CALL_BYTES, place.file, place.line)

    def chain(self, pc: int) -> tuple[Place, ...]:
        """Where `pc` is: what was inlined there, innermost first, then whose code it became.

        Empty when nobody knows.
        """
        outer = self.place(pc)
        if not outer.function and not outer.file:
            return ()
        found: list[Place] = []
        file, line = outer.file, outer.line
        for die, call in self._inlined(pc):
            found.append(Place(_name_of(die), 0, file, line))
            file, line = call
        return (*found, Place(outer.function, outer.offset, file, line))

    def call_chain(self, return_address: int) -> tuple[Place, ...]:
        """The same for a return address."""
        chain = self.chain(return_address - _CALL_BYTES)
        if not chain:
            return ()
        last = chain[-1]
        return (
            *chain[:-1],
            Place(last.function, last.offset + _CALL_BYTES, last.file, last.line),
        )

    @cached_property
    def _functions(self) -> list[_Symbol]:
        table = self._elf.get_section_by_name(".symtab") if self._elf else None
        if table is None:
            return []
        found = [
            _Symbol(s["st_value"] & ~_THUMB, s["st_size"], s.name)
            for s in table.iter_symbols()
            if s["st_info"]["type"] == "STT_FUNC" and s["st_shndx"] != "SHN_UNDEF"
        ]
        return sorted(found, key=lambda s: s.start)

    @cached_property
    def _code(self) -> list[tuple[int, int]]:
        """(start, end) of each segment that may be executed."""
        if self._elf is None:
            return []
        return [
            (part["p_vaddr"], part["p_vaddr"] + part["p_memsz"])
            for part in self._elf.iter_segments("PT_LOAD")
            if part["p_flags"] & P_FLAGS.PF_X
        ]

    def _is_code(self, pc: int) -> bool:
        return any(start <= pc < end for start, end in self._code)

    def _symbol(self, pc: int) -> _Symbol | None:
        if not self._is_code(pc):
            return None
        at = bisect.bisect_right(self._functions, pc, key=lambda s: s.start) - 1
        if at < 0:
            return None
        symbol = self._functions[at]
        return symbol if pc < symbol.start + max(symbol.size, 4) else None

    @cached_property
    def _dwarf(self) -> Any:
        if self._elf is None or not self._elf.has_dwarf_info():
            return None
        return self._elf.get_dwarf_info()

    @cached_property
    def _units(self) -> list[tuple[int, int, int]]:
        """(start, end, unit) of every stretch of code, sorted; units are decoded when asked for."""
        if self._dwarf is None:
            return []
        # An index of this very thing; without it the head of every unit has to be decoded.
        index = self._dwarf.get_aranges()
        if index is not None and index.entries:
            return sorted(
                (e.begin_addr, e.begin_addr + e.length, e.info_offset) for e in index.entries
            )
        stretches = [
            (low, high, unit.cu_offset)
            for unit in self._dwarf.iter_CUs()
            for low, high in _unit_ranges(self._dwarf, unit)
        ]
        return sorted(stretches)

    def _unit(self, pc: int) -> int | None:
        if not self._is_code(pc):
            return None
        at = bisect.bisect_right(self._units, pc, key=lambda stretch: stretch[0]) - 1
        if at < 0 or pc >= self._units[at][1]:
            return None
        return self._units[at][2]

    def _read_rows(self, unit: int) -> list[tuple[int, int, str, int]]:
        """(start, end, file, line) of the unit's code, sorted."""
        program = self._dwarf.line_program_for_CU(self._dwarf.get_CU_at(unit))
        return [] if program is None else sorted(_stretches(program))

    def _line(self, pc: int) -> tuple[str, int]:
        unit = self._unit(pc)
        rows = [] if unit is None else self._rows(unit)
        at = bisect.bisect_right(rows, pc, key=lambda row: row[0]) - 1
        if at < 0 or pc >= rows[at][1]:
            return "", 0
        return rows[at][2], rows[at][3]

    def _read_outer(self, unit: int) -> list[tuple[int, int, Any]]:
        """The same without those that stand in a class or a function (lambdas). Most code is found
        here, for a fifth of the work: what functions are made of is not decoded.
        """
        top = self._dwarf.get_CU_at(unit).get_top_DIE()
        return [
            (low, high, die) for die in _of_scope(top) for low, high in _ranges(self._dwarf, die)
        ]

    def _read_subprograms(self, unit: int) -> list[tuple[int, int, Any]]:
        """(start, end, DIE) of each function that the unit has code for."""
        return [
            (low, high, die)
            for die in self._dwarf.get_CU_at(unit).iter_DIEs()
            if die.tag == "DW_TAG_subprogram"
            for low, high in _ranges(self._dwarf, die)
        ]

    def _subprogram(self, pc: int) -> Any:
        unit = self._unit(pc)
        for functions in () if unit is None else (self._outer, self._subprograms):
            for low, high, die in functions(unit):
                if low <= pc < high:
                    return die
        return None

    def _qualified(self, pc: int) -> str:
        die = self._subprogram(pc)
        return "" if die is None else _name_of(die)

    def _inlined(self, pc: int) -> list[tuple[Any, tuple[str, int]]]:
        """(DIE, (file, line) of its call) of each inlined function about `pc`, innermost first."""
        found: list[tuple[Any, tuple[str, int]]] = []
        within = self._subprogram(pc)
        program = None if within is None else self._dwarf.line_program_for_CU(within.cu)
        while within is not None and len(found) < _INLINED_MAX:
            within = _child_about(self._dwarf, within, pc)
            if within is not None and within.tag == "DW_TAG_inlined_subroutine":
                file, line = (
                    within.attributes[name].value if name in within.attributes else 0
                    for name in ("DW_AT_call_file", "DW_AT_call_line")
                )
                name = _file_name(program, file) if program is not None else ""
                found.insert(0, (within, (name, line)))
        return found


def _of_scope(scope: Any) -> Iterator[Any]:
    """The functions of a unit or namespace."""
    for child in scope.iter_children():
        if child.tag == "DW_TAG_subprogram":
            yield child
        elif child.tag == "DW_TAG_namespace":
            yield from _of_scope(child)


#: Deeper than any compiler inlines; damaged DWARF must not hold us.
_INLINED_MAX = 64

#: The shortest call: one half word of Thumb code (blx by register).
_CALL_BYTES = 2


def _stretches(program: Any) -> Iterator[tuple[int, int, str, int]]:
    last = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if last is not None and state.address > last.address:
            yield last.address, state.address, _file_name(program, last.file), last.line
        last = None if state.end_sequence else state


def _file_name(program: Any, index: int) -> str:
    """The last two parts of the path: enough to find the file, the same on every machine."""
    header = program.header
    first = 0 if header["version"] >= 5 else 1
    files, folders = header["file_entry"], header["include_directory"]
    if not first <= index < len(files) + first:
        return ""
    entry = files[index - first]
    folder_index = entry["dir_index"] - first
    folder = folders[folder_index] if 0 <= folder_index < len(folders) else b""
    path = Path(folder.decode(errors="replace")) / entry.name.decode(errors="replace")
    parts = path.parts
    if "firmware" in parts:
        return "/".join(parts[parts.index("firmware") :])
    return "/".join(parts[-2:])


def _bounds(die: Any) -> tuple[int, int] | None:
    low, high = die.attributes.get("DW_AT_low_pc"), die.attributes.get("DW_AT_high_pc")
    if low is None or high is None:
        return None
    relative = describe_form_class(high.form) == "constant"
    return low.value, low.value + high.value if relative else high.value


def _unit_ranges(dwarf: Any, unit: Any) -> Iterator[tuple[int, int]]:
    """The unit's stretches of code; none when it does not say, or has none."""
    return _ranges(dwarf, unit.get_top_DIE())


def _ranges(dwarf: Any, die: Any) -> Iterator[tuple[int, int]]:
    """The stretches of code that belong to a DIE, which may be in several pieces."""
    top = die.cu.get_top_DIE()
    base = top.attributes["DW_AT_low_pc"].value if "DW_AT_low_pc" in top.attributes else 0
    lists = dwarf.range_lists()
    if "DW_AT_ranges" not in die.attributes or lists is None:
        bounds = _bounds(die)
        if bounds is not None:
            yield bounds
        return
    for entry in lists.get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, die.cu):
        if hasattr(entry, "base_address"):
            base = entry.base_address
            continue
        shift = 0 if getattr(entry, "is_absolute", False) else base
        yield entry.begin_offset + shift, entry.end_offset + shift


_BLOCKS = ("DW_TAG_inlined_subroutine", "DW_TAG_lexical_block")


def _child_about(dwarf: Any, die: Any, pc: int) -> Any:
    """The inlined function or block in `die` that has the code at `pc`, None when there is none."""
    for child in die.iter_children():
        if child.tag in _BLOCKS and any(low <= pc < high for low, high in _ranges(dwarf, child)):
            return child
    return None


def _name_of(die: Any) -> str:
    """namespace::Class::function, following the links to where the name was given."""
    for link in ("DW_AT_abstract_origin", "DW_AT_specification"):
        while link in die.attributes:
            die = die.get_DIE_from_attribute(link)
    names: list[str] = []
    while die is not None and die.tag != "DW_TAG_compile_unit":
        given = die.attributes.get("DW_AT_name")
        if given is not None:
            names.append(given.value.decode(errors="replace"))
        die = die.get_parent()
    return "::".join(reversed(names))


def same_function(board_says: str, dwarf_says: str) -> bool:
    """The board may leave out namespaces and parameters."""
    return _bare(board_says) == _bare(dwarf_says)


def _bare(name: str) -> str:
    return name.partition("(")[0].rpartition("::")[2].strip()


def symbols_of(image: Path) -> Symbols:
    """The same object for the same file, as long as it is not built anew: debug information takes
    a second and a hundred megabytes to read. Raises UserError when the file is gone.
    """
    try:
        now = image.stat()
    except OSError as error:
        raise UserError(f"cannot read {image}: {error.strerror}") from None
    return _kept(image.resolve(), now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=4)
def _kept(image: Path, _changed_ns: int, _size: int) -> Symbols:
    return Symbols(image)
