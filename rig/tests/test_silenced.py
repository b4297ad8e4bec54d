"""Whose words are missed, and which handler it was: what a record says of the culprit itself."""

from __future__ import annotations

from types import MappingProxyType

from rig.console.crash import CrashRecord
from rig.console.grammar import Frame
from rig.inspect.findings import Odd, silenced


def line(kind: str, /, **fields: str) -> Frame:
    return Frame(kind, MappingProxyType(fields))


def halted(function: str, queued: str = "27", writer: str = "heartbeat") -> CrashRecord:
    begin = line("crash-begin", kind="hang", func=function, reason="halted", thread="idle")
    frames = (
        line("crash-thread", id="1", name="idle", state="running"),
        line("crash-frame", thread="1", n="0", pc="0x40001000", sym="port::wait_for_interrupt+0"),
        line("crash-thread", id="2", name="heartbeat", state="waiting", waits="sleep"),
        line("crash-frame", thread="2", n="0", pc="0x40002000", sym="Kernel::block+c4"),
        line("crash-frame", thread="2", n="1", pc="0x40003000", sym="Heartbeat::run+5c"),
        line("crash-console", queued=queued, writer=writer),
    )
    return CrashRecord(begin=begin, frames=frames, end=line("crash-end", lines="7"))


IDLE = "kyu::port::wait_for_interrupt"


def test_an_idle_board_with_words_unsent_is_told_by_who_wrote_last() -> None:
    assert silenced(halted(IDLE)) == Odd("heartbeat", "wrote last", "Heartbeat::run", 0x4000_3000)


def test_a_board_that_is_busy_has_another_culprit() -> None:
    assert silenced(halted("kyu::defects::spin_with_everything_off")) is None


def test_nothing_unsent_or_a_writer_that_is_gone_names_nobody() -> None:
    assert silenced(halted(IDLE, queued="0")) is None
    assert silenced(halted(IDLE, writer="-")) is None
    assert silenced(halted(IDLE, writer="wang-9")) is None


def stormy(served_by: str) -> CrashRecord:
    reason = f"interrupt storm: number 8, served by {served_by}, comes without end"
    begin = line("crash-begin", kind="hang", func="on_interrupt", reason=reason, thread="wang-0")
    return CrashRecord(begin=begin, frames=(), end=line("crash-end", lines="1"))


def test_a_storm_is_laid_to_its_handler_not_to_the_place_that_it_struck() -> None:
    record = stormy("ask_again -- 4000abcc")
    assert (record.function, record.storm) == ("ask_again", ("ask_again", 0x4000_ABCC))
    assert stormy("ask_again").storm == ("ask_again", 0)
    assert stormy("").storm is None
