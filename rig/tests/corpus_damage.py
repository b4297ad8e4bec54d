"""The corpus, third part: what becomes of a true log on its way.

Rules     every log is a real one (consoles/real-*.log), cut (corpus_cut.py), then damaged by
          hand.
          Chance comes from seeds: the same files every time.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

from rig.console.grammar import Frame, make_frame, parse
from rig.tests.corpus_case import NO_ALARM, Case, Told, raw
from rig.tests.corpus_cut import cut
from rig.tests.records import beats

HERE = Path(__file__).parent / "consoles"

PANIC = Told("panic", "planted_panic", "wang-0", "planted panic")
ABBA = Told(
    "deadlock",
    "take_both",
    "wang-0",
    "wang-0 waits for abba-b held by defect waits for abba-a held by wang-0",
)


def slim(name: str) -> list[str]:
    """A real log with few threads and events."""
    return cut((HERE / name).read_bytes().decode("ascii").split("\r\n")[:-1])


class Base:
    """A real log, and where in it things stand."""

    def __init__(self, name: str) -> None:
        self.lines = slim(name)

    @property
    def boot(self) -> list[str]:
        return self.lines[: self.at("Current thread")]

    @property
    def crash(self) -> list[str]:
        return self.lines[self.at("Current thread") :]

    def at(self, start: str, count: int = 0) -> int:
        return [n for n, line in enumerate(self.lines) if line.startswith(start)][count]


def garble(line: str) -> str:
    """One letter wrong: the checksum tells."""
    return line.replace("=", "#", 1)


def flipped(data: bytes, share: float, seed: int) -> bytes:
    """So many of the bytes have one bit wrong."""
    chance = random.Random(seed)
    return bytes(b ^ (1 << chance.randrange(8)) if chance.random() < share else b for b in data)


def sprinkled(data: bytes, junk: bytes, share: float, seed: int) -> bytes:
    """Junk between the bytes, so often."""
    chance = random.Random(seed)
    return b"".join(
        bytes([b]) + (bytes([chance.choice(junk)]) if chance.random() < share else b"")
        for b in data
    )


def noise(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


def torn(p: Base) -> list[Case]:
    n = p.at("@kyu crash-frame", 9)
    half = [*p.lines[:n], p.lines[n][:30]]
    reboot = [*half, "", *p.boot, *beats(3, start=1)]
    human = p.lines[: p.at("PANIC")]
    early = p.at("@kyu crash-frame", 2)
    lost = (early, early + 1, p.at("@kyu crash-pool"))
    drop = [line for i, line in enumerate(p.lines) if i not in lost]
    begin = p.at("@kyu crash-begin")
    return [
        Case("torn-in-a-frame.log", "the line stops in the middle of the record", raw(half)[:-2],
             (PANIC,), ("the record is torn: it has no end", "1 torn frame")),
        Case("torn-in-the-traceback.log", "the line stops before the reason: no alarm is proven",
             raw(human), (NO_ALARM,)),
        Case("torn-after-the-reason.log", "the reason is told, the record never begins",
             raw(p.lines[: begin]), (PANIC,), ("there is no crash record",)),
        Case("reboot-in-the-record.log", "the board restarts while it tells its crash", raw(reboot),
             (PANIC, NO_ALARM), ("boot 1 of 2: FAILED (panic)", "boot 2 of 2: no alarm")),
        Case("begins-in-the-record.log", "the beginning of the log is lost", raw(p.lines[early:]),
             (Told("panic", "planted_panic", "wang-0", "the line that tells why is lost"),),
             ("the begin of the record is missing",)),
        Case("lines-missing.log", "three lines of the record never came", raw(drop), (PANIC,),
             ("the record is damaged", "37 of its 40", "missing: frame 2, 3 of net; 1 of which")),
        Case("record-without-end.log", "the end of the record is lost, the log goes on",
             raw([*p.lines[:-1], *beats(2, start=9)]), (PANIC,), ("the record is torn",)),
        Case("record-alone.log", "the lines for people are lost", raw(p.lines[begin:]), (PANIC,),
             ("the record is whole", "build 58dd9275a492,")),
    ]  # fmt: skip


def checksums(p: Base) -> list[Case]:
    def with_bad(*numbers: int) -> bytes:
        return raw([garble(x) if n in numbers else x for n, x in enumerate(p.lines)])

    three = (p.at("@kyu crash-frame", 3), p.at("@kyu crash-frame", 4), p.at("@kyu crash-pool"))
    return [
        Case("three-bad-checksums.log", "three lines are garbled, the rest is used",
             with_bad(*three), (PANIC,),
             ("3 frames with a wrong checksum (claiming to be: crash-frame 2, crash-pool 1)",
              "the record is damaged")),
        Case("bad-begin.log", "the first line of the record is garbled",
             with_bad(p.at("@kyu crash-begin")), (PANIC,),
             ("1 frame with a wrong checksum (claiming to be: crash-begin 1)",)),
        Case("bad-end.log", "the last line of the record is garbled",
             with_bad(p.at("@kyu crash-end")), (PANIC,), ("the record is torn",)),
        Case("bad-boot.log", "the boot line is garbled", with_bad(0), (PANIC,),
             ("(claiming to be: boot 1)",)),
        Case("every-checksum-bad.log", "no frame can be believed: what was printed for people can",
             raw([garble(x) if x.startswith("@kyu") else x for x in p.lines]), (PANIC,),
             ("there is no crash record", "with a wrong checksum")),
    ]  # fmt: skip


def interleaved(p: Base) -> list[Case]:
    hb = make_frame("hb", seq=77, up_ms=7000, transfers=4)
    n, human = p.at("@kyu crash-frame", 6), p.at("Called from", 2)
    mid = p.lines[n]

    def put(at: int, *lines: str) -> bytes:
        return raw([*p.lines[:at], *lines, *p.lines[at + 1 :]])

    called = p.lines[human]
    every = [part for x in p.lines for part in (*([hb] if "crash" in x else []), x)]
    return [
        Case("heartbeats-in-the-record.log", "another thread prints whole lines between",
             raw(every), (PANIC,), ("the record is whole",)),
        Case("frame-in-a-frame.log", "a heartbeat is printed into a line of the record",
             put(n, mid[:31] + hb, mid[31:]), (PANIC,), ("the record is whole",)),
        Case("frame-in-a-frame-one-line.log", "the same, without a line end of its own",
             put(n, mid[:31] + hb + mid[31:]), (PANIC,), ("the record is whole",)),
        Case("frame-in-the-traceback.log", "a heartbeat is printed into the traceback",
             put(human, called[:9] + hb, called[9:]), (PANIC,),
             ("Wangdoodle::big_wangdoodle+98",)),
        Case("frame-behind-text.log", "frames begin in the middle of a line",
             raw(["said by a thread: " + x if "crash-pool" in x else x for x in p.lines]), (PANIC,),
             ("the record is whole", "pools with room: mbufs")),
        Case("two-frames-in-a-line.log", "line ends between frames are lost",
             raw(p.lines).replace(b"\r\n@kyu crash-event", b"@kyu crash-event"), (PANIC,),
             ("the record is whole", "last events")),
    ]  # fmt: skip


def disturbed(p: Base) -> list[Case]:
    whole = raw(p.lines)
    lf = whole.replace(b"\r\n", b"\n")
    ansi = whole.replace(b"\r\n", b"\x1b[K\r\n").replace(b"@kyu", b"\x1b[0;32m@kyu")
    return [
        Case("lf-only.log", "lines end in LF", lf, (PANIC,), ("the record is whole",)),
        Case("cr-only.log", "lines end in CR", whole.replace(b"\n", b""), (PANIC,),
             ("the record is whole",)),
        Case("cr-cr-lf.log", "lines end in CR CR LF", whole.replace(b"\r", b"\r\r"), (PANIC,),
             ("the record is whole",)),
        Case("lf-cr.log", "lines end in LF CR", whole.replace(b"\r\n", b"\n\r"), (PANIC,),
             ("the record is whole",)),
        Case("ansi.log", "a terminal has coloured it", ansi, (PANIC,), ("the record is whole",)),
        Case("nuls.log", "NUL bytes between", sprinkled(whole, b"\0", 0.05, 1), (PANIC,),
             ("the record is whole",)),
        Case("bytes-beyond-ascii.log", "bytes that the board never sends",
             sprinkled(whole, bytes(range(0x80, 0x100)), 0.01, 2), (PANIC,),
             ("the record is whole",)),
        Case("light-noise.log", "one byte of two thousand has a bit wrong",
             flipped(whole, 0.0005, 3), (PANIC,), ("with a wrong checksum", "the record is")),
        Case("heavy-noise.log", "one byte of a hundred has a bit wrong", flipped(whole, 0.01, 4),
             (Told("panic", "planted_panic", "wang-0", ""),), ("with a wrong checksum",)),
        Case("junk-about.log", "binary junk before and behind",
             noise(3000, 6) + b"\r\n" + whole + noise(3000, 7), (PANIC,), ("the record is whole",)),
        Case("junk-between.log", "binary junk between the lines",
             b"".join(x + b"\n" + noise(20, n) + b"\n" for n, x in enumerate(lf.split(b"\n"))),
             (PANIC,), ("the record is whole",)),
        Case("long-line-before-a-frame.log", "thousands of bytes without an end, then the record",
             raw(p.boot) + b"x" * 9001 + raw(p.lines[p.at("@kyu crash-begin"):]), (PANIC,),
             ("the record is whole",)),
        Case("empty-lines.log", "many empty lines between", whole.replace(b"\r\n", b"\r\n" * 20),
             (PANIC,), ("the record is whole",)),
        Case("packed.log.gz", "gzip", gzip.compress(whole, mtime=0), (PANIC,),
             ("the record is whole",)),
        Case("nothing.log", "no board has said any of this",
             noise(2000, 8).replace(b"P", b"p") + b"\n" * 500 + b"\0" * 500, (Told("rig"),),
             ("nothing in it was said by a board",)),
        Case("prompts.log", "nothing but prompts and what somebody typed",
             b"Kyu, ready> help\r\n" * 40, (Told("rig"),)),
    ]  # fmt: skip


def other_versions(p: Base) -> list[Case]:
    def changed(change: Callable[[str, dict[str, str]], str]) -> bytes:
        lines = []
        for line in p.lines:
            frame = parse(line)
            lines.append(change(line, dict(frame.fields)) if isinstance(frame, Frame) else line)
        return raw(lines)

    def version_2(line: str, fields: dict[str, str]) -> str:
        if "crash-begin" not in line:
            return line
        return make_frame("crash-begin", **(fields | {"v": "2", "mood": "sad"}))

    def newer(line: str, fields: dict[str, str]) -> str:
        if "crash-lock" in line or "crash-thread" in line:
            return make_frame(line.split()[1], **(fields | {"order": "7"}))
        return line

    extra = [*p.lines[:-1], make_frame("crash-cache", lines=3)]
    count = sum("@kyu crash-" in line for line in extra)
    extra.append(make_frame("crash-end", lines=count))
    return [
        Case("record-v2.log", "a record of a version that is not known here", changed(version_2),
             (PANIC,), ("the record is of version 2, this reader knows 1",)),
        Case("unknown-keys.log", "keys that are not known here are ignored", changed(newer),
             (PANIC,), ("the record is whole",)),
        Case("unknown-kinds.log", "kinds that are not known here are ignored", raw(extra), (PANIC,),
             ("the record is whole",)),
    ]  # fmt: skip


def many_boots(p: Base, a: Base) -> list[Case]:
    well = [*p.boot, *beats(3, start=1)]
    lost = [line for line in p.lines if "@kyu boot" not in line]
    return [
        Case("two-crashes.log", "two boots, each with a crash of its own",
             raw([*p.lines, "", *a.lines]), (PANIC, ABBA),
             ("2 boots, 2 of them ended badly: panic 1, deadlock 1",)),
        Case("crash-in-the-second-of-three.log", "well, then a crash, then well again",
             raw([*well, *p.lines, *well]), (Told("reset"), PANIC, NO_ALARM),
             ("boot 2 of 3: FAILED (panic)", "does not tell a restart from a power cycle")),
        Case("two-records-one-boot.log", "the boot line between two crashes is lost",
             raw([*p.lines, *a.crash]), (PANIC, ABBA), ("boot 2 of 2: FAILED (deadlock)",)),
        Case("two-records-alone.log", "only the lines for programs are there, of two crashes",
             raw([x for x in [*p.crash, *a.crash] if x.startswith("@kyu")]), (PANIC, ABBA)),
        Case("the-same-record-twice.log", "a capture tool wrote the record twice",
             raw([*p.lines, *p.crash]), (PANIC, PANIC)),
        Case("boot-line-lost.log", "a restart that is told by `ready` alone",
             raw([*well, *lost]), (Told("reset"), PANIC), ("boot 2 of 2: FAILED (panic)",)),
        Case("time-runs-back.log", "a restart that is told by the heartbeats alone",
             raw([*p.boot, *beats(3, start=50), *beats(3)]), (Told("reset"), NO_ALARM)),
        Case("forty-boots.log", "more boots than are told: they are counted",
             raw(p.boot * 39 + p.lines), (*[Told("reset")] * 19, PANIC),
             ("… 20 boots left out: 20 reset", "boot 40 of 40: FAILED (panic)")),
    ]  # fmt: skip


def cases() -> list[Case]:
    panic, abba = Base("real-panic.log"), Base("real-abba.log")
    return [
        *torn(panic),
        *checksums(panic),
        *interleaved(panic),
        *disturbed(panic),
        *other_versions(panic),
        *many_boots(panic, abba),
    ]
