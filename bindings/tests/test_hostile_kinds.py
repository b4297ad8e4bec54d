"""Kinds of hostile input beyond the table of cases: everything of a kind, drawn or multiplied out.

Rules     No reaction is stated: whatever is answered is well formed, nobody panics, a minute later
          every pool is as it was, and a clean echo works.
"""

from __future__ import annotations

import random
import struct
from itertools import product

import pytest

from rig.hostile import frames as f
from rig.hostile import rfc9293, state_table
from rig.hostile.icmp_igmp_udp import error, quote_of
from rig.hostile.ipv4 import fragment, ip_frame
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MS, Conn, S, closing, established, texts

WANGDOODLE = 114
#: Around the edges of any window, and of the circle of numbers.
EDGES = (1, -1, 1_460, -1_460, 65_534, 65_535, 65_536, -65_535, 262_144, 1 << 31, 1 - (1 << 31))


@pytest.fixture
def draw() -> random.Random:
    return random.Random(2026)


def test_ip_options_of_every_length(draw: random.Random) -> None:
    stage = SimStage()
    for room, kind, length in product(range(4, 44, 12), (0, 1, 7, 68, 131, 148, 255), range(45)):
        options = (bytes([kind, length]) + draw.randbytes(room))[:room]
        stage.inject([ip_frame(stage, f.echo(), options=options)], 1, 5)
    texts(stage, stage.hear(1 * MS))
    stage.finish()


def test_fragments_that_overlap_in_all_ways() -> None:
    stage = SimStage()
    whole = f.echo(bytes(200))
    last = len(whole) // 8 * 8
    ends = [(a, b) for a, b in product(range(0, 160, 40), range(40, 208, 56)) if a < b]
    for ident, pieces in enumerate(product(ends, ends)):
        for a, b in (*pieces, (0, last), (last, len(whole))):
            more = b < last
            stage.inject([fragment(stage, whole, a, b, more=more, ident=ident)], 1, 5)
    texts(stage, stage.hear(40 * S))
    stage.finish()


def test_tcp_options_cut_at_every_byte() -> None:
    stage = SimStage()
    every = b"\x02\x04\x05\xb4\x03\x03\x07\x04\x02\x08\x0a" + bytes(8)
    every += b"\x05\x12" + struct.pack("!IIII", 1, 2, 3, 4) + b"\x1e\x04\x00\x00"
    for cut in range(41):
        for conn, flags in ((closing(stage), "S"), (established(stage), "PA")):
            data = b"x" if flags == "PA" else b""
            stage.send(conn.segment(flags, data, options=every[:cut]))
            came = stage.hear(2 * MS)
            texts(stage, came)
            conn.take(came)
            conn.abort()
    stage.finish()


@pytest.mark.parametrize("state", rfc9293.STATES)
def test_the_edges_of_windows_in_every_state(state: str, draw: random.Random) -> None:
    stage = SimStage()
    reached = state_table.reach(stage, state)
    conn = reached.conn
    for flags, seq, ack in product(("R", "RA", "S", "SA", "A", "FA", "PAU"), EDGES, (0, *EDGES)):
        window, urgent = draw.choice([0, 1, 65_535]), draw.choice([0, 1, 65_535])
        data = b"evil" if "P" in flags else b""
        stage.send(conn.segment(flags, data, seq=seq, ack=ack, window=window, urgent=urgent))
        conn.take(stage.hear(0))
    conn.take(stage.hear(5 * MS))
    state_table.clear(stage, reached)
    stage.finish()


def test_errors_that_quote_damaged_headers(draw: random.Random) -> None:
    stage = SimStage()
    conn = established(stage, 7)
    conn.say("PA", bytes(1460))
    right = quote_of(conn, conn.ack - 1460)
    for kind, code in product(range(42), (0, 1, 3, 4, 13, 255)):
        for _ in range(4):
            quote = bytearray(right)
            for _ in range(draw.randrange(4)):
                quote[draw.randrange(len(quote))] ^= 1 << draw.randrange(8)
            mtu = draw.choice([0, 1, 68, 551, 552, 1499, 1500, 65_535])
            size = draw.randrange(len(quote) + 1)
            stage.inject([error(stage, kind, code, bytes(quote[:size]), mtu=mtu)], 1, 5)
    came = stage.hear(5 * MS)
    texts(stage, came)
    conn.take(came)
    conn.abort()
    stage.finish()


def test_sack_blocks_of_nonsense(draw: random.Random) -> None:
    stage = SimStage()
    conn = Conn(stage, WANGDOODLE, stage.fresh_port()).open(options=b"\2\4\5\xb4\1\1\4\2")
    first = conn.ack
    conn.say("PA", b"big\n")
    for i in range(3_000):
        numbers = [first + draw.choice([*EDGES, 0, 2_920, 14_600, draw.randrange(1 << 32)])
                   for _ in range(2 * draw.randrange(1, 5))]  # fmt: skip
        said = 2 + 4 * len(numbers) + draw.choice([0, 0, 0, 1, -1, 8])
        blocks = b"".join(struct.pack("!I", number & 0xFFFFFFFF) for number in numbers)
        options = (bytes([1, 1, 5, said]) + blocks)[:40]
        ack, window = draw.choice([0, 0, -1_460, 1, 1_460]), draw.choice([0, 1, 100, 65_535])
        stage.send(conn.segment("A", options=options, ack=ack, window=window))
        if i % 50 == 0:
            conn.take(stage.hear(draw.choice([0, 1, 300]) * MS))
    conn.abort()
    stage.finish()
