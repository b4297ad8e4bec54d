"""What servers answer: DHCP and DNS, cases 52 to 54."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from kyusim.segment import IpPacket
from rig.hostile import frames as f
from rig.hostile.case import Case, Story
from rig.hostile.stage import MS, S, Stage

CUTS = (14, 15, 34, 41, 42, 43, 54, -1)


def udp_from(stage: Stage, source_port: int, port: int, data: bytes, *, to: str = "") -> bytes:
    destination = to or stage.ip
    mac = f.BROADCAST if to == "255.255.255.255" else stage.mac
    said = f.udp(stage.me.ip, destination, source_port, port, data)
    return f.ether(mac, stage.me.mac, f.IPV4, f.ipv4(stage.me.ip, destination, f.UDP, said))


def asked_of(stage: Stage, port: int, within_us: int = 20 * S) -> tuple[int, bytes]:
    """The next datagram of the board's for `port` of ours, and the port it came from."""
    ends = stage.now_us + within_us
    while stage.now_us < ends:
        for frame in stage.hear(1 * MS):
            if frame[12:14] != b"\x08\x00":
                continue  # it asks for hosts that are not there
            packet = IpPacket.parse(frame[14:])
            if packet.protocol == f.UDP and packet.payload[2:4] == port.to_bytes(2, "big"):
                return int.from_bytes(packet.payload[:2], "big"), packet.payload[8:]
    raise AssertionError(f"nothing came to port {port}")


# ---- 52: DHCP ------------------------------------------------------------------------------------

OFFER, ACKNOWLEDGE = 2, 5
LEASED = "10.0.0.77"


def option(kind: int, value: bytes, length: int | None = None) -> bytes:
    return bytes([kind, len(value) if length is None else length]) + value


def _seconds(kind: int, value: int) -> bytes:
    return option(kind, struct.pack("!I", value & 0xFFFFFFFF))


def _usual(stage: Stage, kind: int) -> dict[int, bytes]:
    """The options of a right answer."""
    return {
        53: option(53, bytes([kind])),
        54: option(54, f.packed(stage.me.ip)),
        51: _seconds(51, 3600),
        1: option(1, b"\xff\xff\xff\0"),
    }


def reply(
    stage: Stage,
    xid: bytes,
    options: bytes,
    *,
    mac: bytes = b"",
    address: str = LEASED,
    server_name: bytes = bytes(64),
    file: bytes = bytes(128),
    cookie: bytes = b"\x63\x82\x53\x63",
) -> bytes:
    head = b"\x02\x01\x06\x00" + xid + b"\0\0\x80\0" + bytes(4) + f.packed(address) + bytes(8)
    body = head + (mac or stage.mac) + bytes(10) + server_name + file + cookie + options
    return udp_from(stage, 67, 68, body, to="255.255.255.255")


Bad = Callable[[Stage, bytes, dict[int, bytes]], bytes]


def _with(kind: int, value: bytes) -> Bad:
    """The usual answer with another option in it."""
    return lambda stage, xid, usual: reply(
        stage, xid, b"".join((usual | {kind: value}).values()) + b"\xff"
    )


def _bad_offers() -> dict[str, tuple[Bad, str]]:
    """By name: an answer that must be ignored, and what counts it."""

    def rest(extra: bytes, end: bytes = b"\xff") -> Bad:
        return lambda stage, xid, usual: reply(stage, xid, b"".join(usual.values()) + extra + end)

    def less(kind: int) -> Bad:
        return lambda stage, xid, usual: reply(
            stage, xid, b"".join(v for k, v in usual.items() if k != kind) + b"\xff")  # fmt: skip

    def as_it_is(**fields: object) -> Bad:
        return lambda stage, xid, usual: reply(
            stage, xid, b"".join(usual.values()) + b"\xff", **fields)  # type: ignore[arg-type]  # fmt: skip

    malformed, bad, foreign = "dhcp_malformed", "dhcp_bad_offer", "dhcp_not_ours"
    return {
        "an option past the end": (rest(b"\x0c\xc8abc", b""), malformed),
        "a kind alone at the end": (rest(b"\x0c", b""), malformed),
        "no end marker": (rest(b"", b""), malformed),
        "a mask of length 0": (_with(1, option(1, b"")), malformed),
        "a mask of length 3": (_with(1, option(1, b"\xff\xff\xff")), malformed),
        "a lease of length 0": (_with(51, option(51, b"")), malformed),
        "a server of length 5": (_with(54, option(54, bytes(5))), malformed),
        "a router of length 6": (rest(option(3, bytes(6))), malformed),
        "a name server of length 2": (rest(option(6, bytes(2))), malformed),
        "an overload of 0": (rest(option(52, b"\0")), malformed),
        "an overload of 200": (rest(option(52, b"\xc8")), malformed),
        "an overloaded file past its end": (
            lambda stage, xid, usual: reply(
                stage, xid, b"".join(usual.values()) + option(52, b"\1\xff"[:1]) + b"\xff",
                file=bytes(126) + b"\x0c\xff"), malformed),
        "an overloaded file that overloads": (
            lambda stage, xid, usual: reply(
                stage, xid, b"".join(usual.values()) + option(52, b"\3") + b"\xff",
                file=(b"\x34\x01\x03" * 42) + b"\x0c\x7f"), malformed),
        "no server": (less(54), bad),
        "server 0.0.0.0": (_with(54, option(54, bytes(4))), bad),
        "no lease": (less(51), bad),
        "a lease of nothing": (_with(51, _seconds(51, 0)), bad),
        "mask 0": (_with(1, option(1, bytes(4))), bad),
        "a mask with holes": (_with(1, option(1, b"\xff\0\xff\0")), bad),
        "a mask upside down": (_with(1, option(1, b"\0\xff\xff\xff")), bad),
        "address 0.0.0.0": (as_it_is(address="0.0.0.0"), bad),
        "address 127.0.0.1": (as_it_is(address="127.0.0.1"), bad),
        "address 224.0.0.1": (as_it_is(address="224.0.0.1"), bad),
        "the broadcast address": (as_it_is(address="10.0.0.255"), bad),
        "another xid": (lambda stage, xid, usual: reply(
            stage, bytes(b ^ 1 for b in xid), b"".join(usual.values()) + b"\xff"), foreign),
        "another MAC": (as_it_is(mac=bytes(6)), foreign),
        "no cookie": (as_it_is(cookie=bytes(4)), malformed),
        "no type": (less(53), malformed),
        "a type of length 2": (_with(53, option(53, b"\2\2")), malformed),
        "an answer nobody waits for": (_with(53, option(53, b"\5")), "dhcp_unexpected"),
        "a discover": (_with(53, option(53, b"\1")), "dhcp_unexpected"),
        "type 255": (_with(53, option(53, b"\xff")), "dhcp_unexpected"),
    }  # fmt: skip


def _discover(stage: Stage) -> bytes:
    """Makes the board ask, and returns its transaction."""
    stage.shell("ifconfig dhcp")
    _, question = asked_of(stage, 67)
    return question[4:8]


def _be_yourself(stage: Stage) -> None:
    stage.shell(f"ifconfig {stage.ip}/24")
    stage.hear(100 * MS)


def _offers_that_are_ignored(stage: Stage) -> None:
    xid = _discover(stage)
    before = stage.counters()
    for name, (make, counter) in _bad_offers().items():
        stage.inject([make(stage, xid, _usual(stage, OFFER))], 5)
        now = stage.counters()
        assert now[counter] == before[counter] + 5, name
        before = now
    said = stage.hear(1 * MS)
    assert all(frame[42 + 242] == 1 for frame in said if len(frame) > 300), "still discovering"
    asked = []
    for _ in range(3):  # and later and later it asks again
        asked_of(stage, 67, 100 * S)
        asked.append(stage.now_us)
    gaps = [b - a for a, b in pairwise(asked)]
    # A minute, more or less, is the most.
    assert all(b + stage.blur_us >= min(a, 40 * S) for a, b in pairwise(gaps)), f"back-off: {gaps}"
    _be_yourself(stage)


def _acks(shown: str) -> int:
    """Of what ifconfig says."""
    counted = re.search(r"acks (\d+)", shown)
    return int(counted[1]) if counted else 0


def _bind(stage: Stage, extra: dict[int, bytes]) -> None:
    """A lease with these options in it is taken."""
    xid = _discover(stage)
    had = _acks(stage.shell("ifconfig"))
    for kind in (OFFER, ACKNOWLEDGE):
        options = b"".join((_usual(stage, kind) | extra).values()) + b"\xff"
        stage.send(reply(stage, xid, options))
        stage.hear(10 * MS)
    stage.run_for(900 * MS)
    shown = stage.shell("ifconfig")
    # On a wire the shortest lease may be over by now.
    assert LEASED in shown or (stage.blur_us and _acks(shown) == had + 1), shown


def _odd_but_right(stage: Stage) -> None:
    """Options that are nobody's business do no harm; a router from elsewhere is none."""
    loop = b"\x77\xff" + b"\xc0\x00" * 127 + b"\xc0"
    noise = random.Random(52).randbytes(200)
    _bind(stage, {119: loop, 224: option(224, noise), 0: bytes(30), 80: b"\x50\x00",
                  3: option(3, f.packed("192.168.7.1"))})  # fmt: skip
    _be_yourself(stage)


def _times(t1: int, t2: int, lease: int, stage: Stage) -> None:
    """Whatever the server says of times, renewal comes before the end, and not in a storm."""
    _bind(stage, {51: _seconds(51, lease), 58: _seconds(58, t1), 59: _seconds(59, t2)})
    stage.drop()
    began = stage.counters()["udp_out"]
    since = stage.now_us
    stage.run_for((lease if lease <= 100 else 105 if lease <= 300 else 60) * S)
    asked = stage.counters()["udp_out"] - began
    seconds = (stage.now_us - since) // S
    assert asked <= 4 + seconds // 2, f"{asked} questions in {seconds} s"
    stage.drop()
    _be_yourself(stage)


CASE_52 = Case(
    52,
    "DHCP answers",
    "ignore offer; timers clamped; the machine starts over, with back-off",
    stories=(
        Story("that are ignored", _offers_that_are_ignored, times=2, cuts=CUTS, busy=False,
              long=True),
        Story("that are odd", _odd_but_right, times=2, cuts=CUTS, busy=False, long=True),
        *(Story(f"T1 {t1}, T2 {t2}, lease {lease}", partial(_times, t1, t2, lease), times=1,
                cuts=(50, -1), busy=False, long=True)
          for t1, t2, lease in ((300, 200, 100), (200, 100, 300), (0, 0, 1), (1, 1, 1),
                                (0xFFFFFFFF, 0xFFFFFFFF, 100), (0, 0, 0xFFFFFFFF),
                                (50, 0xFFFFFFFE, 0xFFFFFFFE), (1, 2, 3))),
    ),
)  # fmt: skip


# ---- 53, 54: DNS ---------------------------------------------------------------------------------

NAME = b"\x03kyu\x04test\x00"


def _answer(ident: bytes, body: bytes, *, flags: int = 0x8180, counts: tuple[int, int] = (1, 1),
            question: bytes = NAME + b"\0\1\0\1") -> bytes:  # fmt: skip
    return ident + struct.pack("!HHHHH", flags, *counts, 0, 0) + question + body


def _record(owner: bytes, kind: int = 1, data: bytes = b"\x01\x02\x03\x04",
            length: int | None = None) -> bytes:  # fmt: skip
    said = len(data) if length is None else length
    return owner + struct.pack("!HHIH", kind, 1, 60, said) + data


_HERE = 12 + len(NAME) + 4  # where the first record begins


def _pointer(to: int) -> bytes:
    return struct.pack("!H", 0xC000 | to)


def _alias(target: bytes) -> bytes:
    return _record(_pointer(12), 5, target)


_BAD_NAMES: dict[str, bytes] = {
    "a pointer to itself": _record(_pointer(_HERE)),
    "a pointer forward": _record(_pointer(_HERE + 40)) + bytes(60),
    "two that point at each other": _record(b"\x01a" + _pointer(_HERE + 4) + _pointer(_HERE)),
    "a pointer past the end": _record(_pointer(0x3FFF)),
    "a pointer of one byte": b"\xc0",
    "a label of 64": _record(b"\x40" + b"a" * 64 + b"\0"),
    "a label of 191": _record(b"\xbf" + b"a" * 191 + b"\0"),
    "a label past the end": b"\x3fabc",
    "a name of 256": _record((b"\x3f" + b"a" * 63) * 4 + b"\0"),
    "no terminator": b"\x03abc\x03abc",
    "a record cut in its head": _record(_pointer(12))[:8],
    "data past the end": _record(_pointer(12), length=5),
    "an address of 3 bytes": _record(_pointer(12), data=b"abc"),
    "an address of nothing": _record(_pointer(12), data=b""),
    "an alias to itself by pointer": _alias(_pointer(_HERE + 12)),
    "an alias with a tail": _alias(b"\x01a\x00\x00"),
    "an alias without end": _alias(b"\x01a"),
    "nothing where one is promised": b"",
}


def _ask_name(stage: Stage) -> tuple[int, bytes, int]:
    """The port and the transaction of a question, and where the console stood."""
    start = stage.type(f"dns kyu.test {stage.me.ip}")
    port, question = asked_of(stage, 53)
    assert question[12:] == NAME + b"\0\1\0\1"
    return port, question[:2], start


def _forget(stage: Stage) -> None:
    stage.shell(f"ifconfig {stage.ip}/24")  # another address, another memory
    stage.hear(100 * MS)


def _bad_answers(stage: Stage) -> None:
    """They are dropped, and the right one that comes after them is taken."""
    port, ident, start = _ask_name(stage)
    for name, body in _BAD_NAMES.items():
        before = stage.count_of("dns_malformed")
        stage.inject([udp_from(stage, 53, port, _answer(ident, body))], 4)
        assert before is None or stage.count_of("dns_malformed") == before + 4, name
    for count in (0, 2, 0xFFFF):
        said = _answer(ident, _record(_pointer(12)), counts=(count, 1))
        stage.send(udp_from(stage, 53, port, said))
    for size in range(12 + len(NAME) + 4):
        stage.send(udp_from(stage, 53, port, _answer(ident, b"")[:size]))
        stage.hear(200)
    stage.send(udp_from(stage, 53, port, _answer(ident, _record(_pointer(12)))))
    stage.await_said("kyu.test is 1.2.3.4", start)
    _forget(stage)


def _foreign_answers(stage: Stage) -> None:
    """Of another question, another transaction, another server: not believed."""
    port, ident, start = _ask_name(stage)
    evil = _record(_pointer(12), data=b"\6\6\6\6")
    foreign, strange = stage.count_of("dns_foreign"), stage.count_of("udp_foreign")
    wrong_id = bytes([ident[0] ^ 1, ident[1]])
    for said in (
        _answer(wrong_id, evil),
        _answer(ident, evil, flags=0x0100),
        _answer(ident, evil, flags=0x9180),
        _answer(ident, evil, question=b"\x04evil\x04test\x00\0\1\0\1"),
        _answer(ident, evil, question=NAME + b"\0\x1c\0\1"),
        _answer(ident, evil, question=NAME + b"\0\1\0\3"),
    ):
        stage.inject([udp_from(stage, 53, port, said)], 4)
    assert foreign is None or stage.count_of("dns_foreign") == foreign + 24
    stage.inject([udp_from(stage, 5353, port, _answer(ident, evil))], 4)
    assert strange is None or stage.count_of("udp_foreign") == strange + 4
    stage.send(udp_from(stage, 53, port, _answer(ident, _record(_pointer(12)))))
    stage.await_said("kyu.test is 1.2.3.4", start)
    _forget(stage)


def _endless_aliases(stage: Stage) -> None:
    port, ident, start = _ask_name(stage)
    round_trip = _alias(b"\x01b\x00") + _record(b"\x01b\x00", 5, _pointer(12))
    stage.send(udp_from(stage, 53, port, _answer(ident, round_trip, counts=(1, 2))))
    stage.await_said("too many aliases", start)
    port, ident, start = _ask_name(stage)
    others = _record(b"\x01x\x00") * 25
    stage.send(udp_from(stage, 53, port, _answer(ident, others, counts=(1, 25))))
    stage.await_said("no address", start)


def _dns_noise(stage: Stage) -> None:
    """Answers with every byte changed in turn: the right one is taken all the same, or the wrong
    one is an answer."""
    draw = random.Random(53)
    port, ident, start = _ask_name(stage)
    right = _answer(ident, _alias(b"\x01b\x00") + _record(b"\x01b\x00"), counts=(1, 2))
    said = []
    for at in range(12, len(right) - 4):
        noise = bytearray(right)
        noise[at] ^= draw.randrange(1, 256)
        noise[2:4] = b"\x00\x00"  # no answer by itself, so that all are read
        said.append(udp_from(stage, 53, port, bytes(noise)))
    stage.inject(said, 1)
    stage.send(udp_from(stage, 53, port, right))
    stage.await_said("kyu.test is 1.2.3.4", start)
    _forget(stage)


CASE_53 = Case(
    53,
    "DNS names",
    "stop within a fixed number of hops; drop",
    stories=(
        Story("that are none", _bad_answers, times=3, cuts=CUTS),
        Story("that go on for ever", _endless_aliases, times=3, cuts=CUTS),
        Story("noise", _dns_noise, times=3, cuts=(42, -1)),
    ),
)

CASE_54 = Case(
    54,
    "DNS answers of others",
    "another transaction, question, port: not believed",
    stories=(Story("forged", _foreign_answers, times=3, cuts=CUTS),),
)

CASES = (CASE_52, CASE_53, CASE_54)
