"""The cutter of the corpus: it may make a record smaller, never say something else."""

from __future__ import annotations

import gzip

import pytest

from rig.console.grammar import BadFrame, parse
from rig.console.symbols import Symbols
from rig.crash_hints import hints
from rig.crash_text import event_lines, lock_lines, traceback_lines, wait_lines
from rig.defects import DEFECTS, Defect
from rig.explain import Explanation, load, log_events, replay
from rig.tests.corpus_capture import CAPTURES, HERE
from rig.tests.corpus_cut import EVENTS_KEPT, cut
from rig.tests.corpus_defects import REAL
from rig.tests.records import ON_SEMAPHORE, Crash, Lock, Thread
from rig.tests.test_crash_text import of

RECORDS = ["real-panic.log", "real-null-read.log", "real-abba.log", "real-spin-irq-on.log",
           "real-pool-overrun.log"]  # fmt: skip


def lines_of(name: str) -> list[str]:
    data = (HERE / name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode().split("\r\n")


def explained(lines: list[str]) -> list[Explanation]:
    return replay(log_events(["\r\n".join(lines).encode()]))


@pytest.mark.parametrize("name", RECORDS)
def test_a_cut_record_is_whole_and_tells_the_same(name: str) -> None:
    (whole,) = explained(lines_of(name))
    (small,) = explained(cut(lines_of(name)))
    assert small.verdict == whole.verdict
    before, after = whole.watch.crash, small.watch.crash
    assert after.complete
    assert after.lines_missing == 0
    assert small.watch.bad_frames == 0
    assert len(after.frames) < len(before.frames) / 4
    assert hints(after) == hints(before)
    none = Symbols(None)
    for tell in (traceback_lines, lock_lines):
        assert tell(after, none) == tell(before, none)
    for tell_plainly in (wait_lines, event_lines):
        assert tell_plainly(after) == tell_plainly(before)
    for kind in ("crash-regs", "crash-fault", "crash-lock", "crash-pool", "crash-damage"):
        assert after.of_kind(kind) == before.of_kind(kind)
    assert after.of_kind("crash-event") == before.of_kind("crash-event")[-EVENTS_KEPT:]


def test_whoever_holds_or_wants_a_lock_is_kept_with_the_frames_that_it_shows() -> None:
    crash = Crash(locks=(Lock("disk", "wang-4", "wang-7"),))
    crash = crash.with_threads(
        Thread(20, "alone", frames=ON_SEMAPHORE), Thread(21, "bystander", like=20)
    )
    record = of(cut(crash.lines()))
    names = {thread.text("name") for thread in record.of_kind("crash-thread")}
    assert {"wang-0", "wang-4", "wang-7"} <= names
    assert "wang-1" in names, "the others show its frames"
    assert names.isdisjoint({"wang-5", "alone", "bystander"})
    shown = {frame.text("thread") for frame in record.of_kind("crash-frame")}
    for thread in record.of_kind("crash-thread"):
        assert (thread.text("like") or thread.text("id")) in shown


@pytest.mark.parametrize("name", [*RECORDS, "real-last-crash.log.gz"])
def test_what_is_cut_already_stays_as_it_is(name: str) -> None:
    small = cut(lines_of(name))
    assert cut(small) == small
    assert not any(isinstance(parse(line.removeprefix("last crash: ")), BadFrame) for line in small)


def test_a_record_without_an_end_is_kept_whole() -> None:
    lines = lines_of("real-panic.log")
    assert cut(lines[:200]) == lines[:200]
    begins_anew = [*lines[:200], *lines[:7]]
    assert cut(begins_anew) == begins_anew


def test_the_copy_that_the_next_boot_prints_is_cut_like_the_original() -> None:
    small = cut(lines_of("real-last-crash.log.gz"))
    died, found, _ = explained(small)
    assert found.watch.last_before.record.frames == died.watch.crash.frames
    last = found.watch.last_before
    assert last.told is not None
    assert last.told.number("lines") == last.lines


def test_each_planted_failure_has_a_capture_and_each_capture_its_case() -> None:
    captured = {capture.name: capture for capture in CAPTURES}
    assert {defect.name for defect in DEFECTS} <= set(captured)
    assert {capture.file for capture in CAPTURES} | {"mission.log"} == set(REAL)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_capture_is_told_as_its_defect_promises(defect: Defect) -> None:
    file = next(capture.file for capture in CAPTURES if capture.name == defect.name)
    (found,) = load(HERE / file)
    assert found.verdict is not None
    assert found.verdict.cause is defect.cause
    assert all(words in found.verdict.detail for words in defect.evidence)
