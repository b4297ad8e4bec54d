"""Typed values in a board's memory, by what DWARF says of their types.

Rules     offsets, sizes and names of enumerators come from the image, never from here: a member may
          move, a new one may come. A member that is not there is LayoutError; what lies in memory
          is not believed: a pointer that leads nowhere is UnreadableError.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rig.errors import RigError
from rig.inspect.image import Image
from rig.inspect.memory import Memory

_TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type")
_RECORDS = ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type")
_POINTERS = ("DW_TAG_pointer_type", "DW_TAG_reference_type")
POINTER_BYTES = 4
TEXT_BYTES_MAX = 64


class LayoutError(RigError):
    """The image's debug information does not describe what was asked for."""


class Type:
    """One type of the image. Types that were reached from the same one are the same object."""

    def __init__(self, die: Any, family: dict[int, Type] | None = None) -> None:
        self.die = die
        self._family = {} if family is None else family
        self._family[die.offset] = self

    def _named_by(self, die: Any) -> Type:
        """The type that a DIE's DW_AT_type leads to, past other names for it."""
        if "DW_AT_type" not in die.attributes:
            raise LayoutError(f"{self.name} leads to no type")
        target = die.get_DIE_from_attribute("DW_AT_type")
        while target.tag in _TRANSPARENT and "DW_AT_type" in target.attributes:
            target = target.get_DIE_from_attribute("DW_AT_type")
        return self._family.get(target.offset) or Type(target, self._family)

    @property
    def name(self) -> str:
        return _name(self.die) or "?"

    @property
    def complete(self) -> bool:
        return "DW_AT_declaration" not in self.die.attributes

    @cached_property
    def size(self) -> int:
        if self.die.tag in _POINTERS:
            return POINTER_BYTES
        if self.die.tag == "DW_TAG_array_type":
            return self.element.size * self.count
        given = self.die.attributes.get("DW_AT_byte_size")
        if given is None:
            raise LayoutError(f"the image does not say how large a {self.name} is")
        return int(given.value)

    @cached_property
    def element(self) -> Type:
        """What a pointer points to, or an array holds."""
        return self._named_by(self.die)

    @cached_property
    def count(self) -> int:
        """Elements of an array."""
        for child in self.die.iter_children():
            if child.tag == "DW_TAG_subrange_type":
                bound = child.attributes.get("DW_AT_upper_bound")
                return 0 if bound is None else int(bound.value) + 1
        return 0

    @cached_property
    def members(self) -> dict[str, tuple[int, Type]]:
        """Name to (offset, type), those of base classes included."""
        if not self.complete or self.die.tag not in _RECORDS:
            raise LayoutError(f"the image does not describe {self.name}")
        found: dict[str, tuple[int, Type]] = {}
        for offset, base in self.bases:
            if base.die.tag in _RECORDS and base.complete:
                for name, (inner, kind) in base.members.items():
                    found[name] = (offset + inner, kind)
        for child in self.die.iter_children():
            if child.tag == "DW_TAG_member" and _offset(child) is not None:
                found[_name(child)] = (_offset(child) or 0, self._named_by(child))
        return found

    @cached_property
    def bases(self) -> list[tuple[int, Type]]:
        return [
            (_offset(child) or 0, self._named_by(child))
            for child in self.die.iter_children()
            if child.tag == "DW_TAG_inheritance"
        ]

    def parameter(self, name: str) -> Type:
        """A type that this template was made with. Raises LayoutError."""
        for child in self.die.iter_children():
            if child.tag == "DW_TAG_template_type_param" and _name(child) == name:
                return self._named_by(child)
        raise LayoutError(f"{self.name} has no template parameter {name}")

    @cached_property
    def enumerators(self) -> dict[int, str]:
        return {
            int(child.attributes["DW_AT_const_value"].value): _name(child)
            for child in self.die.iter_children()
            if child.tag == "DW_TAG_enumerator"
        }


@dataclass(frozen=True, slots=True)
class View:
    """A value of a type, at an address. Nothing is read before it is asked for.

    Everything that reads raises UnreadableError; a wrong kind of type is LayoutError.
    """

    memory: Memory
    type: Type
    address: int

    def __getitem__(self, member: str) -> View:
        try:
            offset, kind = self.type.members[member]
        except KeyError:
            raise LayoutError(f"{self.type.name} has no member {member}") from None
        return View(self.memory, kind, self.address + offset)

    def unsigned(self) -> int:
        return int.from_bytes(self.memory.read(self.address, self._scalar()), "little")

    def signed(self) -> int:
        raw = self.memory.read(self.address, self._scalar())
        return int.from_bytes(raw, "little", signed=True)

    def enumerator(self) -> str:
        """Its name; the number when no name fits."""
        value = self.unsigned()
        return self.type.enumerators.get(value, str(value))

    def target(self) -> View | None:
        """What a pointer points to; None when it is null."""
        if self.type.die.tag not in _POINTERS:
            raise LayoutError(f"{self.type.name} is no pointer")
        address = self.unsigned()
        return View(self.memory, self.type.element, address) if address else None

    def elements(self) -> Iterator[View]:
        """Of an array, or of a std::array."""
        array = self if self.type.die.tag == "DW_TAG_array_type" else self["_M_elems"]
        element = array.type.element
        for index in range(array.type.count):
            yield View(self.memory, element, array.address + index * element.size)

    def text(self) -> str:
        """What a char pointer points to; `?` and the address when that is no short plain text."""
        address = self.unsigned()
        found = bytearray()
        try:
            while len(found) < TEXT_BYTES_MAX:
                byte = self.memory.read(address + len(found), 1)
                if byte == b"\0":
                    return found.decode("ascii")
                if not 0x20 <= byte[0] <= 0x7E:
                    break
                found += byte
        except ValueError:  # UnreadableError is none: it is told to whoever walks
            pass
        return f"?{address:08x}"

    def _scalar(self) -> int:
        size = self.type.size
        if size > 8:
            raise LayoutError(f"{self.type.name} is no number")
        return size


def find_type(image: Image, path: tuple[str, ...], near: str) -> Iterator[Type]:
    """Types of this name, namespaces first, one for each unit that describes it.

    The unit of the function whose symbol contains `near` comes first: reading the others costs
    seconds.
    """
    first = _unit_of(image, near)
    if first is not None:
        yield from _search(first.get_top_DIE(), path)
    for unit in image.dwarf.iter_CUs():
        if first is None or unit.cu_offset != first.cu_offset:
            yield from _search(unit.get_top_DIE(), path)


def _unit_of(image: Image, near: str) -> Any:
    ranges = image.dwarf.get_aranges()
    address = next((at for name, at in image.symbols.items() if near in name), None)
    if ranges is None or address is None:
        return None
    offset = ranges.cu_offset_at_addr(address & ~1)
    return None if offset is None else image.dwarf.get_CU_at(offset)


def _search(die: Any, path: tuple[str, ...]) -> Iterator[Type]:
    for child in die.iter_children():
        if _name(child) != path[0]:
            continue
        if len(path) > 1 and child.tag == "DW_TAG_namespace":
            yield from _search(child, path[1:])
        elif (
            len(path) == 1 and child.tag in _RECORDS and "DW_AT_declaration" not in child.attributes
        ):
            yield Type(child)


def _name(die: Any) -> str:
    given = die.attributes.get("DW_AT_name")
    return "" if given is None else str(given.value.decode(errors="replace"))


def _offset(die: Any) -> int | None:
    """None for what has no place in the object: a static member, a bit field."""
    given = die.attributes.get("DW_AT_data_member_location")
    if given is None or not isinstance(given.value, int):
        return None
    return int(given.value)
