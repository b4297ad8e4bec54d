"""Signatures: one cause, one signature, whatever the addresses and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.console import crash as crashes
from rig.console import grammar
from rig.console.crash import NO_CRASH, CrashRecord
from rig.explain import load
from rig.signature import plain, signature
from rig.tests.fake import crash_lines
from rig.tests.make_corpus import HERE, all_cases
from rig.verdict import Cause, Verdict, failed


def record(lines: Sequence[str]) -> CrashRecord:
    found = NO_CRASH
    for line in lines:
        said = grammar.parse(line)
        found = crashes.add(found, said)
    return found


def verdicts(name: str) -> list[tuple[Verdict, CrashRecord]]:
    """Of a log of the corpus: what was judged in each of its boots."""
    found = load(HERE / name)
    return [(one.verdict, one.watch.telling_crash) for one in found if one.verdict is not None]


def key(name: str, boot: int = 0) -> str:
    return signature(*verdicts(name)[boot]).key


def deadlock(threads: Sequence[str], at: int) -> CrashRecord:
    """A ring over `threads`, found from the first of them, in an image linked at `at`."""
    make = grammar.make_frame
    lines = [make("crash-begin", v="1", kind="deadlock", reason="r", thread=threads[0])]
    for n, name in enumerate(threads):
        lines.append(make("crash-thread", id=str(n), name=name, state="blocked"))
        place = f"{name.rstrip('0123456789-')}_body+{n:x}"
        lines.append(make("crash-frame", thread=str(n), n="0", pc=f"{at + n:08x}", sym=place))
        waiter = threads[(n + 1) % len(threads)]
        lines.append(make("crash-lock", name=f"lock of {name[:3]}", owner=name, waiters=waiter))
    return record(lines)


@given(at=st.integers(0, 0x3FFFFFFF), number=st.integers(0, 99), turn=st.integers(0, 2))
def test_a_ring_is_the_same_from_whichever_thread_it_is_told(
    at: int, number: int, turn: int
) -> None:
    names = [f"wang-{number}", "net", "shell"]
    told = deadlock(names[turn:] + names[:turn], at)
    found = signature(failed(Cause.DEADLOCK, 1.0, "whatever"), told)
    first = signature(failed(Cause.DEADLOCK, 2.0, "else"), deadlock(["wang-0", "net", "shell"], 0))
    assert found == first
    assert "wang waits for lock of she" in found.title


def test_two_rings_are_two_causes() -> None:
    one = signature(failed(Cause.DEADLOCK, 1.0, ""), deadlock(["wang-1", "net"], 0))
    other = signature(failed(Cause.DEADLOCK, 1.0, ""), deadlock(["wang-1", "shell"], 0))
    assert one.key != other.key


def test_the_same_panic_at_other_addresses_is_the_same() -> None:
    told = record(crash_lines(reason="m_copym 1"))
    moved = [line.rpartition(" *")[0].replace("0x4002", "0x5102") for line in crash_lines()]
    there = record([f"{head} *{grammar.crc16(head.encode()):04X}" for head in moved])
    a = signature(failed(Cause.PANIC, 1.0, "a"), told)
    b = signature(failed(Cause.PANIC, 9.0, "b"), there)
    assert there.backtrace()
    assert told.backtrace() != there.backtrace()
    assert a == b


@pytest.mark.parametrize(
    ("cause", "one", "other"),
    [
        (
            Cause.CORRUPTION,
            "transfer 3 (big): offset 100: expected 41, found ff; …",
            "transfer 99 (big): offset 7: expected af, found a0",
        ),
        (
            Cause.STALL,
            "transfer 1 (big): no byte for 20.0 s: got 100000 of 200000 bytes; wang-1 waits",
            "transfer 2 (big): no byte for 20.1 s: got 5 of 200000 bytes",
        ),
    ],
)
def test_what_the_traffic_saw_is_told_without_its_numbers(
    cause: Cause, one: str, other: str
) -> None:
    a, b = (signature(failed(cause, 0.0, said), NO_CRASH) for said in (one, other))
    assert a == b


def test_where_the_wire_stopped_tells_stalls_apart() -> None:
    verdict = failed(Cause.STALL, 0.0, "no byte for 20 s")
    assert signature(verdict, NO_CRASH, "no ARP answer") != signature(
        verdict, NO_CRASH, "zero window"
    )


def test_every_planted_failure_of_the_corpus_has_its_own() -> None:
    """One log each, from the real image; `two-…` and `torn-…` are the same ones, damaged."""
    names = [case.name for case in all_cases() if case.name.startswith("real-")]
    own = [n for n in names if "last-crash" not in n]
    keys = {name: key(name) for name in own if verdicts(name)}
    assert len(keys) > 25
    assert len(set(keys.values())) == len(keys)


def test_a_torn_record_and_a_found_one_are_the_whole_ones_cause() -> None:
    assert key("real-panic.log") == key("torn-in-a-frame.log")
    assert key("real-spin-irq-off.log") == key("last-crash-hang.log")


@given(st.text(max_size=300))
def test_any_text_has_a_plain_form_that_stays(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert len(once) <= 2 * len(text) + 1
