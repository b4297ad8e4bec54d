"""Scenarios: transfers by clients that wait for their end."""

from __future__ import annotations

from rig.scenario import Guest, scenario
from rig.traffic.request import BIG_BYTES, Request

#: The story's own, and those about them.
CHUNKS = (2_000, 2_048, 5_000, 6_500, 8_000, 65_536)
CHUNK_MAX = 1 << 20
SIZES = (1, 1_460, 65_536, BIG_BYTES, 1_000_000)
CROWDS = (1, 2, 4, 8, 16, 32, 64)
CROWD_BYTES = 20_000


@scenario(visits=20)
def test_soak(guest: Guest) -> None:
    """The story's test: `big`, 200,000 bytes, again and again."""
    guest.big()


@scenario(transfers=3, visits=3)
def test_smoke(guest: Guest) -> None:
    """Three `big` transfers: is anybody there?"""
    guest.big()


@scenario(visits=9)
def test_chunks(guest: Guest) -> None:
    """`gen` written in the story's chunks, and in any from 1 byte to 1 MB."""
    which = (guest.number - 1) % (len(CHUNKS) + 3)
    if which < len(CHUNKS):
        guest.gen(BIG_BYTES, CHUNKS[which])
        return
    chunk = int(2 ** guest.dice.uniform(0, 20))
    guest.gen(max(1, min(3 * chunk, 3_000 * chunk, 1_500_000)), min(chunk, CHUNK_MAX))


@scenario(transfers=50, visits=len(CROWDS))
def test_parallel(guest: Guest) -> None:
    """1, 2, 4 … 64 connections at once, their bytes coming by turns."""
    # Wangdoodle serves so many; two visitors who want them all would wait for each other for ever.
    crowd = min(CROWDS[(guest.number - 1) % len(CROWDS)], CROWDS[-1] // guest.visitors)
    # In the simulator the client is a board too: it has not room for what many send at once.
    crowd = max(1, min(crowd, 4) if guest.virtual else crowd)
    lines = [guest.connect("wangdoodle") for _ in range(crowd)]
    for line in lines:
        line.send(b"big\n")
    pattern = guest.pattern()
    for at in range(0, BIG_BYTES, CROWD_BYTES):
        for number, line in enumerate(lines):
            came = line.read(CROWD_BYTES)
            assert came == pattern[at : at + CROWD_BYTES], f"line {number}, from byte {at} on"
    assert not any(line.read(1) for line in lines), "a line goes on after its end"


@scenario(visits=3)
def test_half_close(guest: Guest) -> None:
    """`big` for a client that has closed its own half before the first byte."""
    guest.transfer(Request(half_close=True))


@scenario(parallel=4, visits=20)
def test_mixed(guest: Guest) -> None:
    """All sizes from 1 byte to 1 MB, half-closed or not, four at once."""
    kind = guest.dice.randrange(4)
    if kind == 0:
        return guest.big()
    if kind == 1:
        return guest.transfer(Request(half_close=True))
    size = guest.dice.choice((*SIZES[:4], guest.dice.randrange(1, 1_000_000)))
    seed = guest.dice.getrandbits(31)
    return guest.transfer(Request("gen", size, seed, guest.dice.choice(CHUNKS), kind == 3))


@scenario(visits=10)
def test_upload(guest: Guest) -> None:
    """The board receives 1 byte to 1 MB: `sink` compares, doney counts and closes after us."""
    size = guest.dice.choice(SIZES)
    if guest.number % 4:
        return guest.sink(size)
    with guest.connect("doney") as line:
        line.send(guest.stream(guest.seed, size))
        line.half_close()
        assert line.read_all() == b"", "doney has nothing to say"
    return None


@scenario(transfers=20, visits=1)
def test_slow(guest: Guest) -> None:
    """A slow reader, whose window closes again and again."""
    guest.transfer(Request(manner="slow"))
