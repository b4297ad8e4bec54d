"""The closing line of `make test` counts what ran, and never calls a silent failure a pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci import test as driver
from ci.test import Count, Step, closing_line, junit, one_check

REPORT = """\
<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure/></testcase>
<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase>
</testsuite></testsuites>
"""


def test_a_report_is_counted_case_by_case(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert junit(report)(1, "") == Count(passed=1, failed=2, skipped=1)


def test_a_runner_that_dies_is_a_failure_even_when_every_case_passed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuite><testcase name="a"/></testsuite>')
    assert junit(report)(139, "") == Count(passed=1, failed=1)


def test_no_report_is_a_failure(tmp_path: Path) -> None:
    assert junit(tmp_path / "absent.xml")(0, "") == Count(failed=1)


def test_a_closing_line_is_believed_only_with_its_exit_status() -> None:
    assert closing_line(0, "noise\n7 passed, 0 failed\n") == Count(passed=7)
    assert closing_line(1, "7 passed, 0 failed\n") == Count(passed=7, failed=1)
    assert closing_line(0, "nothing said\n") == Count(failed=1)


def test_the_sum_reads_as_runners_write_it() -> None:
    assert str(Count(3, 0) + Count(1, 1)) == "4 passed, 1 failed"
    assert str(Count(3, 0, 2)) == "3 passed, 0 failed, 2 skipped"


def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stages: dict[str, list[list[str]]], *argv: str
) -> int:
    table = {
        name: (lambda commands=commands: [Step("step", command, one_check) for command in commands])
        for name, commands in stages.items()
    }
    monkeypatch.setattr(driver, "STAGES", table)
    monkeypatch.setattr(driver, "REPORTS", tmp_path)
    return driver.main(list(argv))


def test_a_failed_stage_stops_the_run_and_the_count_is_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = {"a": [["true"], ["true"]], "b": [["false"], ["true"]], "c": [["true"]]}
    assert run(monkeypatch, tmp_path, stages) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"
    assert run(monkeypatch, tmp_path, stages, "--keep-going") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 1 failed"
    assert run(monkeypatch, tmp_path, stages, "a", "c") == 0


def test_an_unknown_stage_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, {"a": [["true"]]}, "nonsense") == 2
