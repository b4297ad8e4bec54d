"""The last frames that a board kept in its memory, as a capture file (pcapng).

Rules     the ring says itself how it is laid out (firmware/net/frame_ring.hpp): a version that is
          not known here is told, never guessed at. What lies in it may be damaged: a slot that
          makes no sense is left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from rig.errors import RigError
from rig.inspect.kernel import Kernel
from rig.inspect.memory import Memory, UnreadableError
from rig.wire.pcapng import Frame, encode

NAME = "frames"
MAGIC, VERSION = 0x4655594B, 1
SLOTS_MAX = 1 << 16
_HEAD = struct.Struct("<IHHII")  # magic, version, bytes of a slot, slots, written since boot
_SLOT = struct.Struct("<QHBBBBH")  # time, length, way, skip, state, timers, spare
_IN, _OUT = 0, 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame: `data` is what was kept of its `length` bytes."""

    at_us: int
    out: bool
    length: int
    data: bytes


def of_board(kernel: Kernel, memory: Memory) -> tuple[Kept, ...]:
    """Oldest first. Raises RigError when the board has no such ring, or another kind of it."""
    ring = next((one for one in kernel.rings if one.name == NAME), None)
    if ring is None:
        raise RigError("the board keeps no frames")
    try:
        return read(memory.read(ring.at, ring.size))
    except UnreadableError as error:
        raise RigError(f"the ring of frames cannot be read: {error}") from None


def read(ring: bytes) -> tuple[Kept, ...]:
    """Raises RigError."""
    if len(ring) < _HEAD.size:
        raise RigError("the ring of frames is cut")
    magic, version, slot_bytes, slots, written = _HEAD.unpack_from(ring)
    if magic != MAGIC:
        raise RigError(f"no ring of frames begins with {magic:08x}")
    if version != VERSION or slot_bytes <= _SLOT.size or not 0 < slots <= SLOTS_MAX:
        raise RigError(f"a ring of frames of version {version} is not known here")
    # Alignment of 64-bit times: the slots stand at the end of the object.
    first = len(ring) - slots * slot_bytes
    if first < _HEAD.size:
        raise RigError("the ring of frames is cut")
    numbers = range(max(0, written - slots), written)
    found = (_slot(ring, first + number % slots * slot_bytes, slot_bytes) for number in numbers)
    return tuple(kept for kept in found if kept is not None)


def _slot(ring: bytes, at: int, size: int) -> Kept | None:
    at_us, length, way, skip, _state, _timers, _spare = _SLOT.unpack_from(ring, at)
    room = size - _SLOT.size - skip
    if length == 0 or way not in {_IN, _OUT} or room <= 0:
        return None
    start = at + _SLOT.size + skip
    return Kept(at_us, way == _OUT, length, ring[start : start + min(length, room)])


def pcapng(frames: Iterable[Kept]) -> bytes:
    """A whole file. Time is the board's: 0 is its boot. Each frame says which way it went."""
    return encode(as_frame(kept) for kept in frames)


def as_frame(kept: Kept) -> Frame:
    return Frame(kept.at_us, kept.out, kept.length, kept.data)
