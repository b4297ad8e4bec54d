"""Writes the hand-made logs of consoles/, in the exact form of docs/console.md.

Run by hand after a change of the contract: python -m rig.tests.make_corpus
"""

from __future__ import annotations

from pathlib import Path

from rig.console.grammar import PROMPT, make_frame
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
CORPUS = {
    "healthy.log": healthy(),
    "panic.log": [*healthy(), *CRASH],
    "check.log": [*healthy(), *crash_lines("check", "sbdrop", "cc >= len")],
    "fault.log": [*healthy(), *fault()],
    "deadlock.log": [*healthy(), *deadlock()],
    "cut-record.log": [*healthy(), *CRASH[:8]],
    "bad-checksum.log": [*healthy(), CRASH[5].replace("m_copym", "m_copyn", 1), *CRASH[:5]],
    "restart.log": [*healthy(), *healthy()],
}


def main() -> None:
    for name, lines in CORPUS.items():
        text = "".join(line if line == PROMPT else line + "\r\n" for line in lines)
        (HERE / name).write_bytes(text.encode("latin-1"))


if __name__ == "__main__":
    main()
