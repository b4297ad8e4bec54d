"""Whatever a board says, it does not steer a terminal: on every way to one its words are shown."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from rig import evidence, inspect_command, journal, soak_command
from rig.campaign.history import History, render
from rig.campaign.recorder import Recorder
from rig.campaign.selftest import Outcomes
from rig.cli import run as kyu
from rig.console.crash import NO_CRASH, CrashRecord, add
from rig.console.grammar import make_frame, parse
from rig.console.symbols import Symbols
from rig.journal import RunFolder
from rig.pytest_plugin import Keeper
from rig.report.progress import BarDisplay, PlainDisplay
from rig.report.summary import Summary
from rig.run_command import _Show
from rig.tests.fake import FakeBoard, Script, crash_lines
from rig.tests.test_history import NIGHT, RING
from rig.tests.test_soak import big, run
from rig.verdict import Cause, failed

#: Clears the screen, says that all is well, names the window, and turns the reading direction.
OWNED = "\x1b[2J\x1b[1;1HPASSED\nPASSED\r\x1b]0;owned\x07\x9b31m"
SHOWN = r"\x1b[2J\x1b[1;1HPASSED\nPASSED\r\x1b]0;owned\x07\x9b31m"


def harmless(said: str) -> bool:
    return all(c.isprintable() or c == "\n" for c in said) and "\nPASSED" not in said


def speak(board: FakeBoard) -> None:
    board.beating = False
    record = crash_lines(reason=OWNED)
    frames = [line for line in record if line.startswith("@kyu")]
    board.say(make_frame("warn", what="pool", text=OWNED), "\x1b[2J and tabs\there", *frames)


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Path]:
    place = tmp_path_factory.mktemp("terminal")
    return run(place, FakeBoard(Script(2, None, speak)), big(3))


def died(reason: str = OWNED, thread: str = OWNED) -> CrashRecord:
    record = NO_CRASH
    for line in (
        make_frame("crash-begin", v=1, build=OWNED, kind="panic", reason=reason, thread=thread),
        make_frame("crash-thread", id=3, name=OWNED, state=OWNED, waits=OWNED, used=9),
        make_frame("crash-frame", thread=3, n=0, pc="0x4002ceac", sym=OWNED),
        make_frame("crash-lock", name=OWNED, owner=OWNED, taken=OWNED, waiters=OWNED),
        make_frame("crash-pool", name=OWNED, used=OWNED, total=9, high=9, failed=1),
        make_frame("crash-event", us=9, what=OWNED, a=OWNED, b=1),
    ):
        record = add(record, parse(line))
    return record


@pytest.mark.parametrize("quiet", [False, True])
def test_the_end_of_a_soak(
    tmp_path: Path, soaked: tuple[Summary, Path], quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    summary, _ = soaked
    folder = RunFolder(tmp_path / "run")
    told = [f"with the image before it ({OWNED})"]
    news = SimpleNamespace(news=lambda: told, end=lambda _: None)
    soak_command._finish(folder, summary, cast(Recorder, news), quiet=quiet)
    folder.close()
    said = capsys.readouterr().out
    assert harmless(said)
    assert SHOWN in said


def test_what_is_for_programs_keeps_what_was_said(soaked: tuple[Summary, Path]) -> None:
    summary, path = soaked
    facts = json.loads(json.dumps(summary.as_json()))
    assert OWNED in facts["detail"]
    assert facts["warnings"] == [f"pool: {OWNED}"]
    (verdict,) = path.glob("failures/*/verdict.json")
    assert OWNED in json.loads(verdict.read_text())["detail"]


def test_the_files_of_a_failure(soaked: tuple[Summary, Path]) -> None:
    (folder,) = (soaked[1] / journal.FAILURES).iterdir()
    names = ("README.txt", "traceback.txt", "threads.txt", "console.txt")
    told = {name: (folder / name).read_text() for name in names}
    assert [name for name, said in told.items() if not harmless(said)] == []
    assert "\\x1b[2J and tabs" in told["console.txt"]


def test_a_run_explained(soaked: tuple[Summary, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert kyu(["explain", "--full", str(soaked[1])]) == 1
    said = capsys.readouterr().out
    assert harmless(said)
    assert SHOWN in said


def test_the_history_of_all_runs() -> None:
    row = replace(RING, title=f"panic: {OWNED}", run_id=1)
    told = render(History((replace(NIGHT, id=1, build=OWNED, wire="tap"),), (row,)), last=9)
    assert harmless(told)
    assert SHOWN in told


def test_the_self_test() -> None:
    assert harmless(Outcomes(wrong=(f"in {OWNED}, not in no function",)).render())


def test_a_board_looked_at_from_outside() -> None:
    seen: Any = SimpleNamespace(image=None, record=died())
    said = inspect_command._rendered(seen, "text")
    assert harmless(said)
    assert SHOWN in said


def test_every_word_of_a_crash_record_in_the_texts_of_its_evidence() -> None:
    for record in (died(), died(thread="wang")):
        assert harmless(evidence.traceback_text(record, Symbols(None)))
        assert harmless(evidence.threads_text(record, Symbols(None)))


def test_a_console_that_is_shown_live(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Show.__new__(_Show)
    show._raw, show._at_prompt, show._echo, show._exact = True, False, None, False
    show._line("\x1b[2Jcleared\tand \x9b31m red")
    assert capsys.readouterr().out == "\\x1b[2Jcleared     and \\x9b31m red\n"


def test_the_notes_of_both_displays() -> None:
    plain, bar = io.StringIO(), io.StringIO()
    with PlainDisplay(plain) as display:
        display.note("build \x1b[2J\n  a second line")
    console = Console(file=bar, width=80, force_terminal=True, highlight=False)
    with BarDisplay(bar, console=console) as display:
        display.note("build \x1b[2J")
    assert plain.getvalue() == "build \\x1b[2J\n  a second line\n"
    assert "build \\x1b[2J" in bar.getvalue()
    assert "\x1b[2J" not in bar.getvalue()


def test_a_test_that_fails_because_of_the_board_and_those_after_it() -> None:
    keeper = Keeper.__new__(Keeper)
    keeper.broken, keeper._shared = "", None
    with pytest.raises(pytest.fail.Exception) as failure:
        keeper.judge("test_first", failed(Cause.PANIC, 1.0, OWNED))
    with pytest.raises(pytest.skip.Exception) as skipped:
        keeper.shared()
    for said in (str(failure.value), str(skipped.value)):
        assert harmless(said)
        assert SHOWN in said


def test_an_error_that_quotes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert kyu(["explain", f"no/{OWNED}"]) == 2
    said = capsys.readouterr().err
    assert harmless(said)
    assert said.count("\n") == 1
