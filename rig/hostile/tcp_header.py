"""TCP headers and options: cases 25 to 30. Case 32 is the state table's."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import partial

from kyusim.native import big_pattern
from rig.hostile import frames as f
from rig.hostile.case import Case, Shot, Story
from rig.hostile.ipv4 import ip_frame
from rig.hostile.stage import MS, Conn, S, Stage, closing, established, parse_tcp

MSS = b"\x02\x04\x05\xb4"
SACK_PERMITTED = b"\x01\x01\x04\x02"
WANGDOODLE = 114


def stamp(value: int, echo: int = 0) -> bytes:
    return b"\x01\x01\x08\x0a" + struct.pack("!II", value & 0xFFFFFFFF, echo & 0xFFFFFFFF)


# ---- 25: lengths ---------------------------------------------------------------------------------


def _short(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, bytes(length), protocol=f.TCP)]


def _offset(words: int, data: bytes, stage: Stage, conn: Conn) -> Sequence[bytes]:
    del stage
    return [conn.segment("A", data, offset=words)]


_OFFSET = "tcp_dropped_data_offset"

CASE_25 = Case(
    25,
    "TCP lengths",
    "drop",
    tuple(Shot(f"{n} bytes", partial(_short, n), "tcp_dropped_short") for n in range(20))
    + tuple(Shot(f"offset {n}", partial(_offset, n, b""), _OFFSET, at=established)
            for n in range(5))
    + tuple(Shot(f"offset {n} with data", partial(_offset, n, b"data"), _OFFSET, at=established)
            for n in range(5))
    + tuple(Shot(f"offset {n} of 20 bytes", partial(_offset, n, b""), _OFFSET, at=established)
            for n in range(6, 16))
    + (
        Shot("offset 15 of 59 bytes", partial(_offset, 15, bytes(39)), _OFFSET, at=established),
        Shot("offset 15 to a listener", partial(_offset, 15, b""), _OFFSET, at=closing),
        Shot("offset 0 to nobody", lambda stage, _: [Conn(stage, 4, 5).segment("S", offset=0)],
             _OFFSET),
        Shot("wrong sum", lambda _, conn: [conn.segment("PA", b"x", sum_=0x1234)],
             "tcp_dropped_checksum", at=established),
    ),
)  # fmt: skip


# ---- 26: options ---------------------------------------------------------------------------------

NONSENSE: dict[str, bytes] = {
    "MSS of length 0": b"\x02\x00\x05\xb4",
    "MSS of length 1": b"\x02\x01\x05\xb4",
    "MSS past the header": b"\x01\x01\x02\x04",
    "scale of length 0": b"\x03\x00\x00\x00",
    "scale past the header": b"\x01\x01\x01\x03",
    "SACK of length 1": b"\x05\x01\x00\x00",
    "SACK past the header": b"\x01\x01\x05\x0a",
    "SACK of 255": b"\x05\xff\x00\x00",
    "timestamps of length 0": b"\x08\x00" + bytes(6),
    "timestamps of length 1": b"\x08\x01" + bytes(6),
    "timestamps past the header": b"\x08\x0a" + bytes(6),
    "unknown of length 0": b"\xfd\x00\x00\x00",
    "unknown of length 1": b"\xfd\x01\x00\x00",
    "unknown of 255": b"\xfe\xff\x00\x00",
    "a kind at the very end": b"\x01\x01\x01\xfd",
    "40 NOPs": b"\x01" * 40,
    "40 kinds": b"\x06\x02" * 20,
    "no EOL": b"\x01" * 39 + b"\x02",
    "EOL, then nonsense": b"\x00\x02\x00\x08",
    "40 zeros": bytes(40),
    "user timeout of length 3": b"\x1c\x03\x00\x00",
}


def _syn(options: bytes, _: Stage, conn: Conn) -> Sequence[bytes]:
    return [conn.segment("S", options=options)]


def _data(options: bytes, _: Stage, conn: Conn) -> Sequence[bytes]:
    return [conn.segment("PA", b"d", options=options)]


CASE_26 = Case(
    26,
    "TCP option lengths",
    "parser ends; drop or ignore",
    tuple(Shot(f"{name}, in a SYN", partial(_syn, options), "tcp_segments_received", ("tcp SA",),
               at=closing, survives=False) for name, options in NONSENSE.items())
    + tuple(Shot(f"{name}, with data", partial(_data, options), "tcp_segments_received",
                 ("tcp A ack+1",), at=established) for name, options in NONSENSE.items()),
)  # fmt: skip


# ---- 27, 28: MSS and scale -----------------------------------------------------------------------


def _ask_big(stage: Stage, options: bytes, window: int = 65535, syn: bytes = b"") -> list[int]:
    """Sizes of the first segments of `big`, for a peer that says `options` in its SYN."""
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=window).open(options=options)
    stage.send(conn.segment("PA", b"big\n", options=syn))
    conn.seq += 4
    came = stage.hear(60 * MS)
    sizes = [len(got.data) for frame in came if (got := parse_tcp(frame)) and got.data]
    conn.take(came)
    assert big_pattern().startswith(bytes(conn.heard[: sum(sizes[:1])]))
    conn.abort()
    return sizes


def _mss(options: bytes, expected: int, stage: Stage) -> None:
    sizes = _ask_big(stage, options)
    assert sizes, "nothing comes"
    assert max(sizes) == expected, sizes


def _mss_later(stage: Stage) -> None:
    assert max(_ask_big(stage, MSS, syn=b"\x02\x04\x00\x64")) == 1460


def _mss_option(value: int) -> bytes:
    return b"\x02\x04" + value.to_bytes(2, "big")


_PLACES = (34, 54, 55, 56, 57, 58, -1)

CASE_27 = Case(
    27,
    "MSS",
    "the send MSS has a floor and a ceiling; outside of SYN ignored; no division by zero",
    stories=(
        *(Story(f"MSS {mss}", partial(_mss, _mss_option(mss), expected), times=50, cuts=_PLACES)
          for mss, expected in ((0, 216), (1, 216), (8, 216), (48, 216), (215, 216), (217, 217),
                                (1461, 1460), (65535, 1460))),
        Story("of length 3", partial(_mss, b"\x02\x03\x01\x00", 536), cuts=_PLACES),
        Story("of length 5", partial(_mss, b"\x02\x05\x01\x00\x00\x00\x00\x00", 536), cuts=_PLACES),
        Story("twice: the first", partial(_mss, _mss_option(1000) + _mss_option(500), 1000),
              cuts=_PLACES),
        Story("none", partial(_mss, b"", 536), cuts=_PLACES),
        Story("outside of a SYN", _mss_later, cuts=_PLACES),
    ),
)  # fmt: skip


def _scale(options: bytes, scaled: bool, stage: Stage, later: bytes = b"") -> None:
    """Our window says 1: with a scale of 14 that is room for ten segments, without it is not."""
    sizes = _ask_big(stage, MSS + options, window=1, syn=later)
    assert (sum(sizes) > 1460) == scaled, sizes


CASE_28 = Case(
    28,
    "window scale",
    "beyond 14 is 14; of duplicates the first; others ignored",
    stories=(
        Story("14", partial(_scale, b"\x01\x03\x03\x0e", True), cuts=_PLACES),
        Story("15", partial(_scale, b"\x01\x03\x03\x0f", True), cuts=_PLACES),
        Story("255", partial(_scale, b"\x01\x03\x03\xff", True), cuts=_PLACES),
        Story("of length 2", partial(_scale, b"\x01\x01\x03\x02", False), cuts=_PLACES),
        Story("of length 4", partial(_scale, b"\x03\x04\x0e\x00", False), cuts=_PLACES),
        Story("14, then 0", partial(_scale, b"\x03\x03\x0e\x03\x03\x00\x01\x01", True),
              cuts=_PLACES),
        Story("0, then 14", partial(_scale, b"\x03\x03\x00\x03\x03\x0e\x01\x01", False),
              cuts=_PLACES),
        Story("not in the SYN", partial(_scale, b"", False, later=b"\x01\x03\x03\x0e"),
              cuts=_PLACES),
    ),
)  # fmt: skip


# ---- 29: SACK ------------------------------------------------------------------------------------


def sack(*blocks: tuple[int, int], length: int | None = None) -> bytes:
    said = 2 + 8 * len(blocks) if length is None else length
    edges = b"".join(struct.pack("!II", a & 0xFFFFFFFF, b & 0xFFFFFFFF) for a, b in blocks)
    return b"\x01\x01\x05" + bytes([said]) + edges


def _junk(una: int, top: int) -> list[bytes]:
    """Options about data between `una` and `top`, absolute."""
    return [
        sack((una + 1460, una + 2920), length=9),
        sack((una + 1460, una + 2920), length=11),
        sack(length=2),
        sack((una + 2920, una + 1460)),
        sack((una + 1460, una + 1460)),
        sack((una - 5000, una - 100)),
        sack((una - 100, una + 100)),
        sack((top + 1, top + 5000)),
        sack((top - 10, top + 10)),
        sack((una + (1 << 31), una + (1 << 31) + 10)),
        sack((top, una)),
        sack((una, top)),
        sack((0, 0xFFFFFFFF)),
        sack((0xFFFFFF00, 0x100)),
        sack(*((una + 1 + 3 * i, una + 2 + 3 * i) for i in range(4))),
        sack(*((una + 1460 * i, una + 1460 * i + 1) for i in range(1, 4))) + bytes(2),
        sack((una + 1, una + 2), (una + 1, una + 2), (una + 1, una + 2)),
        sack((una + 1461, una + 1462), (una - 9, una), (top, top + 9)),
    ]


def _false_sacks(stage: Stage) -> None:
    conn = Conn(stage, WANGDOODLE, stage.fresh_port()).open(options=MSS + SACK_PERMITTED)
    una = conn.ack
    conn.say("PA", b"big\n")
    top = una + len(conn.heard)
    assert top - una > 4 * 1460
    conn.ack = una
    ignored = stage.counters()["tcp_sack_blocks_ignored"]
    frames = [conn.segment("A", options=options) for options in _junk(una, top)]
    stage.inject(frames, stage.often(200), 5)
    assert stage.counters()["tcp_sack_blocks_ignored"] > ignored
    conn.ack = top
    conn.take(stage.hear(1 * MS))
    conn.ack = una + len(conn.heard)
    assert conn.read_all(200_000) == big_pattern(), "and the whole transfer comes"
    conn.abort()


def _one_byte_blocks(stage: Stage) -> None:
    """SACK Panic's neighbour: as many holes as can be told of, again and again."""
    conn = Conn(stage, WANGDOODLE, stage.fresh_port()).open(options=_mss_option(48)
                                                            + SACK_PERMITTED)  # fmt: skip
    una = conn.ack
    conn.say("PA", b"big\n")
    conn.ack = una
    frames = [
        conn.segment("A", options=sack(*((una + 1 + 6 * i + 2 * k, una + 2 + 6 * i + 2 * k)
                                         for k in range(3))))
        for i in range(300)
    ]  # fmt: skip
    stage.inject(frames, 3, 5)
    conn.ack = una + len(conn.heard)
    conn.take(stage.hear(1 * MS))
    assert conn.read_all(200_000) == big_pattern()
    conn.abort()


CASE_29 = Case(
    29,
    "SACK",
    "bad blocks ignored; the scoreboard stays bounded and consistent",
    stories=(
        Story("blocks that lie", _false_sacks, times=2, cuts=(54, 58, 61, 66, -1)),
        Story("900 holes of a byte", _one_byte_blocks, times=1, cuts=(59,)),
    ),
)


# ---- 30: timestamps ------------------------------------------------------------------------------

_NOW = 5_000_000


def stamped(stage: Stage, port: int = 9) -> Conn:
    conn = Conn(stage, port, stage.fresh_port(), options=stamp(_NOW))
    return conn.open(options=MSS + stamp(_NOW))


def _with(options: bytes, data: bytes, _: Stage, conn: Conn) -> Sequence[bytes]:
    return [conn.segment("PA" if data else "A", data, options=options)]


def _reset_without(stage: Stage) -> None:
    conn = stamped(stage)
    before = stage.counters()["tcp_resets_received"]
    stage.send(conn.segment("R", options=b""))
    stage.hear(5 * MS)
    assert stage.counters()["tcp_resets_received"] == before + 1, "RFC 7323 §3.2"
    assert stage.state(conn) == "LISTEN"


def _false_echo(stage: Stage) -> None:
    """Echoes of what was never said: the retransmission timeout stays what it was."""
    conn = stamped(stage, WANGDOODLE)
    conn.say("PA", b"big\n")
    stage.run_for(1 * S)  # retransmissions: now only an echo could measure
    for echo in (1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xDEADBEEF):
        conn.options = stamp(_NOW + 1, echo)
        stage.send(conn.segment("A"))
        conn.take(stage.hear(5 * MS))
    assert conn.read_all(200_000) == big_pattern()
    conn.abort()


_MISSING, _OLD = "tcp_dropped_no_timestamp", "tcp_dropped_old_timestamp"

CASE_30 = Case(
    30,
    "timestamps",
    "wrong length ignored; missing: drop unless RST; PAWS drops and acknowledges",
    (
        *(Shot(name, partial(_with, options, b"d"), _MISSING, at=stamped) for name, options in (
            ("none", b""),
            ("of length 9", b"\x01\x01\x01\x08\x09" + bytes(7)),
            ("of length 11", b"\x01\x08\x0b" + bytes(9)),
            ("of length 2", b"\x01\x01\x08\x02"),
            ("cut", b"\x01\x01\x08\x0a" + bytes(4)),
        )),
        *(Shot(name, partial(_with, stamp(_NOW + off), b"d"), _OLD, ("tcp A",), at=stamped)
          for name, off in (("1 behind", -1), ("2^30 behind", -(1 << 30)),
                            ("nearly 2^31 behind", 1 - (1 << 31)))),
        Shot("an old bare ACK", partial(_with, stamp(_NOW - 1), b""), _OLD, ("tcp A",), at=stamped,
             limit=400),
    ),
    (
        Story("a reset without", _reset_without, cuts=_PLACES),
        Story("echoes of what was never said", _false_echo, times=2, cuts=(34, 60, 66, -1)),
    ),
)  # fmt: skip


CASES = (CASE_25, CASE_26, CASE_27, CASE_28, CASE_29, CASE_30)
