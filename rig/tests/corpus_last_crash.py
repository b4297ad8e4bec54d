"""The corpus, fourth part: a boot that finds the crash of an earlier one, and repeats it.

Rules     what was found is real: the boots of consoles/real-last-crash.log.gz and of
          real-last-crash-hang.log, cut, put together anew and damaged by hand. Crashes of another
          build, and a second one in the same night, are made by hand (records.py).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable

from rig.console.grammar import LAST_CRASH, Frame, make_frame, parse
from rig.tests.corpus_capture import HERE
from rig.tests.corpus_case import NO_ALARM, Case, Told, raw
from rig.tests.corpus_cut import cut
from rig.tests.records import OTHER_BUILD, Crash, beats


class Night:
    """Three boots of a real board: it died, it told why, and then there was nothing to tell."""

    def __init__(self, name: str, unpack: Callable[[bytes], bytes] = bytes) -> None:
        log = unpack((HERE / name).read_bytes()).decode("ascii")
        lines = cut(log.split("\r\n")[:-1])
        starts = [at for at, line in enumerate(lines) if line.startswith("@kyu boot ")]
        first, second, third = starts
        self.died = lines[first:second]
        self.told = lines[second:third]
        self.silent = lines[third:]

    @property
    def kept(self) -> list[str]:
        """What the board had kept of it, as the next boot prints it."""
        return [line for line in self.told if _of_last_crash(line)]

    def finds(self, *kept: str) -> list[str]:
        """A boot that finds these lines: they come behind its boot line."""
        boot, *rest = (line for line in self.told if not _of_last_crash(line))
        return [boot, *kept, *rest]


def _of_last_crash(line: str) -> bool:
    frame = parse(line)
    announces = isinstance(frame, Frame) and frame.kind == "last-crash"
    return announces or line.startswith(LAST_CRASH)


def cases() -> list[Case]:
    night = Night("real-last-crash.log.gz", gzip.decompress)
    hung = Night("real-last-crash-hang.log")
    return [*_restarts(night, hung), *_damaged(night), *_others(night)]


DIED = Told("panic", "planted_panic", "wang-0", "planted panic")
AFTER = "; found after its restart"


def _restarts(night: Night, hung: Night) -> list[Case]:
    found, silent = night.finds(*night.kept), night.silent
    begin = next(at for at, line in enumerate(night.died) if "@kyu crash-begin" in line)
    torn = night.died[: begin + 6]
    return [
        Case("last-crash.log", "the first boot of the log finds one: it is not a crash of its own",
             raw(found), (NO_ALARM,),
             ("last crash: of an earlier boot", "panic in planted_panic", "the record is whole")),
        Case("last-crash-names-the-restart.log", "a silent board restarts, and says why it died",
             raw([*silent, *found]),
             (Told("panic", "planted_panic", "", f"planted panic{AFTER}"), NO_ALARM),
             ("boot 1 of 2: FAILED (panic)", "last crash: of this boot, found by the next one",
              "it is the crash that is told above")),
        Case("last-crash-hang.log", "a silent board restarts: its own watchdog had ended it",
             raw([*hung.silent, *hung.finds(*hung.kept)]),
             (Told("hang", "spin_with_interrupts_off", "",
                   f"defect keeps interrupts off for 1000 ms{AFTER}"), NO_ALARM),
             ("boot 1 of 2: FAILED (hang)",)),
        Case("last-crash-mends-a-torn-record.log", "the record is torn, its copy is whole",
             raw([*torn, *found]), (DIED, NO_ALARM),
             ("the record is torn", "and here the record is whole")),
        Case("last-crash-is-stale.log", "found by both boots: no reason of the second restart",
             raw([*found, *found]), (Told("reset"), NO_ALARM),
             ("the board restarted by itself",)),
    ]  # fmt: skip


def _damaged(night: Night) -> list[Case]:
    announced, *kept = night.kept
    half = kept[: len(kept) // 2]
    cut_short = [make_frame("last-crash", v=1, lines=len(half), cut=1, damaged=0), *half]
    damaged = [line.replace("last crash: @", "lXst crXsh: @") for line in night.kept]
    at = next(n for n, line in enumerate(kept) if "@kyu crash-begin" in line)
    hb = beats(1)[0]
    return [
        Case("last-crash-cut.log", "the board had no room for all of it",
             raw(night.finds(*cut_short)), (NO_ALARM,),
             ("the board kept only the part that had room", "the record is torn")),
        Case("last-crash-lines-missing.log", "five lines of the copy never came",
             raw(night.finds(announced, *kept[:13], *kept[18:])), (NO_ALARM,),
             ("5 of its", "lines are missing here", "the record is damaged")),
        Case("last-crash-prefix-damaged.log", "its prefix is garbled: it is no crash of this boot",
             raw(night.finds(*damaged)), (NO_ALARM,), ("last crash: of an earlier boot",)),
        Case("last-crash-announcement-lost.log", "the frame that announces it is lost",
             raw(night.finds(*kept)), (NO_ALARM,),
             ("the frame that announces it is missing", "panic in planted_panic")),
        Case("last-crash-interleaved.log", "a heartbeat is printed into the copy",
             raw(night.finds(announced, *kept[:at], kept[at][:60] + hb, kept[at][60:],
                             *kept[at + 1 :])), (NO_ALARM,), ("the record is whole",)),
    ]  # fmt: skip


def _others(night: Night) -> list[Case]:
    own = Crash(reason="another panic", up_ms=777)
    other = Crash(build=OTHER_BUILD)
    return [
        Case("last-crash-and-one-of-its-own.log", "this boot finds a crash, and then has one",
             raw([*night.finds(*night.kept), *own.lines()]),
             (Told("panic", own.func, "wang-0", own.reason),),
             ("another panic", "last crash: of an earlier boot", "planted panic")),
        Case("last-crash-of-another-build.log", "the image was changed in between",
             raw(night.finds(*other.kept())), (NO_ALARM,), ("last crash:",)),
    ]  # fmt: skip
