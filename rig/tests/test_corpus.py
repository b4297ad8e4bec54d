"""The golden console corpus: each saved log is told as a person has decided that it must be.

The logs, and beside each what it must be told as, are in consoles/; see make_corpus.py.
"""

from __future__ import annotations

import pytest

from rig.explain import Explanation, load
from rig.tests.corpus_case import Case
from rig.tests.make_corpus import HERE, all_cases, golden, text_of

CASES = {case.name: case for case in all_cases()}
FILE_BYTES_MAX = 60_000
CORPUS_BYTES_MAX = 1_500_000


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_a_log_is_told_as_it_was_decided(case: Case) -> None:
    found = load(HERE / case.name)
    assert len(found) == len(case.boots), [one.verdict for one in found]
    for one, wanted in zip(found, case.boots, strict=True):
        assert (one.verdict.cause or "" if one.verdict else "") == wanted.cause
        assert (one.verdict.function if one.verdict else "") == wanted.function
        assert wanted.thread in _thread(one)
        assert wanted.reason in (one.verdict.detail if one.verdict else "")
        if one.watch.crash.alarming and wanted.cause != "rig":
            assert wanted.reason in one.watch.crash.reason


def _thread(one: Explanation) -> str:
    return one.watch.crash.thread


def test_its_text_is_the_golden_one_and_holds_what_it_must(case: Case) -> None:
    path = HERE / case.name
    text = text_of(path)
    for words in case.says:
        assert words in text
    kept = (HERE / f"{case.name}.txt").read_text(encoding="utf-8")
    assert kept == golden(case, text), "python -m rig.tests.make_corpus, then read the difference"


def test_the_corpus_is_what_its_tables_make(case: Case) -> None:
    assert (HERE / case.name).read_bytes() == case.log


def test_no_verdict_is_ever_that_a_log_has_passed(case: Case) -> None:
    assert "PASSED" not in text_of(HERE / case.name)


def test_every_file_of_the_corpus_has_its_case() -> None:
    files = {path.name for path in HERE.iterdir()}
    assert files == {name for case in CASES for name in (case, f"{case}.txt")}


def test_the_corpus_is_large_in_kinds_and_small_in_bytes() -> None:
    sizes = {path.name: path.stat().st_size for path in HERE.iterdir()}
    assert len(CASES) >= 60
    assert max(sizes.values()) < FILE_BYTES_MAX, sizes
    assert sum(sizes.values()) < CORPUS_BYTES_MAX


def test_a_crash_with_all_its_threads_fits_on_a_page() -> None:
    for name in ("real-panic.log", "real-abba.log"):
        assert len(text_of(HERE / name).splitlines()) < 60


def test_a_deadlock_is_told_as_who_waits_for_whom() -> None:
    (found,) = load(HERE / "deadlock.log")
    assert found.verdict is not None
    assert "abba-2 waits for a, held by abba-1" in found.verdict.detail
    assert "abba-1 waits for b, held by abba-2" in found.verdict.detail


def test_a_wrong_checksum_is_counted_and_never_believed() -> None:
    (found,) = load(HERE / "bad-checksum.log")
    assert found.watch.bad_frames == 1
    assert found.watch.crash.begin is None


def test_a_real_record_is_whole() -> None:
    (found,) = load(HERE / "real-panic.log")
    assert found.watch.crash.complete
    assert found.watch.crash.lines_missing == 0
    assert found.watch.bad_frames == 0
    assert len(found.watch.crash.of_kind("crash-thread")) > 50
