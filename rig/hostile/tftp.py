"""What TFTP servers answer: case 55."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

from kyusim.segment import IpPacket
from rig.hostile import frames as f
from rig.hostile.case import Case, Story
from rig.hostile.clients import CUTS, asked_of, udp_from
from rig.hostile.stage import MS, S, Stage

DATA, ERROR, OPTIONS = 3, 5, 6


def _data(block: int, data: bytes) -> bytes:
    return struct.pack("!HH", DATA, block & 0xFFFF) + data


def _ask_file(stage: Stage) -> tuple[int, int]:
    start = stage.type(f"tftp {stage.me.ip} file")
    port, question = asked_of(stage, 69)
    assert question.startswith(b"\0\1file\0octet\0")
    return port, start


def _answered(stage: Stage, from_port: int) -> list[bytes]:
    """The same where the board must say something, however busy its host is."""
    return _said_to(from_port, stage.hear_first(200 * MS))


def _acknowledged(stage: Stage, from_port: int, for_us: int = 5 * MS) -> list[bytes]:
    """What the board says to a port of ours."""
    return _said_to(from_port, stage.hear(for_us))


def _said_to(from_port: int, frames: Sequence[bytes]) -> list[bytes]:
    said = []
    for frame in frames:
        if frame[12:14] != b"\x08\x00":
            continue  # it asks for hosts that are not there
        packet = IpPacket.parse(frame[14:])
        if packet.protocol == f.UDP and packet.payload[2:4] == from_port.to_bytes(2, "big"):
            said.append(packet.payload[8:])
    return said


def _ignored(stage: Stage) -> int | None:
    malformed, twice = stage.count_of("tftp_malformed"), stage.count_of("tftp_duplicate")
    return None if malformed is None or twice is None else malformed + twice


def _strangers(stage: Stage) -> None:
    """A transfer of three blocks among everything that may not disturb it."""
    port, start = _ask_file(stage)
    text = random.Random(55).randbytes(512 * 2 + 100)
    noise = [
        b"", b"\0", b"\0\3", b"\0\3\0", b"\0\6\0", b"\0\1\0\1", b"\0\4\0\1", b"\0\0\0\0",
        b"\xff\xff\0\1", b"\0\2file\0octet\0", _data(7, b"far ahead"),
        _data(1, bytes(1468)),
    ]  # fmt: skip
    for number in (1, 2, 3):
        block = _data(number, text[512 * (number - 1) : 512 * number])
        before = _ignored(stage)
        stage.inject([udp_from(stage, 7000, port, each) for each in noise], 1)
        said = _acknowledged(stage, 7000)
        assert said == [], said
        assert before is None or _ignored(stage) == before + len(noise)
        stage.send(udp_from(stage, 7000, port, block))
        assert _answered(stage, 7000) == [struct.pack("!HH", 4, number)]
        if number == 3:
            break
        stage.send(udp_from(stage, 7001, port, _data(number + 1, b"from a stranger")))
        (told,) = _answered(stage, 7001)
        assert told[:4] == struct.pack("!HH", ERROR, 5), "RFC 1350 §4"
        stage.inject([udp_from(stage, 7000, port, block)], stage.often(50))  # sorcerer's apprentice
        assert _acknowledged(stage, 7000) == [], "nothing is said twice for what comes twice"
    said_ = stage.await_said("crc32", start)
    assert f"{len(text)} bytes, crc32 {zlib.crc32(text):08x}" in said_, said_
    stage.send(udp_from(stage, 7000, port, _data(3, text[1024:])))
    stage.hear(5 * MS)  # it has gone: an ICMP error


def _options_that_lie(stage: Stage) -> None:
    for options, refused in (
        (b"blksize\0001468", False), (b"blksize", False), (b"\0", False), (b"blksize\0", False),
        (b"blksize\0007\0", True), (b"blksize\0001469\0", True),
        (b"blksize\00099999999999\0", True),
        (b"blksize\000-1\0", True), (b"blksize\0\0", True), (b"window\0008\0", True),
        (b"tsize\00018446744073709551616\0", True), (b"tsize\00018446744073709551615\0", True),
    ):  # fmt: skip
        port, start = _ask_file(stage)
        stage.send(udp_from(stage, 7000, port, b"\0\6" + options))
        said = (_answered if refused else _acknowledged)(stage, 7000)
        assert [s[:2] for s in said] == ([b"\0\5"] if refused else []), options
        if not refused:
            stage.send(udp_from(stage, 7000, port, struct.pack("!HH", ERROR, 1) + b"gone\0"))
        stage.await_said("Kyu, ready> ", start + 20)


def _errors_without_end(stage: Stage) -> None:
    for text in (b"", b"x" * 1400, b"\xff" * 600, b"\x1b[2J\0", b"no end"):
        port, start = _ask_file(stage)
        stage.send(udp_from(stage, 7000, port, struct.pack("!HH", ERROR, 1) + text))
        said = stage.await_said("Kyu, ready> ", start + 20)
        assert "refused" in said, said
        assert "\x1b[2J" not in said
        assert len(said) < 400


def _block_wrap(stage: Stage) -> None:
    """A file of more than 65 535 blocks."""
    port, start = _ask_file(stage)
    stage.send(udp_from(stage, 7000, port, b"\0\6blksize\0008\0"))
    assert _answered(stage, 7000) == [b"\0\4\0\0"]
    frames = [udp_from(stage, 7000, port, _data(block, b"12345678")) for block in range(1, 65_540)]
    stage.inject(frames, 1, 20)
    stage.send(udp_from(stage, 7000, port, _data(65_540, b"end")))
    total = b"12345678" * 65_539 + b"end"
    said = stage.await_said("crc32", start)
    assert f"{len(total)} bytes, crc32 {zlib.crc32(total):08x}" in said, said
    stage.drop()


def _last_block_lost(stage: Stage) -> None:
    port, start = _ask_file(stage)
    stage.send(udp_from(stage, 7000, port, _data(1, bytes(512))))
    said = _acknowledged(stage, 7000, 20 * S)
    assert 4 <= len(said) <= 8, "asked for again, some times"
    assert set(said) == {b"\0\4\0\1"}
    stage.await_said("no answer", start)


TURNS = "65 536 questions and answers take the emulated board a minute"

CASE_55 = Case(
    55,
    "TFTP answers",
    "ignore, or ERROR 5 to a stranger; nothing is sent twice; no unbounded read",
    stories=(
        Story("among strangers", _strangers, times=3, cuts=CUTS[:-1]),
        Story("options that lie", _options_that_lie, times=2, cuts=CUTS),
        Story("errors without end", _errors_without_end, times=3, cuts=CUTS[:-1]),
        Story("more than 65 535 blocks", _block_wrap, times=0, cuts=(), busy=False, off_wire=TURNS),
        Story("the last block is lost", _last_block_lost, times=3, cuts=(42,), long=True),
    ),
)

CASES = (CASE_55,)
