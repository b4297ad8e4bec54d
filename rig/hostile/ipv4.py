"""IPv4: cases 7 to 16, and kinds of ours."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

from rig.hostile import frames as f
from rig.hostile.case import PADDED, Case, Shot, Story
from rig.hostile.stage import S, Stage

LARGEST_ECHO = 65_507


def ip_frame(
    stage: Stage,
    payload: bytes,
    *,
    source: str = "",
    to: str = "",
    protocol: int = f.ICMP,
    to_mac: bytes = b"",
    **fields: Any,
) -> bytes:
    packet = f.ipv4(source or stage.me.ip, to or stage.ip, protocol, payload, **fields)
    frame = f.ether(to_mac or stage.mac, stage.me.mac, f.IPV4, packet)
    return frame + bytes(max(0, 60 - len(frame)))  # as a device pads it


def _echo(fields: dict[str, Any], stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.echo(), **fields)]


def _bare(fields: dict[str, Any], stage: Stage, _: None) -> Sequence[bytes]:
    packet = f.ipv4(stage.me.ip, stage.ip, f.ICMP, b"", **fields)
    return [f.ether(stage.mac, stage.me.mac, f.IPV4, packet)]


# ---- 7, 8: headers -------------------------------------------------------------------------------

CASE_7 = Case(
    7,
    "IP lengths",
    "drop before any subtraction",
    tuple(Shot(f"version {v}", partial(_echo, {"version": v}), "ip_version")
          for v in range(16) if v != 4)
    + tuple(Shot(f"IHL {n}", partial(_echo, {"ihl": n}), "ip_header_length") for n in range(5))
    + tuple(Shot(f"IHL {n} and total 20", partial(_echo, {"ihl": n, "total": 20}),
                 "ip_total_length") for n in range(6, 12))
    + tuple(Shot(f"IHL {n} of a bare header", partial(_bare, {"ihl": n, "total": n * 4}),
                 "ip_header_length", off_wire=PADDED) for n in range(6, 16))
    + tuple(Shot(f"total {n}", partial(_echo, {"total": n}), "ip_total_length")
            for n in (*range(20), 61, 62, 1500, 1514, 1515, 32768, 65535)),
)  # fmt: skip


def _wrong_sum(bit: int, stage: Stage, _: None) -> Sequence[bytes]:
    frame = ip_frame(stage, f.echo())
    return [f.with_u16(frame, 24, int.from_bytes(frame[24:26], "big") ^ 1 << bit)]


CASE_8 = Case(
    8,
    "IP checksum",
    "drop, counter",
    tuple(Shot(f"bit {bit}", partial(_wrong_sum, bit), "ip_checksum") for bit in range(16)),
)


# ---- 10: sources ---------------------------------------------------------------------------------


def _from(source: str, kind: str, stage: Stage, _: None) -> Sequence[bytes]:
    whose = source or stage.ip
    if kind == "icmp":
        return [ip_frame(stage, f.echo(), source=whose)]
    if kind == "udp":
        return [ip_frame(stage, f.udp(whose, stage.ip, 5, 9999, b"?"), source=whose,
                         protocol=f.UDP)]  # fmt: skip
    return [ip_frame(stage, f.tcp(whose, stage.ip, 5, 9, "S"), source=whose, protocol=f.TCP)]


_SOURCES = ("", "10.0.0.255", "10.0.0.0", "255.255.255.255", "224.0.0.1", "239.255.255.255",
            "0.0.0.0", "127.0.0.1", "127.255.255.254")  # fmt: skip

CASE_10 = Case(
    10,
    "impossible sources",
    "drop, never a reply",
    tuple(Shot(f"{kind} from {source or 'itself'}", partial(_from, source, kind), "ip_bad_source")
          for source in _SOURCES for kind in ("icmp", "udp", "tcp")),
)  # fmt: skip


# ---- 11, 12, 14, 15: fragments -------------------------------------------------------------------


def fragment(
    stage: Stage,
    payload: bytes,
    first: int,
    end: int,
    *,
    more: bool,
    ident: int = 0x77,
    **fields: Any,
) -> bytes:
    """Bytes first .. end of a datagram."""
    place = first // 8 | (f.MORE_FRAGMENTS if more else 0)
    return ip_frame(stage, payload[first:end], ident=ident, fragment=place, **fields)


def fragments(stage: Stage, payload: bytes, step: int = 1480, **fields: Any) -> list[bytes]:
    return [
        fragment(stage, payload, at, min(at + step, len(payload)), more=at + step < len(payload),
                 **fields)
        for at in range(0, len(payload), step)
    ]  # fmt: skip


def _raw_fragment(
    place: int, flags: int, size: int, protocol: int, stage: Stage, _: None
) -> Sequence[bytes]:
    return [ip_frame(stage, bytes(size), fragment=place | flags, protocol=protocol, ident=place)]


def _beyond(place: int, size: int) -> Shot:
    frames = partial(_raw_fragment, place, 0, size, f.UDP)
    return Shot(f"offset {place * 8} + {size}", frames, "ip_fragment_overflow")


CASE_11 = Case(
    11,
    "fragments beyond 65535",
    "drop datagram, free queue",
    (
        _beyond(8191, 8),
        _beyond(8191, 1000),
        _beyond(8189, 64),
        _beyond(8100, 1480),
        Shot("with more to come", partial(_raw_fragment, 8190, f.MORE_FRAGMENTS, 64, f.ICMP),
             "ip_fragment_overflow"),
    ),
)  # fmt: skip

CASE_12 = Case(
    12,
    "fragment sizes",
    "drop",
    (
        *(Shot(f"{n} bytes and more to come", partial(_raw_fragment, 4, f.MORE_FRAGMENTS, n, f.UDP),
               "ip_fragment_size", off_wire=PADDED if n < 40 else "")
          for n in (1, 7, 9, 15, 33, 1479)),
        Shot("nothing and more to come", partial(_raw_fragment, 0, f.MORE_FRAGMENTS, 0, f.UDP),
             "ip_fragment_size"),
        Shot("nothing at the end", partial(_raw_fragment, 5, 0, 0, f.UDP), "ip_fragment_size"),
        Shot("MF with DF", partial(_raw_fragment, 0, f.MORE_FRAGMENTS | f.DONT_FRAGMENT, 64, f.UDP),
             "ip_fragment_df"),
        Shot("offset with DF", partial(_raw_fragment, 8, f.DONT_FRAGMENT, 64, f.UDP),
             "ip_fragment_df"),
        Shot("a TCP header in two", partial(_raw_fragment, 1, 0, 64, f.TCP), "ip_fragment_tiny"),
        Shot("half a TCP header", partial(_raw_fragment, 0, f.MORE_FRAGMENTS, 16, f.TCP),
             "ip_fragment_tiny"),
    ),
)  # fmt: skip


def _backwards(step: int, stage: Stage, _: None) -> Sequence[bytes]:
    return fragments(stage, f.echo(bytes(range(256)) * 4), step)[::-1]


def _echoed(stage: Stage, _: None, came: Sequence[bytes]) -> None:
    del stage
    assert came[0][42:] == bytes(range(256)) * 4, "the datagram is another one"


def _spoofed_total(stage: Stage, _: None) -> Sequence[bytes]:
    """The last fragment first, at a large offset; the first says less in its header than it
    brings; what lies between never comes."""
    whole = f.echo(bytes(40_000))
    last = fragment(stage, whole, 39_960, 40_008, more=False)
    first = fragment(stage, whole, 0, 1480, more=True, total=28)
    return [last, first]


CASE_14 = Case(
    14,
    "last fragment first",
    "length recomputed, never taken from one fragment",
    (
        *(Shot(f"backwards by {step}", partial(_backwards, step), "ip_reassembled",
               ("icmp 0.0 +1024",), count=1, check=_echoed) for step in (24, 256, 1000)),
        Shot("a first fragment that says less", _spoofed_total, "ip_in", pause_us=32 * S,
             long=True),
    ),
)  # fmt: skip


def _fragment_flood(stage: Stage) -> None:
    """First fragments of datagrams that will never be whole: a bounded number waits."""
    before = stage.counters()
    one = fragment(
        stage, bytes(1480), 0, 1480, more=True, ident=0, protocol=f.UDP, source="10.0.0.0"
    )
    for block in range(5):
        flood = []
        for i in range(block * 10_000, (block + 1) * 10_000):
            frame = bytearray(one)
            f.patch(frame, 18, i, 24)
            f.patch(frame, 28, 150 + i % 40, 24)
            flood.append(bytes(frame))
        had = stage.counters()["ip_in"]
        stage.flood(flood, gap_us=20)
        now = stage.counters()
        # Beside others' traffic the wire is too narrow for all of it at once.
        assert now["ip_in"] - had >= (1 if stage.busy else stage.least(len(flood)))
        assert 0 < now["datagrams_used"] <= 16
        assert now["clusters_used"] - before["clusters_used"] < 400
    stage.drop()
    stage.run_for((41 if stage.busy else 31) * S + stage.blur_us)
    now = stage.counters()
    assert now["datagrams_used"] == 0, "thirty seconds later none is left"
    assert now["clusters_used"] == before["clusters_used"]
    stage.hear(1 * S)


def first_fragments(stage: Stage, count: int) -> list[bytes]:
    """Of so many datagrams, small ones: the wire has room for them beside a transfer."""
    sources = (f"10.0.0.{150 + i % 40}" for i in range(count))
    return [
        fragment(stage, bytes(48), 0, 48, more=True, ident=i, protocol=f.UDP, source=source)
        for i, source in enumerate(sources)
    ]


def small_steps(stage: Stage) -> list[bytes]:
    """A thousand fragments of one datagram, in any order, and its last one."""
    draw = random.Random(15)
    pieces = fragments(stage, f.echo(bytes(8192)), 8, ident=draw.randrange(65536))
    draw.shuffle(pieces)
    return pieces


def _rose(stage: Stage) -> None:
    before = stage.counters()
    stage.flood(small_steps(stage), gap_us=20)
    now = stage.counters()
    assert now["datagrams_used"] <= 1
    assert now["mbufs_used"] - before["mbufs_used"] <= 64
    assert now["ip_fragment_many"] > before["ip_fragment_many"], "its fragments have a limit"
    assert not stage.hear(31 * S), "and nobody is told of it"


CASE_15 = Case(
    15,
    "fragments never completed",
    "caps on all, each source and each datagram; expire in 30 s; pool returns; others go on",
    stories=(
        Story("50 000 first fragments", _fragment_flood, times=0, cuts=(), long=True),
        Story("1 000 steps of one datagram", _rose, times=10, cuts=(13, 14, 33, 36, -1), long=True),
    ),
)


# ---- 16: protocols -------------------------------------------------------------------------------


def _sweep(stage: Stage, _: None) -> Sequence[bytes]:
    known = (f.ICMP, f.IGMP, f.TCP, f.UDP)
    return [ip_frame(stage, bytes(40), protocol=p) for p in range(256) if p not in known]


def _nested(protocol: int, depth: int, stage: Stage, _: None) -> Sequence[bytes]:
    inner = b""
    for _level in range(depth - 1):
        inner = f.ipv4(stage.me.ip, stage.ip, protocol, inner)
    return [ip_frame(stage, inner, protocol=protocol)]


_UNKNOWN = "icmp 3.2"

CASE_16 = Case(
    16,
    "protocols",
    "drop or one rate-limited protocol-unreachable; no recursion",
    (
        Shot("all of them", _sweep, "ip_protocol", (_UNKNOWN,), some=True, limit=150),
        Shot("IP in IP", partial(_nested, 4, 2), "ip_protocol", (_UNKNOWN,), limit=150),
        Shot("74 deep", partial(_nested, 4, 74), "ip_protocol", (_UNKNOWN,), limit=150),
        Shot("GRE", partial(_nested, 47, 3), "ip_protocol", (_UNKNOWN,), limit=150),
        Shot("IPv6 in IP", partial(_nested, 41, 3), "ip_protocol", (_UNKNOWN,), limit=150),
    ),
)


# ---- Ours: options, overlaps, destinations -------------------------------------------------------


def _options(options: bytes, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.echo(), options=options)]


def _overlap(first: tuple[int, int, bool], second: tuple[int, int, bool], stage: Stage,
             _: None) -> Sequence[bytes]:  # fmt: skip
    whole = f.echo(bytes(200))
    return [fragment(stage, whole, a, b, more=more, ident=first[0] ^ second[1])
            for a, b, more in (first, second)]  # fmt: skip


def _to(destination: str, group: bool, stage: Stage, _: None) -> Sequence[bytes]:
    mac = f.BROADCAST if group else b""
    return [ip_frame(stage, f.echo(), to=destination, to_mac=mac)]


_PROBLEM = "icmp 12.0"

CASE_101 = Case(
    101,
    "IP options",
    "routes are refused in silence, nonsense is told to its sender, the rest is stepped over",
    (
        Shot("loose route", partial(_options, b"\x83\x07\x04\x0a\0\0\x01\0"), "ip_source_route"),
        Shot("strict route", partial(_options, b"\x89\x07\x04\x0a\0\0\x01\0"), "ip_source_route"),
        Shot("record route", partial(_options, b"\x07\x07\x04\0\0\0\0\0"),
             "icmp_echoes_answered", ("icmp 0.0 +16",)),
        Shot("record route whose pointer lies", partial(_options, b"\x07\x07\xff\0\0\0\0\0"),
             "icmp_echoes_answered", ("icmp 0.0 +16",)),
        Shot("forty times nothing", partial(_options, b"\1" * 40), "icmp_echoes_answered",
             ("icmp 0.0 +16",)),
        Shot("length 0", partial(_options, b"\x44\0\0\0"), "ip_option", (_PROBLEM,), limit=150),
        Shot("length 1", partial(_options, b"\x44\1\0\0"), "ip_option", (_PROBLEM,), limit=150),
        Shot("past the header", partial(_options, b"\x44\5\0\0"), "ip_option", (_PROBLEM,),
             limit=150),
        Shot("a kind alone at the end", partial(_options, b"\1\1\1\x44"), "ip_option", (_PROBLEM,),
             limit=150),
    ),
)  # fmt: skip

CASE_102 = Case(
    102,
    "overlapping fragments",
    "the datagram is killed (teardrop)",
    (
        Shot("inside", partial(_overlap, (0, 96, True), (24, 48, True)), "ip_fragment_overlap",
             count=0, pause_us=32 * S, long=True),
        Shot("across", partial(_overlap, (0, 96, True), (48, 208, False)), "ip_fragment_overlap",
             count=0, pause_us=32 * S, long=True),
        Shot("around", partial(_overlap, (24, 48, True), (0, 96, True)), "ip_fragment_overlap",
             count=0, pause_us=32 * S, long=True),
        Shot("two ends", partial(_overlap, (96, 104, False), (104, 208, False)),
             "ip_fragment_overlap", count=0, pause_us=32 * S, long=True),
        Shot("twice the same", partial(_overlap, (0, 96, True), (0, 96, True)),
             "ip_fragment_duplicate", count=1, pause_us=32 * S, long=True),
    ),
)  # fmt: skip

CASE_103 = Case(
    103,
    "destinations that are not ours",
    "drop, never a reply",
    (
        Shot("another host", partial(_to, "10.0.0.9", False), "ip_not_ours"),
        Shot("another network", partial(_to, "8.8.8.8", False), "ip_not_ours"),
        Shot("nobody", partial(_to, "0.0.0.0", False), "ip_bad_destination"),
        Shot("loopback", partial(_to, "127.0.0.1", False), "ip_bad_destination"),
        Shot("a group we are not in", partial(_to, "239.1.1.1", False), "ip_not_ours"),
        Shot("ours in a frame to everybody", partial(_to, "", True), "ip_bad_destination"),
    ),
)

CASES = (CASE_7, CASE_8, CASE_10, CASE_11, CASE_12, CASE_14, CASE_15, CASE_16, CASE_101, CASE_102,
         CASE_103)  # fmt: skip
