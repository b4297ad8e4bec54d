"""What a crash record is told as, where no log of the corpus shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.console.crash import NO_CRASH, CrashRecord, add
from rig.console.grammar import Frame, is_irq_entry, make_frame, parse
from rig.console.symbols import Symbols
from rig.crash_hints import hints
from rig.crash_text import event_lines, lock_lines, memory_lines, thread_lines, traceback_lines
from rig.tests.records import BOTTOM, WANG, Crash, Lock, Thread, events

NONE = Symbols(None)


def of(lines: list[str]) -> CrashRecord:
    record = NO_CRASH
    for line in lines:
        record = add(record, parse(line))
    return record


# Hints


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x80F, "a write to 50000000, which may not be written"),
        (0x80D, "a write to 50000000, which may not be written"),
        (0x00F, "a read of 50000000, which may not be read"),
    ],
)
def test_a_fault_of_permission_says_what_is_forbidden(status: int, words: str) -> None:
    crash = Crash(kind="fault", fault=("data-abort", 0x5000_0000, status))
    assert hints(of(crash.lines())) == [words]


def test_only_an_address_between_places_of_the_program_is_called_its_code() -> None:
    inside = Crash(kind="fault", fault=("data-abort", WANG[0][0] + 64, 0x80F))
    assert hints(of(inside.lines()))[0].endswith("it is among the program's own code")


def test_a_jump_says_whether_there_was_memory_that_may_not_be_run() -> None:
    frames = ((0x5000_0000, "?+0"), *WANG)
    for status, words in ((0x00F, "which may not be run"), (0x005, "where there is no code")):
        crash = Crash(kind="fault", frames=frames, fault=("prefetch-abort", 0x5000_0000, status))
        (hint,) = hints(of(crash.lines()))
        assert hint.startswith("a wild call or return: the processor was sent to 50000000, ")
        assert words in hint


def test_a_refused_sleep_names_the_lock_that_would_stay_held() -> None:
    reason = "wang-0 sleeps in condition news while it holds mutex net"
    crash = Crash(kind="deadlock", reason=reason, locks=(Lock("net", "wang-0"),))
    (hint,) = hints(of(crash.lines()))
    assert hint.startswith("wang-0 would wait for condition news and keep net all the while")


def test_a_refused_sleep_names_who_is_kept_out() -> None:
    reason = "wang-0 sleeps in condition news while it holds mutex net"
    crash = Crash(kind="deadlock", reason=reason, locks=(Lock("net", "wang-0", "wang-1"),))
    (hint,) = hints(of(crash.lines()))
    assert hint.startswith("wang-0 holds net while it waits for condition news; wang-1 cannot get")


def test_an_overflow_in_the_middle_of_a_deep_stack_is_blamed_on_nothing() -> None:
    current = Thread(5, "wang-0", "running", used=15000)
    crash = Crash(kind="fault", fault=("data-abort", current.low - 8, 0x807), current=current)
    (hint,) = hints(of(crash.lines()))
    assert hint == "stack overflow: the address lies 8 bytes below the stack of wang-0"


HANDLER = (
    (0x4001_0D80, "spin+8"),
    (0x4003_6F60, "kyu_handle_irq+24"),
    (0x4000_82A4, "irq_vector+24"),
)


def test_a_hang_tells_a_handler_from_a_thread_that_the_watchdog_interrupted() -> None:
    hang = Crash(kind="hang", reason="some reason", irq=True)
    (thread,) = hints(of(hang.lines()))
    assert thread == (
        "wang-0 stays in planted_panic and lets nothing less urgent run: #0 is where the watchdog"
        " struck"
    )
    (handler,) = hints(of(replace(hang, frames=(*HANDLER, *WANG)).lines()))
    assert handler == "an interrupt handler keeps the processor; it had interrupted wang-0"
    (off,) = hints(of(replace(hang, irq=False).lines()))
    assert "with interrupts off" in off


def test_no_watchdog_is_said_to_have_struck_a_board_that_was_halted_from_outside() -> None:
    begin, *rest = Crash(kind="hang", reason="some reason", up_ms=9000).record()
    parsed = parse(begin)
    assert isinstance(parsed, Frame)
    outside = make_frame("crash-begin", **parsed.fields, halted=1, **{"from": "outside"})
    record = of([outside, *rest])
    assert record.halted
    assert hints(record) == []
    assert "the crash" not in event_lines(record)[-1]


def test_the_way_into_a_handler_is_known_by_its_name_alone() -> None:
    assert is_irq_entry("irq_vector")
    assert is_irq_entry("kyu_handle_irq")
    assert not is_irq_entry("irq_vector_table_size")
    assert not is_irq_entry("Gic::irq")


# The traceback


def test_calls_that_repeat_are_told_once_and_those_behind_them_still_stand() -> None:
    again = ((0x4001_1C40, "descend+24"),) * 9
    lines = traceback_lines(of(Crash(frames=(*again, *WANG, *BOTTOM)).lines()), NONE)
    assert lines[0].split() == ["#0", "40011c40", "descend+24"]
    assert lines[1] == "  … to #8: the same call, 9 times in a row"
    assert lines[2].split() == ["#9", "4000df44", "Wangdoodle::big_wangdoodle+98"]


def test_three_equal_calls_are_shown_as_they_are() -> None:
    again = ((0x4001_1C40, "descend+24"),) * 3
    assert len(traceback_lines(of(Crash(frames=(*again, *WANG)).lines()), NONE)) == 3 + len(WANG)


def test_what_a_torn_record_lacks_of_the_traceback_was_printed_for_people() -> None:
    crash = Crash()
    lines = crash.lines()
    first = next(n for n, line in enumerate(lines) if 'sym="planted_panic+14"' in line)
    assert of(lines[: first + 1]).backtrace() == crash.frames


def test_a_printed_traceback_that_contradicts_the_record_fills_no_gap() -> None:
    crash = Crash()
    lines = [line for line in crash.lines() if not line.startswith("Called from planted_panic")]
    second = next(n for n, line in enumerate(lines) if 'sym="Planted::act+2ec"' in line)
    assert of(lines[: second + 1]).backtrace() == crash.frames[:2]


def test_a_place_without_a_name_is_never_what_a_thread_is_in() -> None:
    crash = Crash(frames=((0, "?+0"), (0x4001_1C00, "call_null+10"), *WANG))
    assert "  wang-0: running, in call_null" in thread_lines(of(crash.lines()), NONE)


# Locks, memory, events


class OneLine(Symbols):
    def source(self, return_address: int) -> str:
        return f"firmware/a.cpp:{return_address & 0xFF}"


def test_a_lock_is_told_with_the_place_where_it_was_taken() -> None:
    record = of(Crash(locks=(Lock("net", "wang-0"), Lock("free", "-"))).lines())
    assert lock_lines(record, NONE) == ["  mutex net: held by wang-0, taken at 0x40011aec"]
    assert lock_lines(record, OneLine(None)) == [
        "  mutex net: held by wang-0, taken at 0x40011aec firmware/a.cpp:236"
    ]
    named = make_frame("crash-lock", name="arp", owner="net", taken="0x40011aec", at="f+10")
    assert lock_lines(of([*Crash().record()[:-1], named]), NONE) == [
        "  mutex arp: held by net, taken at f+10"
    ]


def test_damage_without_words_is_told_by_its_place() -> None:
    found = make_frame("crash-damage", pool="mbufs", object=3, what="scorched", addr="0x40100000")
    lines = memory_lines(of(Crash(damage=(found,)).lines()))
    assert lines[0] == "  DAMAGE: pool mbufs, object 3: scorched at 0x40100000"


def test_a_silence_before_the_crash_is_told_and_a_moment_is_not() -> None:
    told = events(("switch", 3, 5), start_us=1_000_000)
    silent = event_lines(of(Crash(events=told, up_ms=2500).lines()))
    assert silent[-1] == "        1500 ms  the crash: nothing was switched or woken meanwhile"
    assert len(event_lines(of(Crash(events=told, up_ms=1050).lines()))) == 1


NINES = "9" * 400
NONSENSE = (
    make_frame("crash-event", us=NINES, what="switch", a=NINES, b=2),
    make_frame("crash-event", us=1000, what="wake", a=2, b=3),
    make_frame("crash-thread", id=77, name="long", stack=f"0x0-0x{'f' * 3700}", used=1),
    make_frame("crash-thread", id=78, name="deep", stack="0x40568000-0x4056b000", used=f"-{NINES}"),
    make_frame("crash-pool", name="mbufs", used=NINES, total=NINES, high=NINES, failed=NINES),
)


def test_no_number_of_a_record_is_too_long_to_be_told() -> None:
    lines = Crash(events=()).lines()
    crash = of([*lines[:-1], *NONSENSE, lines[-1]])
    assert event_lines(crash)[0] == "      -1.000 ms  switch from thread 0 to idle"
    said = "\n".join([*memory_lines(crash), *thread_lines(crash, NONE), *hints(crash)])
    assert "pools with room: " in said
    assert len(said) < 10_000
