"""Memory of a halted board: what is not there is never read as something."""

from __future__ import annotations

import pytest

from rig.inspect.memory import PAGE_BYTES, Pages, Pieces, Span, UnreadableError, Windows, save


class Counted:
    """Counts how often it is asked."""

    def __init__(self, inner: Pieces) -> None:
        self.inner = inner
        self.asked = 0

    def read(self, address: int, size: int) -> bytes:
        self.asked += 1
        return self.inner.read(address, size)


PAGE = 0x4000_0000


def test_pieces_give_what_they_hold_and_nothing_beside() -> None:
    pieces = Pieces({PAGE: b"abcd", PAGE + 8: b"efgh"})
    assert pieces.read(PAGE + 1, 3) == b"bcd"
    assert pieces.read(PAGE + 8, 4) == b"efgh"
    for address, size in ((PAGE - 1, 1), (PAGE + 2, 4), (PAGE + 4, 1), (PAGE + 12, 1)):
        with pytest.raises(UnreadableError):
            pieces.read(address, size)


def test_a_window_keeps_a_wild_pointer_from_the_registers_of_a_device() -> None:
    inner = Counted(Pieces({0: bytes(64)}))
    memory = Windows(inner, [Span(16, 32)])
    for address, size in ((0, 4), (12, 8), (28, 8), (40, 4)):
        with pytest.raises(UnreadableError):
            memory.read(address, size)
    assert inner.asked == 0
    assert memory.read(16, 16) == bytes(16)


def test_a_page_is_asked_for_once() -> None:
    inner = Counted(Pieces({PAGE: bytes(range(256)) * 32}))
    memory = Pages(inner)
    assert memory.read(PAGE + 250, 4) == bytes((250, 251, 252, 253))
    assert memory.read(PAGE + PAGE_BYTES - 2, 4) == bytes((254, 255, 0, 1))
    memory.read(PAGE + 16, 4)
    assert inner.asked == 2


def test_half_a_page_at_the_end_of_what_there_is_can_be_read() -> None:
    memory = Pages(Pieces({PAGE: bytes(100)}))
    assert memory.read(PAGE + 96, 4) == bytes(4)
    with pytest.raises(UnreadableError):
        memory.read(PAGE + 98, 4)


def test_saving_leaves_out_the_guard_pages_between_stacks() -> None:
    holed = Pieces({PAGE: b"a" * PAGE_BYTES, PAGE + 2 * PAGE_BYTES: b"b" * PAGE_BYTES})
    saved = save(holed, [Span(PAGE, PAGE + 3 * PAGE_BYTES)])
    assert [(at, len(data)) for at, data in saved.items()] == [
        (PAGE, PAGE_BYTES),
        (PAGE + 2 * PAGE_BYTES, PAGE_BYTES),
    ]
    with pytest.raises(UnreadableError):
        saved.read(PAGE + PAGE_BYTES, 1)
