"""The corpus, third part: a boot that finds the crash of an earlier one, and repeats it."""

from __future__ import annotations

from dataclasses import replace

from rig.console.grammar import LAST_CRASH
from rig.tests import corpus_defects
from rig.tests.corpus_case import NO_ALARM, Case, Told, raw
from rig.tests.records import OTHER_BUILD, Crash, beats, boot

FIRST, *REST = boot()


def found(*kept: str) -> list[str]:
    """A boot that finds these lines: they come behind its boot line."""
    return [FIRST, *kept, *REST]


def cases() -> list[Case]:
    crash = Crash()
    kept = crash.kept()
    record_at = kept.index(LAST_CRASH + crash.record()[0])
    torn = crash.lines()[: -len(crash.record()) + 6]
    hang = next(c for c in corpus_defects.hangs() if c.name == "lost-wakeup.log")
    hung = replace(
        crash,
        kind="hang",
        reason="nothing made progress for 5 s",
        thread="watchdog",
        func="Watchdog::bark",
        frames=((0x4002_E010, "Watchdog::bark+40"),),
    )
    own = replace(crash, reason="another panic", up_ms=777)
    other = replace(crash, build=OTHER_BUILD)
    silent = [*boot(), *beats(3)]
    panic = Told("panic", crash.func, "wang-0", crash.reason)
    after = "; found after its restart"
    damaged = [line.replace("last crash: @", "lXst crXsh: @") for line in kept]
    assert hang.boots[0].cause == "hang"
    return [
        Case("last-crash.log", "the first boot of the log finds one: it is not a crash of its own",
             raw([*found(*kept), *beats(3)]), (NO_ALARM,),
             ("last crash: of an earlier boot", "panic in planted_panic", "the record is whole")),
        Case("last-crash-names-the-restart.log", "a silent board restarts, and says why it died",
             raw([*silent, *found(*kept), *beats(2)]),
             (Told("panic", crash.func, "", crash.reason + after), NO_ALARM),
             ("boot 1 of 2: FAILED (panic)", "last crash: of this boot, found by the next one",
              "it is the crash that is told above")),
        Case("last-crash-hang.log", "the board's own watchdog had ended it",
             raw([*silent, *found(*hung.kept()), *beats(2)]),
             (Told("hang", "Watchdog::bark", "", hung.reason + after), NO_ALARM),
             ("boot 1 of 2: FAILED (hang)",)),
        Case("last-crash-told-already.log", "the next boot repeats what stands above",
             raw([*boot(), *beats(2), *crash.lines(), *found(*kept), *beats(2)]),
             (panic, NO_ALARM), ("it is the crash that is told above",)),
        Case("last-crash-mends-a-torn-record.log", "the record is torn, its copy is whole",
             raw([*boot(), *beats(2), *torn, *found(*kept), *beats(2)]), (panic, NO_ALARM),
             ("the record is torn", "and here the record is whole")),
        Case("last-crash-is-stale.log", "found by both boots: no reason of the second restart",
             raw([*found(*kept), *beats(2), *found(*kept), *beats(2)]), (Told("reset"), NO_ALARM),
             ("the board restarted by itself",)),
        Case("last-crash-cut.log", "the board had no room for all of it",
             raw([*found(*crash.kept(cut=True)), *beats(2)]), (NO_ALARM,),
             ("the board kept only the part that had room", "the record is torn")),
        Case("last-crash-lines-missing.log", "five lines of the copy never came",
             raw([*found(*kept[:14], *kept[19:]), *beats(2)]), (NO_ALARM,),
             ("5 of its", "lines are missing here", "the record is damaged")),
        Case("last-crash-prefix-damaged.log", "its prefix is garbled: it is no crash of this boot",
             raw([*found(*damaged), *beats(2)]), (NO_ALARM,), ("last crash: of an earlier boot",)),
        Case("last-crash-announcement-lost.log", "the frame that announces it is lost",
             raw([*found(*kept[1:]), *beats(2)]), (NO_ALARM,),
             ("the frame that announces it is missing", "panic in planted_panic")),
        Case("last-crash-and-one-of-its-own.log", "this boot finds a crash, and then has one",
             raw([*found(*kept), *beats(2), *own.lines()]),
             (Told("panic", own.func, "wang-0", own.reason),),
             ("another panic", "last crash: of an earlier boot", "planted panic")),
        Case("last-crash-of-another-build.log", "the image was changed in between",
             raw([*found(*other.kept()), *beats(2)]), (NO_ALARM,), ("last crash:",)),
        Case("last-crash-interleaved.log", "a heartbeat is printed into the copy",
             raw([*found(*kept[:record_at], kept[record_at][:60] + beats(1)[0],
                         kept[record_at][60:], *kept[record_at + 1:]), *beats(2)]), (NO_ALARM,),
             ("the record is whole",)),
    ]  # fmt: skip
