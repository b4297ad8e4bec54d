"""The golden console corpus: each saved log replays to the verdict that a person would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.console.symbols import Symbols
from rig.explain import load
from rig.explain_text import render
from rig.verdict import Cause

CONSOLES = Path(__file__).parent / "consoles"

EXPECTED = {
    "mission.log": (Cause.PANIC, "m_copym"),
    "healthy.log": (None, ""),
    "panic.log": (Cause.PANIC, "m_copym"),
    "check.log": (Cause.PANIC, "sbdrop"),
    "fault.log": (Cause.FAULT, "tcp_input"),
    "deadlock.log": (Cause.DEADLOCK, "lock_second"),
    "cut-record.log": (Cause.PANIC, "m_copym"),
    "bad-checksum.log": (Cause.PANIC, "m_copym"),
    "restart.log": (Cause.RESET, ""),
    # Kept from the real image on the emulated board.
    "real-healthy.log": (None, ""),
    "real-panic.log": (Cause.PANIC, "planted_panic"),
    "real-deadlock.log": (Cause.DEADLOCK, "Planted::take_both"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_saved_log_replays_to_its_verdict(name: str) -> None:
    cause, function = EXPECTED[name]
    (found,) = load(CONSOLES / name)
    assert (found.verdict.cause if found.verdict else None) == cause
    assert (found.verdict.function if found.verdict else "") == function


def test_every_log_has_an_expectation() -> None:
    assert {path.name for path in CONSOLES.glob("*.log")} == set(EXPECTED)


def test_a_deadlock_is_told_as_who_waits_for_whom() -> None:
    (found,) = load(CONSOLES / "deadlock.log")
    assert found.verdict is not None
    assert "abba-2 waits for a, held by abba-1" in found.verdict.detail
    assert "abba-1 waits for b, held by abba-2" in found.verdict.detail


def test_a_wrong_checksum_is_counted_and_never_believed() -> None:
    (found,) = load(CONSOLES / "bad-checksum.log")
    assert found.watch.bad_frames == 1
    assert found.watch.crash.begin is None


def test_an_incomplete_record_is_said_to_be_so() -> None:
    (found,) = load(CONSOLES / "cut-record.log")
    assert found.verdict is not None
    assert "incomplete" in found.verdict.detail


def test_the_traceback_shows_every_frame_without_an_image() -> None:
    text = render(load(CONSOLES / "panic.log"), lambda _build: Symbols(None))
    assert "PANIC" in text.upper()
    assert "tcp_output+8fc" in text


def test_a_real_record_is_whole() -> None:
    (found,) = load(CONSOLES / "real-panic.log")
    assert found.watch.crash.complete
    assert found.watch.crash.lines_missing == 0
    assert found.watch.bad_frames == 0
    assert len(found.watch.crash.of_kind("crash-thread")) > 50
