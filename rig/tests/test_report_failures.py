"""What the page tells of each failure: its README, its traceback, and what is alike once."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.report import files, told
from rig.report.material import load
from rig.tests.test_report import HOSTILE, Page, RunOnDisk, failed_run
from rig.verdict import Cause, failed


@pytest.fixture
def run(tmp_path: Path) -> RunOnDisk:
    return RunOnDisk(tmp_path / "run")


def test_what_a_readme_tells_is_on_the_page_and_a_hostile_one_is_text(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic")
    rows = f"where     m_copym\noften     once {HOSTILE}\nagain     kyu\n\nfiles:\n  a  b\n"
    (path / "failures/001-panic/README.txt").write_text(f"The board panicked.\n\n{rows}")
    files.make(path)
    page = Page(path)
    assert page.tags.isdisjoint({"script", "b2"})
    assert "m_copym" in page.words
    assert "once <script>" in page.words
    assert "\x1b" not in page.words
    assert ("where", "m_copym") in load(path).failures[0].story


def test_a_night_that_failed_has_failed_though_it_was_ended_in_the_morning(run: RunOnDisk) -> None:
    run.transfers(20)
    run.evidence("001-panic", "panic in m_copym")
    path = run.end(failed(Cause.PANIC, 1.0, "2 failures, kept going"), interrupted=True)
    files.make(path)
    said = "2 failures, kept going; interrupted before its end"
    assert told.headline(load(path)) == f"FAILED (panic): {said}"
    assert f'message="FAILED (panic): {said}"' in (path / files.JUNIT).read_text()
    html = (path / files.HTML).read_text()
    assert '<header class="failed">\n<h1>FAILED (panic)</h1>' in html
    assert said in html


def test_a_traceback_shows_the_calls_and_keeps_the_rest_at_hand(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic")
    told = "panic: x\nthread a\n\n  #0 f\n  #1 g\n\nlocks:\n  mutex m\n\nmemory:\n  well\n"
    (path / "failures/001-panic/traceback.txt").write_text(told)
    failure = load(path).failures[0]
    assert failure.calls == "panic: x\nthread a\n\n  #0 f\n  #1 g"
    assert failure.more == "locks:\n  mutex m\n\nmemory:\n  well"
    files.make(path)
    assert "mutex m" in Page(path).words
