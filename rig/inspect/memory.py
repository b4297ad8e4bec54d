"""The memory of a halted board: through a debugger, from a core file, or plain bytes.

Rules     reading is all that is done, and only where the image has memory: a wild pointer must not
          make a debugger read the registers of a device, which may change by being read.
          What cannot be read is UnreadableError, never zeros.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

PAGE_BYTES = 4096


class UnreadableError(Exception):
    """Nothing can be read at this address: unmapped, outside of the image, or not saved."""

    def __init__(self, address: int) -> None:
        super().__init__(f"nothing can be read at {address:08x}")
        self.address = address


class Memory(Protocol):
    def read(self, address: int, size: int) -> bytes:
        """Exactly `size` bytes. Raises UnreadableError; RigError when whoever reads is gone."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Addresses from `start` up to, not including, `end`."""

    start: int
    end: int

    def __contains__(self, address: int) -> bool:
        return self.start <= address < self.end

    def holds(self, address: int, size: int) -> bool:
        return self.start <= address and address + size <= self.end


class Pieces:
    """Bytes at addresses: what was saved of a board."""

    def __init__(self, pieces: Mapping[int, bytes]) -> None:
        self._starts = sorted(start for start, data in pieces.items() if data)
        self._data = [pieces[start] for start in self._starts]

    def read(self, address: int, size: int) -> bytes:
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0 or address + size > self._starts[at] + len(self._data[at]):
            raise UnreadableError(address)
        offset = address - self._starts[at]
        return self._data[at][offset : offset + size]

    def items(self) -> Iterable[tuple[int, bytes]]:
        """In order of address."""
        return zip(self._starts, self._data, strict=True)


class Windows:
    """Another memory, but only inside of these spans."""

    def __init__(self, memory: Memory, spans: Iterable[Span]) -> None:
        self._memory = memory
        self._spans = tuple(spans)

    def read(self, address: int, size: int) -> bytes:
        if not any(span.holds(address, size) for span in self._spans):
            raise UnreadableError(address)
        return self._memory.read(address, size)


class Pages:
    """Another memory, read page by page and remembered: for a link that is slow for each question.

    Only for a board that stands still.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pages: dict[int, bytes | None] = {}

    def read(self, address: int, size: int) -> bytes:
        first = address - address % PAGE_BYTES
        pages = [self._page(at) for at in range(first, address + size, PAGE_BYTES)]
        whole = b"".join(page for page in pages if page is not None)
        if None in pages:
            # Half a page may be readable where a whole one is not: at the end of a window.
            return self._memory.read(address, size)
        return whole[address - first : address - first + size]

    def _page(self, at: int) -> bytes | None:
        if at not in self._pages:
            try:
                self._pages[at] = self._memory.read(at, PAGE_BYTES)
            except UnreadableError:
                self._pages[at] = None
        return self._pages[at]


def save(memory: Memory, spans: Iterable[Span]) -> Pieces:
    """Everything readable in `spans`, page by page: guard pages between stacks are left out."""
    pieces: dict[int, bytes] = {}
    for span in spans:
        start, run = span.start, bytearray()
        at = span.start
        while at < span.end:
            size = min(PAGE_BYTES - at % PAGE_BYTES, span.end - at)
            try:
                run += memory.read(at, size)
            except UnreadableError:
                pieces[start] = bytes(run)
                start, run = at + size, bytearray()
            at += size
        pieces[start] = bytes(run)
    return Pieces(pieces)
