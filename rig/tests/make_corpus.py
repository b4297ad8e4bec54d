"""Writes the golden console corpus, consoles/: each log, and beside it what it must be told as.

Run by hand after a change of the contract or of the text: python -m rig.tests.make_corpus

Rules     what a log must be told as is decided by people, in the tables of cases: running this
          never changes it. Only the text below the line is what the program says today; read the
          difference before you keep it.
          Logs named real-* were kept from the real image on the emulated board, not made here
          (corpus_capture.py); the tables say of each whether it is whole, cut or a history.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rig.console.grammar import PROMPT, make_frame
from rig.console.symbols import Symbols
from rig.explain import load
from rig.explain_text import render
from rig.tests import corpus_damage, corpus_defects, corpus_last_crash, corpus_made
from rig.tests.corpus_case import NO_ALARM, Case, Told, raw
from rig.tests.fake import crash_lines

HERE = Path(__file__).parent / "consoles"


def healthy(heartbeats: int = 3) -> list[str]:
    lines = [
        make_frame("boot", v=1, build="abc123", image="release", cpu_hz_timer=62500000),
        "Kyu on Orange Pi PC",
        make_frame(
            "net",
            ip="192.168.0.73",
            mask=24,
            gw="192.168.0.1",
            mac="52:54:00:4b:59:55",
            source="args",
        ),
        make_frame("ready", services="wangdoodle:114 doney:115", up_ms=41),
        PROMPT,
    ]
    for seq in range(1, heartbeats + 1):
        lines.append(
            make_frame(
                "hb",
                seq=seq,
                up_ms=seq * 1000,
                transfers=seq * 9,
                threads=12,
                mbufs="3/512",
                clusters="3/256",
                sockets="2/64",
            )
        )
    return lines


def deadlock() -> list[str]:
    record = [
        make_frame(
            "crash-begin",
            v=1,
            build="abc123",
            up_ms=5000,
            kind="deadlock",
            reason="a ring of two",
            thread="abba-1",
            func="lock_second",
        ),
        make_frame(
            "crash-thread",
            id=7,
            name="abba-1",
            prio=20,
            state="blocked",
            waits="mutex b",
            stack="0x40100000-0x40102000",
            used=300,
        ),
        make_frame(
            "crash-thread",
            id=8,
            name="abba-2",
            prio=20,
            state="blocked",
            waits="mutex a",
            stack="0x40102000-0x40104000",
            used=300,
        ),
        make_frame("crash-lock", name="a", owner="abba-1", taken="0x40010000", waiters="abba-2"),
        make_frame("crash-lock", name="b", owner="abba-2", taken="0x40010040", waiters="abba-1"),
    ]
    return [*record, make_frame("crash-end", lines=len(record))]


def fault() -> list[str]:
    return [
        "FAULT: data abort at 4002ceac, address 00000010, status 00000805",
        *crash_lines("fault", "tcp_input", "data abort"),
    ]


CRASH = crash_lines()
M_COPYM = Told("panic", "m_copym", "wang-3", "m_copym 3")


def small() -> list[Case]:
    """The shortest logs that hold what they are to show."""
    check = crash_lines("check", "sbdrop", "cc >= len")
    data_abort = Told("fault", "tcp_input", "wang-3", "data abort")
    ring = Told("deadlock", "lock_second", "abba-1", "a ring of two")
    torn = [CRASH[5].replace("m_copym", "m_copyn", 1), *CRASH[:5]]
    return [
        Case("healthy.log", "a board that is well", raw(healthy()), (NO_ALARM,)),
        Case("panic.log", "a panic", raw([*healthy(), *CRASH]), (M_COPYM,), ("tcp_output+8fc",)),
        Case("check.log", "a CHECK that failed", raw([*healthy(), *check]),
             (Told("panic", "sbdrop", "wang-3", "cc >= len"),)),
        Case("fault.log", "a data abort", raw([*healthy(), *fault()]), (data_abort,)),
        Case("deadlock.log", "a ring of two", raw([*healthy(), *deadlock()]), (ring,),
             ("abba-2 waits for a, held by abba-1, which waits for b, held by abba-2",)),
        Case("cut-record.log", "a record that stops", raw([*healthy(), *CRASH[:8]]), (M_COPYM,),
             ("the crash record is incomplete",)),
        Case("bad-checksum.log", "a record of which nothing can be believed",
             raw([*healthy(), *torn]), (M_COPYM,), ("1 frame with a wrong checksum",)),
        Case("restart.log", "two boots without a word why", raw([*healthy(), *healthy()]),
             (Told("reset"), NO_ALARM), ("the board restarted by itself",)),
    ]  # fmt: skip


def all_cases() -> list[Case]:
    return [
        *corpus_defects.cases(),
        *_of("made by hand", [*small(), *corpus_made.cases()]),
        *_of("real, damaged by hand", corpus_damage.cases()),
        *_of("real, put together by hand", corpus_last_crash.cases()),
    ]


def _of(source: str, cases: list[Case]) -> list[Case]:
    """Each golden says where its log is from."""
    return [replace(case, about=f"{case.about} ({source})") for case in cases]


def text_of(path: Path) -> str:
    """What kyu explain says of it, without an image: the same on every machine."""
    return render(load(path), lambda _build: Symbols(None))


def golden(case: Case, text: str) -> str:
    """The file beside the log."""
    head = [case.about, *map(str, case.boots), *(f"says: {words}" for words in case.says)]
    return "\n".join([*head, "-" * 72, text, ""])


def main() -> None:
    for case in all_cases():
        path = HERE / case.name
        if not case.name.startswith(("real-", "mission")):
            path.write_bytes(case.log)
        (HERE / f"{case.name}.txt").write_text(golden(case, text_of(path)), encoding="utf-8")


if __name__ == "__main__":
    main()
