"""ICMP, IGMP and UDP: cases 17 to 24, and kinds of ours."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import partial

from rig.hostile import frames as f
from rig.hostile.case import NO_MEMBER, Case, Shot, Story
from rig.hostile.ipv4 import LARGEST_ECHO, fragments, ip_frame
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MS, Conn, S, Stage, established, packet, texts

ALL_HOSTS_MAC = bytes.fromhex("01005e000001")


# ---- 17: echo ------------------------------------------------------------------------------------


def _short_icmp(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.echo()[:length])]


def _longer_than_received(stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.echo(bytes(100)), total=1500)]


def _to_group(ip: str, mac: bytes, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.echo(), to=ip, to_mac=mac)]


def _largest(size: int, stage: Stage, _: None) -> Sequence[bytes]:
    return fragments(stage, f.echo(bytes(i & 0xFF for i in range(size))), ident=size & 0xFFFF)


def _whole(size: int, stage: Stage, _: None, came: Sequence[bytes]) -> None:
    del stage
    whole = b"".join(frame[34:] for frame in came)
    assert whole[8:] == bytes(i & 0xFF for i in range(size)), "another echo came back"


CASE_17 = Case(
    17,
    "echo",
    "no over-read; no broadcast reply; a big echo is answered whole",
    (
        *(Shot(f"{n} bytes of ICMP", partial(_short_icmp, n), "icmp_short") for n in range(8)),
        Shot("IP length beyond the frame", _longer_than_received, "ip_total_length"),
        Shot("to the network", partial(_to_group, "10.0.0.255", f.BROADCAST), "icmp_broadcast"),
        Shot("to everybody", partial(_to_group, "255.255.255.255", f.BROADCAST), "icmp_broadcast"),
        Shot("to all hosts", partial(_to_group, "224.0.0.1", ALL_HOSTS_MAC), "icmp_broadcast"),
        Shot("65 507 bytes", partial(_largest, LARGEST_ECHO), "icmp_echoes_answered",
             ("fragment",) * 45, count=1, check=partial(_whole, LARGEST_ECHO), times=900,
             off_wire="the host sends 45 fragments faster than the emulated board takes them"),
        Shot("65 508 bytes", partial(_largest, LARGEST_ECHO + 1), "ip_fragment_overflow", count=1,
             times=900, pause_us=32 * S, long=True),
    ),
)  # fmt: skip


# ---- 18, 19, 20: errors --------------------------------------------------------------------------


def error(
    stage: Stage, kind: int, code: int, quote: bytes, *, mtu: int = 0, source: str = ""
) -> bytes:
    rest = struct.pack("!HH", 0, mtu)
    return ip_frame(stage, f.icmp(kind, code, rest, quote), source=source)


def quote_of(conn: Conn, sequence: int, *, ihl: int = 5, protocol: int = f.TCP) -> bytes:
    """The first bytes of a segment of the board's."""
    transport = struct.pack("!HHI", conn.port, conn.local_port, sequence & 0xFFFFFFFF)
    return f.ipv4(conn.stage.ip, conn.stage.me.ip, protocol, transport, ihl=ihl, total=1500)


def _bad_quote(kind: int, size: int, ihl: int, stage: Stage, conn: Conn) -> Sequence[bytes]:
    return [error(stage, kind, 0, quote_of(conn, conn.ack, ihl=ihl)[:size])]


def _foreign_quote(stage: Stage, conn: Conn) -> Sequence[bytes]:
    del conn
    quote = f.ipv4("10.0.0.55", "10.0.0.56", f.TCP, bytes(8))
    return [error(stage, 3, 3, quote)]


CASE_18 = Case(
    18,
    "quotes that are too short",
    "drop",
    tuple(Shot(f"type {kind}, {size} bytes", partial(_bad_quote, kind, size, 5), "icmp_bad_quote",
               at=established) for kind in (3, 11, 12) for size in (0, 1, 8, 19, 20, 27))
    + tuple(Shot(f"IHL {ihl}", partial(_bad_quote, 3, 28, ihl), "icmp_bad_quote", at=established)
            for ihl in (0, 1, 4, 6, 15))
    + (Shot("of somebody else's packet", _foreign_quote, "icmp_bad_quote"),),
)  # fmt: skip


def _in_flight(stage: Stage) -> Conn:
    """A connection to the echo service with 1460 unacknowledged bytes of the board's."""
    conn = established(stage, 7)
    conn.say("PA", bytes(1460))
    assert len(conn.heard) == 1460
    return conn


def _sizes_from_here(conn: Conn) -> set[int]:
    """How long the segments are that the board now sends."""
    conn.seq += 0
    before = len(conn.heard)
    sizes: set[int] = set()
    for wanted in (1460, 2920, 4380):
        conn.stage.send(conn.segment("PA", bytes(1460)))
        conn.seq += 1460
        for _ in range(8):
            if len(conn.heard) - before == wanted:
                break
            came = conn.stage.hear(10 * MS)
            sizes |= {len(frame) - 54 for frame in came if len(frame) > 54}
            conn.take(came)
            conn.stage.send(conn.segment("A"))
    assert len(conn.heard) - before == 3 * 1460, "and every byte comes"
    return sizes


def _wrong_sequence(stage: Stage) -> None:
    times = stage.often(500)
    for off in (-1461, -100_000, 0, 1, 1 << 31):
        conn = _in_flight(stage)
        before = stage.counters()
        stage.inject([error(stage, 3, 4, quote_of(conn, conn.ack + off), mtu=552)], times)
        conn.take(stage.hear(1 * MS))
        now = stage.counters()
        assert now["tcp_path_mtu_changes"] == before["tcp_path_mtu_changes"], off
        assert now["tcp_icmp_errors_ignored"] == before["tcp_icmp_errors_ignored"] + times
        stage.send(conn.segment("A"))
        assert max(_sizes_from_here(conn)) == 1460
        conn.abort()


def _mtu(mtu: int, changes: int, largest: int, stage: Stage) -> None:
    conn = _in_flight(stage)
    before = stage.counters()
    stage.inject([error(stage, 3, 4, quote_of(conn, conn.ack - 1460), mtu=mtu)], stage.often(500))
    conn.take(stage.hear(1 * MS))
    grown = stage.counters()["tcp_path_mtu_changes"] - before["tcp_path_mtu_changes"]
    assert grown == changes, f"{grown} changes"
    stage.send(conn.segment("A"))
    assert max(_sizes_from_here(conn)) == largest
    conn.abort()


CASE_19 = Case(
    19,
    "fragmentation needed",
    "ignored if the sequence is wrong; MTU clamped; a valid one lowers MSS and retransmits",
    stories=(
        Story("about nothing that is under way", _wrong_sequence, times=2, cuts=(20, 42, 60, -1)),
        *(Story(f"MTU {mtu}", partial(_mtu, mtu, changes, largest), times=3, cuts=(42, 50, -1))
          for mtu, changes, largest in ((0, 0, 1460), (1, 1, 512), (67, 1, 512), (551, 1, 512),
                                        (1000, 1, 960), (1500, 0, 1460), (65535, 0, 1460))),
    ),
)  # fmt: skip


def _soft(kind: int, code: int, counter: str, stage: Stage) -> None:
    conn = _in_flight(stage)
    before = stage.counters()
    times = stage.often(300)
    stage.inject([error(stage, kind, code, quote_of(conn, conn.ack - 1460))], times)
    came = stage.hear(1 * MS)
    assert {text.split()[0] for text in texts(stage, came)} <= {"tcp"}
    assert stage.counters()[counter] >= before[counter] + times
    conn.take(came)
    stage.send(conn.segment("A"))
    assert max(_sizes_from_here(conn)) == 1460, "the connection does not care"
    conn.abort()


CASE_20 = Case(
    20,
    "unreachable and source quench",
    "soft error only; source quench ignored (RFC 6633)",
    stories=tuple(
        Story(f"type {kind} code {code}", partial(_soft, kind, code, counter), times=3,
              cuts=(34, 42, 62, -1))
        for kind, code, counter in (
            *((3, code, "tcp_icmp_errors_noted") for code in (0, 1, 2, 3, 5, 9, 10, 13, 255)),
            (11, 0, "tcp_icmp_errors_noted"), (11, 1, "tcp_icmp_errors_noted"),
            (12, 0, "tcp_icmp_errors_ignored"), (4, 0, "icmp_type"), (5, 1, "icmp_type"))),
)  # fmt: skip


# ---- 22, 24: UDP ---------------------------------------------------------------------------------


def datagram(
    stage: Stage, port: int, data: bytes = b"abcdefgh", *, source_port: int = 5000,
    length: int | None = None, sum_: int | None = None,
) -> bytes:  # fmt: skip
    said = f.udp(stage.me.ip, stage.ip, source_port, port, data, length=length, sum_=sum_)
    return ip_frame(stage, said, protocol=f.UDP)


def _closed_port(stage: Stage) -> None:
    before, began = stage.counters(), stage.now_us
    times = stage.often(100_000)
    stage.flood([datagram(stage, 9999)], times)
    now = stage.counters()
    assert now["udp_port"] - before["udp_port"] >= stage.least(times)
    assert now["mbufs_used"] == before["mbufs_used"]
    said = texts(stage, stage.hear(1 * MS))
    assert set(said) == {"icmp 3.3"}
    seconds = (stage.now_us - began + S - 1) // S
    assert len(said) <= 40 + 100 * seconds, "as many as configured, and what was saved before"
    stage.run_for(2 * S)


CASE_22 = Case(
    22,
    "UDP to a closed port",
    "port-unreachable limited to the configured rate, fixed memory",
    (Shot("one", lambda stage, _: [datagram(stage, 9999)], "udp_port", ("icmp 3.3",), limit=150),),
    (Story("100 000 in a second", _closed_port, times=0, cuts=(), long=True),),
)


def _udp(length: int | None, sum_: int | None, stage: Stage, _: None) -> Sequence[bytes]:
    return [datagram(stage, 7, length=length, sum_=sum_)]


def _short_udp(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, bytes(length), protocol=f.UDP)]


def _ports(source: int, port: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [datagram(stage, port, source_port=source)]


CASE_24 = Case(
    24,
    "UDP lengths and checksums",
    "lengths that lie drop; a shorter one counts; wrong sums drop; 0 is none",
    tuple(Shot(f"length {n}", partial(_udp, n, None), "udp_length") for n in range(8))
    + tuple(Shot(f"length {n}", partial(_udp, n, None), "udp_length")
            for n in (17, 18, 24, 1000, 32768, 65535))
    + (
        Shot("shorter", partial(_udp, 12, None), "udp_out", ("udp 7 +4",)),
        Shot("of nothing", partial(_udp, 8, 0), "udp_out", ("udp 7 +0",)),
        Shot("wrong sum", partial(_udp, None, 0x1234), "udp_checksum"),
        Shot("sum of ones", partial(_udp, None, 0xFFFF), "udp_checksum"),
        Shot("no sum", partial(_udp, None, 0), "udp_out", ("udp 7 +8",)),
        Shot("to port 0", partial(_ports, 5000, 0), "udp_port", ("icmp 3.3",), limit=150),
        Shot("from port 0", partial(_ports, 0, 7), "udp_foreign"),
    )
    + tuple(Shot(f"{n} bytes of UDP", partial(_short_udp, n), "udp_short") for n in range(8)),
)  # fmt: skip


# ---- 23: IGMP ------------------------------------------------------------------------------------

GROUP = "239.1.2.3"


def query(stage: Stage, response: int, more: bytes, group: str = "0.0.0.0") -> bytes:
    return ip_frame(stage, f.igmp(0x11, response, group, more), to="224.0.0.1",
                    to_mac=ALL_HOSTS_MAC, protocol=f.IGMP, ttl=1)  # fmt: skip


def _query_shot(more: bytes, stage: Stage, _: None) -> Sequence[bytes]:
    return [query(stage, 10, more)]


def _member(stage: SimStage) -> None:
    stage.program(("join", GROUP), ("sleep", 100 * S))
    stage.run_for(15 * S)
    stage.drop()


def _queries(stage: SimStage) -> None:
    _member(stage)
    sources = struct.pack("!BBH", 2, 125, 400) + f.packed("10.0.0.1")
    delays = []
    for more in (sources, struct.pack("!BBH", 0, 0, 0xFFFF), struct.pack("!BBH", 2, 125, 0), b""):
        asked = stage.now_us
        stage.send(query(stage, 100, more))
        said = [(at, frame) for at, frame in _reports(stage, 11 * S)]
        assert len(said) == 1, "one timer a group, one report a query"
        delays.append(said[0][0] - asked)
    assert max(delays) <= 10 * S + 200
    assert len(set(delays)) == len(delays), "random"
    stage.inject([query(stage, 1, sources), query(stage, 0, b"")], 5_000)
    assert len(_reports(stage, 11 * S)) <= 40, "a storm of queries is no storm of reports"
    stage.run_for(80 * S)


def _reports(stage: SimStage, for_us: int) -> list[tuple[int, bytes]]:
    stage.drop()
    stage.world.run_for(for_us)
    return [(at, frame) for at, frame in stage.end.receive() if frame[23] == f.IGMP]


CASE_23 = Case(
    23,
    "IGMP queries",
    "no NULL use; report delay random and bounded; one timer a group",
    (
        Shot("short", lambda stage, _: [ip_frame(stage, b"\x11\0\xee\xff", to="224.0.0.1",
             to_mac=ALL_HOSTS_MAC, protocol=f.IGMP)], "igmp_short"),
        Shot("unknown type", lambda stage, _: [ip_frame(stage, f.igmp(0x99, 0, GROUP),
             to="224.0.0.1", to_mac=ALL_HOSTS_MAC, protocol=f.IGMP)], "igmp_type"),
        Shot("wrong sum", lambda stage, _: [ip_frame(stage, b"\x11\x64\0\0\0\0\0\0",
             to="224.0.0.1", to_mac=ALL_HOSTS_MAC, protocol=f.IGMP)], "igmp_checksum"),
        Shot("for no group", lambda stage, _: [query(stage, 10, b"", "10.1.2.3")],
             "igmp_bad_group"),
        Shot("general, to nobody's group", lambda stage, _: [ip_frame(stage, f.igmp(0x11, 10,
             "0.0.0.0"), protocol=f.IGMP)], "igmp_bad_group"),
        Shot("400 sources in 4 bytes", partial(_query_shot, b"\2\x7d\1\x90\x0a\0\0\1"), "ip_in"),
    ),
    (Story("a member is asked", _queries, times=2, cuts=(34, 38, 42, 44, -1),
           off_wire=NO_MEMBER),),
)  # fmt: skip


# ---- Ours: what nobody asked for -----------------------------------------------------------------


def _message(kind: int, code: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [packet(stage, f.ICMP, f.icmp(kind, code, bytes(4), bytes(24)))]


def _redirect(stage: Stage, conn: Conn) -> Sequence[bytes]:
    return [ip_frame(stage, f.icmp(5, 1, f.packed("10.0.0.66"), quote_of(conn, conn.ack)))]


CASE_104 = Case(
    104,
    "ICMP nobody asked for",
    "drop; replies, redirects, timestamps, masks, routers",
    (
        Shot("reply", partial(_message, 0, 0), "icmp_unsolicited"),
        Shot("redirect", _redirect, "icmp_type", at=established),
        *(Shot(f"type {kind}", partial(_message, kind, 0), "icmp_type")
          for kind in (1, 2, 6, 7, 9, 10, 13, 14, 15, 16, 17, 18, 30, 37, 40, 128, 255)),
        Shot("wrong sum", lambda stage, _: [ip_frame(stage, f.icmp(8, 0, sum_=0x1111))],
             "icmp_checksum"),
    ),
)  # fmt: skip

CASES = (CASE_17, CASE_18, CASE_19, CASE_20, CASE_22, CASE_23, CASE_24, CASE_104)
