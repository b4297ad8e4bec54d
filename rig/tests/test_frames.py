"""The ring of frames: from a board's memory to a capture file that others can read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader

from rig.errors import RigError
from rig.inspect import frames
from rig.inspect.frames import Kept

SLOTS, SLOT_BYTES = 8, 96


def ring(*kept: Kept, skip: int = 0, version: int = 1) -> bytes:
    """As the board keeps it: each in its turn, the oldest overwritten."""
    slots = bytearray(SLOTS * SLOT_BYTES)
    for number, one in enumerate(kept):
        head = struct.pack("<QHBBBBH", one.at_us, one.length, int(one.out), skip, 2, 1, 0)
        slot = (head + b"?" * skip + one.data).ljust(SLOT_BYTES, b"?")[:SLOT_BYTES]
        at = number % SLOTS * SLOT_BYTES
        slots[at : at + SLOT_BYTES] = slot
    head = struct.pack("<IHHII", 0x4655594B, version, SLOT_BYTES, SLOTS, len(kept))
    return head + bytes(slots)


def segment(number: int) -> bytes:
    frame = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=40000, dport=114, seq=number)
    return bytes(frame)


def kept(number: int) -> Kept:
    data = segment(number)
    return Kept(1_000_000 * number, bool(number % 2), len(data), data)


def test_frames_come_back_as_they_were_recorded() -> None:
    wanted = tuple(kept(number) for number in range(5))
    assert frames.read(ring(*wanted)) == wanted
    assert frames.read(ring(*wanted, skip=2)) == wanted


def test_the_newest_are_told_oldest_first() -> None:
    wanted = [kept(number) for number in range(SLOTS + 3)]
    assert frames.read(ring(*wanted)) == tuple(wanted[3:])


def test_a_long_frame_is_told_as_far_as_it_was_kept() -> None:
    (found,) = frames.read(ring(Kept(5, out=True, length=1514, data=b"x" * 1514), skip=2))
    assert (found.length, len(found.data)) == (1514, 78)


def read_by_scapy(path: Path, capture: bytes) -> list[tuple[bytes, Any]]:
    path.write_bytes(capture)
    with RawPcapNgReader(str(path)) as reader:
        return list(reader)


def test_an_empty_ring_has_no_frames(tmp_path: Path) -> None:
    assert frames.read(ring()) == ()
    assert read_by_scapy(tmp_path / "none", frames.pcapng(())) == []


def test_others_read_the_capture_file(tmp_path: Path) -> None:
    wanted = [kept(number) for number in range(1, 5)]
    told = read_by_scapy(tmp_path / "four", frames.pcapng(wanted))
    assert [bytes(Ether(data)) for data, _ in told] == [one.data for one in wanted]
    times = [(meta.tshigh << 32 | meta.tslow) for _, meta in told]
    assert times == [one.at_us for one in wanted]
    assert [Ether(data)[TCP].seq for data, _ in told] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\0" * 4096, ring(kept(1), version=2), ring(kept(1))[:200], ring(kept(1))[:16]],
)
def test_what_is_no_ring_is_said(damaged: bytes) -> None:
    with pytest.raises(RigError):
        frames.read(damaged)


@given(st.integers(0, SLOTS * SLOT_BYTES), st.binary(min_size=1, max_size=200))
def test_damage_costs_what_it_damaged(at: int, junk: bytes) -> None:
    whole = ring(*(kept(number) for number in range(1, SLOTS)))
    damaged = (whole[: 16 + at] + junk + whole[16 + at + len(junk) :])[: len(whole)]
    found = frames.read(damaged)
    assert len(found) <= SLOTS
    assert frames.pcapng(found)
