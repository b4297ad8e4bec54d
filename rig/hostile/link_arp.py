"""Link and ARP: cases 1 to 6, and 56."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rig.hostile import frames as f
from rig.hostile.case import PADDED, Case, Shot, Story
from rig.hostile.stage import MS, S, Stage, established, packet

EVIL = bytes.fromhex("02000000bad0")


def _ether(stage: Stage, kind: int, payload: bytes) -> bytes:
    return f.ether(stage.mac, stage.me.mac, kind, payload)


def _cut(frame: bytes, length: int) -> bytes:
    return frame[:length]


# ---- 1, 2, 56: frames ----------------------------------------------------------------------------


def _runt(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [_ether(stage, f.IPV4, bytes(46))[:length]]


def _cut_echo(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [packet(stage, f.ICMP, f.echo(bytes(18)))[:length]]


def _padded_echo(stage: Stage, _: None) -> Sequence[bytes]:
    return [packet(stage, f.ICMP, f.echo(b"")) + b"\xaa" * 18]


def _no_pad(stage: Stage, _: None, came: Sequence[bytes]) -> None:
    del stage
    assert len(came[0].rstrip(b"\0")) <= 42, "what was behind the packet came back"


CASE_1 = Case(
    1,
    "runts",
    "drop, short-frame counter; no read past the end",
    tuple(Shot(f"{n} bytes", partial(_runt, n), "ether_short", off_wire=PADDED) for n in range(14))
    + tuple(Shot(f"IPv4 with {n}", partial(_runt, 14 + n), "ip_short", off_wire=PADDED)
            for n in range(20))
    + tuple(Shot(f"zeros {n}", partial(_runt, n), "ip_version") for n in range(34, 60))
    + tuple(Shot(f"echo cut to {n}", partial(_cut_echo, n), "ip_total_length", off_wire=PADDED)
            for n in range(34, 60)),
)  # fmt: skip

CASE_2 = Case(
    2,
    "padding",
    "payload is trimmed by ip_len; the reply carries no pad byte",
    (
        Shot("0xAA behind an echo", _padded_echo, "icmp_echoes_answered", ("icmp 0.0 +0",),
             check=_no_pad),
    ),
)  # fmt: skip


def _typed(kind: int, payload: bytes, stage: Stage, _: None) -> Sequence[bytes]:
    return [_ether(stage, kind, payload)]


_IPV6 = bytes.fromhex("6000000000083a40") + bytes(32) + bytes.fromhex("8000000000000000")

CASE_56 = Case(
    56,
    "other ethertypes",
    "IPv6, VLAN and LLC are counted and dropped",
    (
        Shot("IPv6 echo", partial(_typed, 0x86DD, _IPV6), "ether_type"),
        Shot("IPv6 of nothing", partial(_typed, 0x86DD, b""), "ether_type", off_wire=PADDED),
        Shot("VLAN", partial(_typed, 0x8100, b"\0\1\x08\0" + bytes(46)), "ether_type"),
        Shot("two VLANs", partial(_typed, 0x88A8, b"\0\1\x81\0\0\1\x08\0" + bytes(46)),
             "ether_type"),
        Shot("LLC", partial(_typed, 46, b"\xaa\xaa\3" + bytes(43)), "ether_llc"),
        Shot("length 0", partial(_typed, 0, bytes(46)), "ether_llc"),
        Shot("length 1535", partial(_typed, 1535, bytes(46)), "ether_llc"),
        Shot("RARP", partial(_typed, 0x8035, bytes(46)), "ether_type"),
        Shot("type 0xffff", partial(_typed, 0xFFFF, bytes(1500)), "ether_type"),
    ),
)  # fmt: skip


# ---- 3, 4, 5: ARP --------------------------------------------------------------------------------


def _asks(hlen: int, plen: int, stage: Stage, _: None) -> Sequence[bytes]:
    question = f.arp(f.REQUEST, stage.me.mac, stage.me.ip, bytes(6), stage.ip,
                     hardware_bytes=hlen, protocol_bytes=plen)  # fmt: skip
    return [_ether(stage, f.ARP, question + bytes(18))]


def _cut_arp(length: int, stage: Stage, _: None) -> Sequence[bytes]:
    question = f.arp(f.REQUEST, stage.me.mac, stage.me.ip, bytes(6), stage.ip)
    return [_ether(stage, f.ARP, question[:length])]


CASE_3 = Case(
    3,
    "ARP lengths",
    "drop",
    tuple(Shot(f"hlen {h} plen {p}", partial(_asks, h, p), "arp_format")
          for h, p in ((0, 4), (5, 4), (7, 4), (8, 4), (255, 4), (6, 0), (6, 3), (6, 5), (6, 16),
                       (6, 255), (0, 0), (255, 255)))
    + tuple(Shot(f"cut to {n}", partial(_cut_arp, n), "arp_short", off_wire=PADDED)
            for n in range(28)),
)  # fmt: skip


def _reply(operation: int, sender: str, stage: Stage, _: None) -> Sequence[bytes]:
    said = f.arp(operation, EVIL, sender or stage.me.ip, stage.mac, stage.ip)
    return [f.ether(stage.mac, EVIL, f.ARP, said)]


def _unpoisoned(stage: Stage) -> None:
    """Our entry is there; after lies about it, what the board sends still comes to us."""
    conn = established(stage)
    for operation in (f.REPLY, f.REVERSE_REPLY, f.REQUEST):
        before = stage.counters()["neighbours_used"]
        stage.send(*_reply(operation, stage.me.ip, stage, None))
        for absent in ("10.0.0.77", "10.9.9.9", "224.0.0.5", "0.0.0.0"):
            stage.send(*_reply(operation if operation != f.REQUEST else f.REPLY, absent, stage,
                               None))  # fmt: skip
        stage.hear(5 * MS)
        if operation != f.REQUEST:
            assert stage.counters()["neighbours_used"] == before
            assert conn.say("PA", b"x"), "the acknowledgement came to whom it belongs"
    conn.abort()


CASE_4 = Case(
    4,
    "unsolicited ARP replies",
    "cache unchanged, no address adopted",
    (
        Shot("reply of a stranger", partial(_reply, f.REPLY, "10.0.0.77"), "arp_unsolicited"),
        Shot("reply from elsewhere", partial(_reply, f.REPLY, "172.16.1.1"), "arp_unsolicited"),
        Shot("reverse reply", partial(_reply, f.REVERSE_REPLY, "10.0.0.77"), "arp_format"),
        Shot("operation 0", partial(_reply, 0, "10.0.0.77"), "arp_format"),
        Shot("operation 65535", partial(_reply, 65535, "10.0.0.77"), "arp_format"),
    ),
    (Story("an entry is not talked out of", _unpoisoned),),
)


def _claims(operation: int, target: str, stage: Stage, _: None) -> Sequence[bytes]:
    said = f.arp(operation, EVIL, stage.ip, bytes(6), target or stage.ip)
    return [f.ether(f.BROADCAST, EVIL, f.ARP, said)]


def _probes(stage: Stage, _: None) -> Sequence[bytes]:
    said = f.arp(f.REQUEST, stage.me.mac, "0.0.0.0", bytes(6), stage.ip)
    return [f.ether(f.BROADCAST, stage.me.mac, f.ARP, said)]


CASE_5 = Case(
    5,
    "our own address",
    "defend at most once per interval, log, no storm (RFC 5227)",
    (
        Shot("announced by another", partial(_claims, f.REQUEST, ""), "arp_conflict",
             ("arp announcement",), limit=1, pause_us=11 * S, long=True),
        Shot("replied by another", partial(_claims, f.REPLY, ""), "arp_conflict",
             ("arp announcement",), limit=1, pause_us=11 * S, long=True),
        Shot("used by another", partial(_claims, f.REQUEST, "10.0.0.99"), "arp_conflict",
             ("arp announcement",), limit=1, pause_us=11 * S, long=True),
        Shot("probed by another", _probes, "arp_replies_out", ("arp reply",), count=1, limit=3,
             times=1000, pause_us=11 * S, long=True),
    ),
)  # fmt: skip


# ---- 6: floods -----------------------------------------------------------------------------------


def askers(stage: Stage, first: int, end: int) -> list[bytes]:
    """Questions of as many senders, for the board."""
    macs = (b"\2\1" + i.to_bytes(4, "big") for i in range(first, end))
    return [
        f.ether(f.BROADCAST, mac, f.ARP,
                f.arp(f.REQUEST, mac, f"10.0.0.{10 + i % 180}", bytes(6), stage.ip))
        for i, mac in zip(range(first, end), macs, strict=True)
    ]  # fmt: skip


def _many_ask(stage: Stage) -> None:
    """The table stays at its limit, and whom the board talks to stays in it."""
    conn = established(stage)
    conn.say("PA", b"x")
    for block in range(10):
        questions = askers(stage, block * 10_000, (block + 1) * 10_000)
        before, sought = stage.counters(), stage.sought
        stage.flood(questions)
        stage.drop()
        assert conn.say("PA", b"x"), "a live entry survives"
        now = stage.counters()
        assert now["arp_in"] - before["arp_in"] >= stage.least(len(questions))
        assert now["neighbours_used"] <= 64
        assert stage.sought == sought, "nobody had to ask where we are"
    conn.abort()


def _absent_hosts(stage: Stage) -> None:
    """A thousand senders that are not there: what waits for them is bounded, and freed."""
    datagrams = [
        f.ether(stage.mac, stage.me.mac, f.IPV4,
                f.ipv4(f"10.0.0.{10 + i % 180}", stage.ip, f.UDP,
                       f.udp(f"10.0.0.{10 + i % 180}", stage.ip, 1000 + i, 7, bytes(800))))
        for i in range(1000)
    ]  # fmt: skip
    before = stage.counters()
    stage.flood(datagrams, gap_us=100)
    now = stage.counters()
    assert now["neighbours_used"] <= 64
    assert now["clusters_used"] - before["clusters_used"] <= 64 * 4
    assert now["arp_hold_full"] + now["arp_evicted"] > 0
    for _ in range(6 if stage.blur_us else 1):  # on a busy host a board comes late to the last ones
        stage.run_for(10 * S + 2 * stage.blur_us)
        now = stage.counters()
        held = now["clusters_used"] - before["clusters_used"]
        if held <= 0:
            break
    assert held <= 0, f"held packets are freed on expiry: {held}"
    assert now["arp_no_answer"] > 0


CASE_6 = Case(
    6,
    "ARP floods",
    "the table stays at its limit, oldest out; held packets are bounded; live entries survive",
    stories=(
        Story("100 000 distinct senders", _many_ask, times=0, cuts=()),
        Story("1 000 absent hosts", _absent_hosts, times=5, cuts=(14, 34, 50, -1), long=True),
    ),
)

CASES = (CASE_1, CASE_2, CASE_3, CASE_4, CASE_5, CASE_6, CASE_56)
