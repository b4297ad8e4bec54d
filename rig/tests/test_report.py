"""Reports of run folders: what they hold, and what they do with folders that are not in order."""

from __future__ import annotations

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, TestCase
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from rig import cli, soak_command
from rig.errors import UserError
from rig.journal import RunFolder
from rig.report import files, text
from rig.report.material import load
from rig.report.shape import course, histogram
from rig.report.summary import Summary, Tally
from rig.verdict import Cause, Verdict, failed, inconclusive, passed

HOSTILE = "<script>alert('x')</script> & ]]> \x1b[31m \u202e \x00"


class RunOnDisk:
    """A run folder, written as a soak writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tally = Tally()
        path.mkdir()
        options = {"scenarios": ["soak"], "board": "qemu", "seed": 7, "transfers": 500}
        run = {"started": "2026-01-02T03:04:05+00:00", "options": options, "wire": "tap"}
        self.json("run.json", run)
        (path / "transfers.jsonl").touch()

    def json(self, name: str, content: dict[str, Any]) -> None:
        (self.path / name).write_text(json.dumps(content))

    def journal(self, raw: bytes) -> None:
        with (self.path / "transfers.jsonl").open("ab") as file:
            file.write(raw)

    def transfers(self, count: int, *, start: float = 0.1) -> None:
        for n in range(count):
            ms = 2.0 + n % 7
            self.tally.attempted += 1
            self.tally.add_ok(ms, 200_000)
            line = {"n": n + 1, "start": start + n * 0.01, "ms": ms, "bytes": 200_000, "ok": True}
            self.journal(json.dumps(line).encode() + b"\n")

    def bad(self, cause: str, detail: str) -> None:
        self.tally.attempted += 1
        line = {
            "n": self.tally.attempted,
            "start": 9.0,
            "ms": 2000.0,
            "bytes": 17,
            "ok": False,
            "cause": cause,
            "detail": detail,
        }
        self.journal(json.dumps(line).encode() + b"\n")

    def evidence(self, name: str, detail: str) -> None:
        cause = Cause(name.partition("-")[2])
        self.tally.add_failure(cause)
        folder = self.path / "failures" / name
        folder.mkdir(parents=True)
        self.json(f"failures/{name}/verdict.json", {"cause": cause.value, "detail": detail})
        (folder / "traceback.txt").write_text(f"{detail}\n  #0 40001234 tcp_output tcp.cpp:12\n")
        (folder / "console.txt").write_text("      1.000000  ready\n")

    def end(self, verdict: Verdict, *, interrupted: bool = False) -> Path:
        summary = Summary(verdict, self.tally, 12.5, 0.25, (), interrupted, {"build": "abc"})
        self.json("summary.json", summary.as_json())
        return self.path


@pytest.fixture
def run(tmp_path: Path) -> RunOnDisk:
    return RunOnDisk(tmp_path / "run")


def good_run(run: RunOnDisk) -> Path:
    run.transfers(500)
    return run.end(passed(12.0))


def failed_run(run: RunOnDisk, *names: str, detail: str = "panic in m_copym: too short") -> Path:
    run.transfers(20)
    for name in names:
        run.bad(name.partition("-")[2], detail)
        run.evidence(name, detail)
    return run.end(failed(Cause.PANIC, 9.5, detail, "m_copym"))


# The page


class Page(HTMLParser):
    """What a browser would be told: tags that are open, and the text between them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.addresses: list[str] = []
        self.feed((path / "report.html").read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_of_a_good_run_says_so_and_needs_nothing_else(run: RunOnDisk) -> None:
    path = good_run(run)
    files.make(path)
    page = Page(path)
    assert page.open == [], "every tag is closed"
    assert "PASSED" in page.words
    assert "of 500 attempted" in page.words
    assert {"svg", "path", "rect"} <= page.tags, "both plots"
    assert page.addresses == []


def test_the_page_of_a_failed_run_names_cause_place_and_command(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic")
    files.make(path)
    words = Page(path).words
    assert "FAILED (panic)" in words
    assert "panic in m_copym: too short" in words
    assert "tcp_output tcp.cpp:12" in words
    assert "kyu soak soak --board qemu" in words


def test_hostile_text_stays_text(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic", detail=HOSTILE)
    files.make(path)
    page = Page(path)
    assert "script" not in page.tags
    assert "<script>alert('x')</script> & ]]> \\x1b[31m \\u202e \\x00" in page.words
    case = next(iter(cases(path)))
    assert "<script>" in str(case.result[0].message)
    assert "\x1b" not in (path / "junit.xml").read_text()


# JUnit


def cases(path: Path) -> list[TestCase]:
    document = JUnitXml.fromfile(str(path / "junit.xml"))
    return [case for suite in document for case in suite]


def test_junit_of_a_good_run_is_one_case_that_passed(run: RunOnDisk) -> None:
    path = good_run(run)
    files.make(path)
    (case,) = cases(path)
    assert (case.name, case.classname, case.time) == ("soak", "kyu.qemu", 12.5)
    assert case.is_passed


def test_junit_calls_it_a_failure_when_the_board_failed(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic")
    files.make(path)
    (case,) = cases(path)
    (result,) = case.result
    assert isinstance(result, Failure)
    assert result.type == "panic"
    assert "m_copym" in str(result.message)
    assert "tcp_output" in str(result.text)


@pytest.mark.parametrize(
    ("verdict", "interrupted", "kind"),
    [
        (inconclusive(1.0, "QEMU was killed"), False, "rig"),
        (Verdict(inconclusive(1.0, "").outcome, None, 1.0, "interrupted"), True, "unfinished"),
    ],
)
def test_junit_calls_it_an_error_when_nothing_is_said_about_the_board(
    run: RunOnDisk, verdict: Verdict, interrupted: bool, kind: str
) -> None:
    path = run.end(verdict, interrupted=interrupted)
    files.make(path)
    (case,) = cases(path)
    (result,) = case.result
    assert isinstance(result, Error)
    assert result.type == kind


def test_junit_has_a_case_for_each_failure_of_a_run_that_was_kept_going(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic", "002-stall")
    files.make(path)
    names = [case.name for case in cases(path)]
    assert names == ["soak", "soak failures/001-panic", "soak failures/002-stall"]
    document = JUnitXml.fromfile(str(path / "junit.xml"))
    assert (document.tests, document.failures, document.errors) == (3, 3, 0)


# Metrics


def test_metrics_are_read_by_both_parsers(run: RunOnDisk) -> None:
    path = failed_run(run, "001-panic")
    files.make(path)
    raw = (path / "metrics.prom").read_text()
    for parse in (text_string_to_metric_families, openmetrics.text_string_to_metric_families):
        found = {family.name: family.samples for family in parse(raw)}
        assert found["kyu_transfers_good"][0].value == 20
        assert found["kyu_failures"][0].labels["cause"] == "panic"
        verdicts = {one.labels["verdict"]: one.value for one in found["kyu_run_verdict"]}
        assert verdicts == {"passed": 0, "failed": 1, "inconclusive": 0}
        times = {one.name: one.value for one in found["kyu_transfer_seconds"]}
        assert times["kyu_transfer_seconds_count"] == 20


# The command


def test_a_killed_run_is_told_without_a_verdict(
    run: RunOnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    run.transfers(30)
    run.journal(b'{"n":31,"start":0.4,"m')
    assert cli.run(["report", str(run.path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("NO VERDICT: the run was killed, or still goes on\n")
    assert "30 good of 30 attempted" in said
    assert "half-written lines in the journal, left out: 1" in said
    assert "NO VERDICT" in Page(run.path).words
    (case,) = cases(run.path)
    assert isinstance(case.result[0], Error)


def test_only_a_journal_is_enough(run: RunOnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    (run.path / "run.json").unlink()
    assert cli.run(["report", str(run.path)]) == 0
    assert "run.json is missing" in capsys.readouterr().out


def test_a_failed_run_is_reported_with_status_0(
    run: RunOnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    path = failed_run(run, "001-panic", detail=HOSTILE)
    before = {one: one.read_bytes() for one in path.rglob("*") if one.is_file()}
    assert cli.run(["report", str(path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("FAILED (panic): <script>")
    assert "\x1b" not in said, "a board does not steer the terminal"
    assert {one: one.read_bytes() for one in before} == before, "nothing of the run is touched"


def test_a_report_that_cannot_be_written_is_said_after_the_text(
    run: RunOnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    path = good_run(run)
    (path / "report.html").mkdir()
    assert cli.run(["report", str(path)]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("PASSED\n")
    assert "report.html cannot be written" in said.err
    assert not list(path.glob("*.part"))


def test_a_summary_that_the_journal_has_outrun_is_set_aside(run: RunOnDisk) -> None:
    good_run(run)
    run.transfers(1)  # resumed, and killed then
    material = load(run.path)
    assert material.figures.verdict is None
    assert material.figures.transfers_ok == 501


def test_a_resumed_run_may_have_a_torn_line_in_its_middle(run: RunOnDisk) -> None:
    run.transfers(3)
    run.journal(b'{"n":4,"sta\n')
    run.transfers(2)
    material = load(run.path)
    assert (material.journal.ok, material.journal.unreadable) == (5, 1)


def test_time_goes_on_over_a_restart(run: RunOnDisk) -> None:
    run.transfers(100)
    run.transfers(100, start=0.2)
    ends = load(run.path).journal.ends
    assert list(ends) == sorted(ends)
    assert ends[-1] == pytest.approx(2 * 0.99, abs=0.1)


DAMAGE = {
    "summary.json": [b"", b"{", b"[]", b"\xff\xfe", b'{"verdict":"passed"}', b"[" * 100_000],
    "run.json": [b"null", b'{"options": 5}', b"\0" * 100],
    "transfers.jsonl": [
        b"hello\n",
        b"\x7fELF\x01\n",
        b'{"n":1}\n',
        b'{"n":1,"start":0,"ms":NaN,"bytes":1,"ok":true}\n',
        b'{"n":1,"start":0,"ms":-1,"bytes":1,"ok":true}\n',
        b'{"n":1,"start":0,"ms":1e999,"bytes":1,"ok":true}\n',
        b"x" * 200_000,
    ],
    "failures/001-panic/verdict.json": [b"{", b'{"cause": "gremlins"}'],
}


@pytest.mark.parametrize(("name", "raw"), [(n, raw) for n, all_ in DAMAGE.items() for raw in all_])
def test_a_damaged_folder_is_one_clear_line(
    run: RunOnDisk, name: str, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = failed_run(run, "001-panic")
    (path / name).write_bytes(raw)
    assert cli.run(["report", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert name in said.err
    assert not (path / "report.html").exists()


def test_what_is_no_run_folder_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "nothing", tmp_path / "file", tmp_path):
        assert cli.run(["report", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["summary.json", "transfers.jsonl", "failures"])
def test_links_and_pipes_are_not_followed(run: RunOnDisk, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to(outside)
    with pytest.raises(UserError, match="is not a"):
        load(run.path)
    (run.path / name).unlink()
    os.mkfifo(run.path / name)
    with pytest.raises(UserError, match="is not a"):
        load(run.path)


def test_a_report_is_not_written_through_a_link(run: RunOnDisk, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    for name in files.NAMES:
        (run.path / name).symlink_to(outside)
        (run.path / f"{name}.part").symlink_to(outside)
    files.make(good_run(run))
    assert outside.read_text() == "precious"


# The hook of the soak


@pytest.mark.parametrize("trouble", [OSError("no\nspace"), ImportError(), KeyboardInterrupt()])
def test_a_report_that_cannot_be_written_is_a_warning(
    run: RunOnDisk, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    def fail(_folder: Path) -> None:
        raise trouble

    monkeypatch.setattr(files, "make", fail)
    said = soak_command._report(good_run(run))
    assert said.startswith("warning: not written: ")
    assert "\n" not in said


def test_the_end_of_a_soak_writes_the_reports(run: RunOnDisk) -> None:
    folder = RunFolder(run.path, resume=True)
    run.transfers(5)
    summary = Summary(failed(Cause.STALL, 1.0, "got 5 of 7"), run.tally, 1.0)
    assert soak_command._finish(folder, summary) == 1
    folder.close()
    assert all((run.path / name).exists() for name in files.NAMES)
    assert "FAILED (stall)" in Page(run.path).words


def test_a_quiet_soak_ends_with_one_line(
    run: RunOnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(run.path, resume=True)
    summary = Summary(failed(Cause.STALL, 1.0, "got 5 of 7"), run.tally, 1.0)
    assert soak_command._finish(folder, summary, quiet=True) == 1
    folder.close()
    assert capsys.readouterr().out == "FAILED (stall): got 5 of 7\n"
    assert (run.path / files.HTML).exists()


# Faults

LANE = {
    "frames": 4321,
    "delivered": 4300,
    "dropped": 21,
    "duplicated": 0,
    "corrupted": 3,
    "truncated": 0,
    "overflowed": 0,
    "refused": 0,
    "own_us_per_frame": 2.5,
}


def with_faults(run: RunOnDisk, faults: Any) -> Path:
    run.transfers(5)
    summary = Summary(passed(1.0), run.tally, 1.0, facts={"faults": faults})
    run.json("summary.json", summary.as_json())
    return run.path


def test_what_the_wire_did_is_told(run: RunOnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"plan": HOSTILE + "loss=0.01", "seed": 7, "to_board": LANE, "to_host": LANE}
    folder = with_faults(run, told)
    assert cli.run(["report", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "to_board   4,321 frames, 21 dropped, 3 corrupted; 2.5 us each" in said
    assert "\x1b" not in said
    assert "loss=0.01" in Page(folder).words


@pytest.mark.parametrize("damage", [{}, {"plan": 3}, [], {"plan": "x", "seed": -1}, "loss"])
def test_damaged_faults_are_one_clear_line(
    run: RunOnDisk, damage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", str(with_faults(run, damage))]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# Shapes


@pytest.mark.parametrize("values", [[5.0], [0.0], [0.0, 1e12], [3.0] * 50, [1.0, 1.0001], []])
def test_a_histogram_counts_every_value(values: list[float]) -> None:
    assert sum(one.count for one in histogram(values)) == len(values)


def test_a_course_keeps_the_longest() -> None:
    ends, ms = [n / 10 for n in range(1000)], [5.0] * 999 + [80.0]
    stretches = course(ends, ms, 10)
    assert [one.p50 for one in stretches] == [5.0] * 10
    assert stretches[-1].max == 80.0


@pytest.mark.parametrize("ms", [0.0, 0.001, 3.3, 1e12])
@pytest.mark.parametrize("start", [0.0, 0.123456, 1e9])
@pytest.mark.parametrize("count", [1, 2, 400])
def test_every_valid_journal_can_be_drawn(
    run: RunOnDisk, ms: float, start: float, count: int
) -> None:
    for n in range(1, count + 1):
        line = {"n": n, "start": start, "ms": ms if n > 1 else 7.7, "bytes": 1, "ok": n != 2}
        run.journal(json.dumps(line).encode() + b"\n")
    files.make(run.path)


def test_lines_are_cut_and_escaped() -> None:
    assert text.line("a\nb\x07ü→") == "a\\nb\\x07ü→"
    assert len(text.line("x" * 10_000)) == text.LINE_MAX
