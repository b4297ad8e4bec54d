"""Scenarios: one function for pytest and for kyu soak, and whom its failures blame."""

from __future__ import annotations

import contextlib
import io
import math
import re
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from kyusim import native
from rig.board.protocol import Address
from rig.campaign.session import Session
from rig.campaign.soak import Soak
from rig.cli import run as kyu
from rig.console import events as ev
from rig.console.grammar import make_frame
from rig.console.symbols import Symbols
from rig.errors import UserError
from rig.journal import RunFolder, read_events
from rig.options import SoakOptions, plan
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.scenario import NEEDS, Guest, scenario
from rig.scenarios import test_transfers
from rig.scenarios.mixes import MIXES, find, in_file
from rig.tests.fake import FakeBoard
from rig.traffic.failure import TransferError
from rig.traffic.request import Request
from rig.traffic.wangdoodle import Client, Patience, Tally
from rig.verdict import Cause, Outcome
from rig.watch import Limits

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs"
FAST = Limits(ready=2, heartbeat_silence=0.4, probe_answer=0.3, crash_record=0.3, symptom_grace=0.1)
HASTY = Patience(1.0, 0.4)
#: What the rig promises to have, whatever else there is.
WANTED = {
    *("smoke", "soak", "chunks", "parallel", "churn", "half-close", "slow", "zero-window"),
    *("abandon", "lots", "upload", "services", "mixed", "loss", "reorder", "corrupt", "flap"),
    *("flood", "hostile", "reboot", "long-idle", "overnight"),
}


class ResettableBoard(FakeBoard):
    def reset(self) -> None:
        self.say(make_frame("boot", v=1, build="abc123", image="release", cpu_hz_timer=62500000))
        self.say(make_frame("ready", services="wangdoodle:114", up_ms=10))


def soak(folder: Path, board: FakeBoard, name: str, transfers: int, parallel: int = 1) -> Summary:
    run = RunFolder(folder / "run")
    session = Session(board, Symbols(None), folder=run, limits=FAST, patience=HASTY)
    wanted = plan(SoakOptions((name,), transfers=transfers, parallel=parallel))
    summary = Soak(session, run, wanted, native, PlainDisplay(io.StringIO())).run()
    run.close()
    return summary


def written(folder: Path, body: str, terms: str = "") -> str:
    """A scenario file with one function; its name for kyu soak."""
    path = folder / f"test_{len(body)}.py"
    path.write_text(
        "import sys, pytest\nfrom rig.scenario import Guest, scenario\n"
        f"@scenario({terms})\ndef test_mine(guest: Guest) -> None:\n    {body}\n"
    )
    return f"{path}::test_mine"


def test_a_description_does_not_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text('def test_one(guest):\n    """Wipes the screen: \\x1b[2J."""\n')
    assert kyu(["scenarios", str(file)]) == 0
    said = capsys.readouterr().out
    assert "Wipes the screen: \\x1b[2J" in said
    assert "\x1b" not in said


def test_every_scenario_that_is_promised_is_there_and_is_described() -> None:
    assert {*MIXES} >= WANTED
    for mix in MIXES.values():
        assert mix.what != "not described"
        assert "\n" not in mix.described


def test_a_name_is_known_without_its_dashes_too() -> None:
    assert find("halfclose") is find("half-close") is MIXES["half-close"]


def test_kyu_scenarios_lists_a_users_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = written(tmp_path, "'''Knocks'''; guest.big()", "transfers=7, parallel=3")
    assert kyu(["scenarios", name.partition("::")[0]]) == 0
    assert capsys.readouterr().out == f"{name}  Knocks (7 transfers, 3 at once)\n"


@pytest.mark.parametrize(
    ("body", "cause", "words"),
    [
        ("assert guest.number < 3, 'three'", Cause.CORRUPTION, "test_mine, line 5: three"),
        ("assert guest.number < 3", Cause.CORRUPTION, "assert guest.number < 3"),
        ("1 / (3 - guest.number)", Cause.RIG, "ZeroDivisionError"),
        ("guest.number < 3 or pytest.fail('three')", Cause.CORRUPTION, "test_mine, line 5: three"),
        (
            "with pytest.raises(AssertionError): assert guest.number == 3",
            Cause.CORRUPTION,
            "test_mine, line 5: DID NOT RAISE",
        ),
        ("guest.number < 3 or pytest.skip('not today')", Cause.RIG, "line 5: Skipped: not today"),
        ("guest.number < 3 or pytest.xfail('one day')", Cause.RIG, "line 5: XFailed: one day"),
        ("guest.number < 3 or pytest.exit('enough')", Cause.RIG, "line 5: Exit: enough"),
        ("guest.number < 3 or sys.exit()", Cause.RIG, "mine: test_mine, line 5: SystemExit"),
        ("if guest.number == 3: raise KeyboardInterrupt", Cause.RIG, "line 5: KeyboardInterrupt"),
        ("guest.gen(9) if guest.number < 3 else guest.connect(7).read(1)", Cause.STALL, "no byte"),
    ],
)
def test_what_fails_in_a_scenario_says_whose_fault_it_is(
    tmp_path: Path, body: str, cause: Cause, words: str
) -> None:
    summary = soak(tmp_path, FakeBoard(), written(tmp_path, body), 5)
    assert (summary.verdict.cause, summary.tally.ok) == (cause, 2), summary.verdict
    assert words in summary.verdict.detail


def test_what_only_makes_a_generator_has_not_passed(tmp_path: Path) -> None:
    summary = soak(tmp_path, FakeBoard(), written(tmp_path, "yield guest.big()"), 2)
    assert (summary.verdict.cause, summary.tally.ok) == (Cause.RIG, 0)
    assert "mine: a scenario neither is async nor yields" in summary.verdict.detail


def test_a_reset_on_purpose_fails_nobody_and_every_transfer_is_made_up_for(tmp_path: Path) -> None:
    body = "guest.reset_board() if guest.number == 4 else guest.pause(.05); guest.big()"
    summary = soak(tmp_path, ResettableBoard(), written(tmp_path, body), 12, parallel=3)
    assert summary.verdict.outcome is Outcome.PASSED, summary.verdict
    assert (summary.tally.attempted, summary.tally.ok) == (12, 12)
    assert sum(isinstance(e, ev.PowerOn) for e in read_events(tmp_path / "run")) == 2


def test_whoever_sets_out_while_the_reset_is_pulled_is_not_blamed_on_the_board() -> None:
    resets = 0

    def ready_and_then_reset() -> bool:
        nonlocal resets
        resets += 1
        return True

    def cut_off(_: Tally) -> None:
        raise TransferError(Cause.RESET, "the new board does not know it")

    client = Client(
        Address("127.0.0.1", 9), native, resets=lambda: resets, ready=ready_and_then_reset
    )
    result = client.attempt(Request(), 1, cut_off)
    assert (result.cause, result.abandoned) == (None, True)


def test_the_number_of_resets_never_runs_ahead_of_the_watch(tmp_path: Path) -> None:
    board, run = ResettableBoard(), RunFolder(tmp_path / "run")
    session = Session(board, Symbols(None), folder=run, limits=FAST, patience=HASTY)
    assert session.boot() is None
    told: list[int] = []
    feed = session.feed

    def listen(event: ev.Event) -> None:
        if isinstance(event, ev.PowerOn):
            told.append(session.resets)
        feed(event)

    session.feed = listen  # type: ignore[method-assign]
    pulled = session.pull_reset()
    while not pulled.done():
        session.pump()
    session.power_off()
    run.close()
    assert (told, session.resets) == ([0], 1), "the watch knows first that the old board is gone"


def test_a_restart_that_nobody_wanted_still_fails_the_run(tmp_path: Path) -> None:
    board = ResettableBoard()
    board.script = type(board.script)(3, lambda *_: board.reset())
    summary = soak(tmp_path, board, written(tmp_path, "guest.big()"), 8)
    assert summary.verdict.cause is Cause.RESET


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such", "no scenario is named 'no-such'; there are soak, smoke"),
        ("nowhere.py::test_x", "no file nowhere.py"),
        ("{}::test_other", "no scenario is named 'test_other'; there are"),
        (
            "{}::Guest",
            "Guest is no scenario: that is a function which takes guest and nothing else",
        ),
    ],
)
def test_a_scenario_that_is_not_there_is_one_clear_line(
    tmp_path: Path, name: str, words: str
) -> None:
    path = written(tmp_path, "guest.big()").partition("::")[0]
    with pytest.raises(UserError, match=re.escape(words)):
        find(name.format(path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
        ("pytest.importorskip('nothing_of_this_name')", "Skipped: could not import"),
        ("pytest.skip('not here', allow_module_level=True)", "Skipped: not here"),
        ("raise SystemExit(0)", "SystemExit: 0"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    path = tmp_path / "test_broken.py"
    path.write_text(f"import pytest\n{line}\n")
    for command in (["scenarios", str(path)], ["soak", f"{path}::test_a", "--board", "sim"]):
        try:
            status = kyu(command)
        except pytest.skip.Exception:
            pytest.fail("kyu itself is skipped")
        assert status == 2
        said = capsys.readouterr().err
        assert said.startswith(f"kyu: {path}: {words}")
        assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("from helpers_of_mine import size", False),
        ("from .helpers_of_mine import size", True),
        ("from package_of_mine.helpers_of_mine import size", True),
    ],
)
def test_a_file_finds_what_lies_beside_it_as_under_pytest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, package: bool
) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    for name in [name for name in sys.modules if "_of_mine" in name]:
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / "package_of_mine"
    folder.mkdir()
    if package:
        (folder / "__init__.py").touch()
    (folder / "helpers_of_mine.py").write_text("size = 1000\n")
    path = folder / "test_it.py"
    path.write_text(f"{line}\n\ndef test_a(guest):\n    guest.gen(size)\n")
    assert [mix.name for mix in in_file(path).values()] == ["a"]


def test_a_need_that_nobody_knows_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="no scenario needs 'wings'"):
        scenario(needs=("wings",))


@pytest.mark.parametrize(
    "terms", [{"visits": 0}, {"parallel": 0}, {"transfers": -1}, {"hours": math.nan}, {"hours": 0}]
)
def test_terms_by_which_nothing_is_run_or_without_end_are_refused_too(terms: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(terms))):
        scenario(**terms)


def test_the_documents_table_of_needs_is_complete() -> None:
    rows = re.findall(r"^\| (`.*`) \|", (DOCS / "writing-a-scenario.md").read_text(), re.M)
    assert {*NEEDS} <= {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}


def example() -> str:
    (code,) = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "writing-a-scenario.md").read_text(), re.M | re.S
    )
    text: str = code
    return text


def test_the_documented_example_is_a_test_and_a_soak_mix(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(test_mine=example())
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "--board=sim").assert_outcomes(passed=1)
    mix = find(f"{path}::test_talk_while_it_streams")
    assert (mix.transfers, mix.parallel) == (500, 2)
    assert mix.what == "The echo service answers while a stream comes in beside it"


def test_the_simulated_board_tells_what_fails_and_skips_what_it_cannot(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest
        from rig.scenario import scenario

        def test_wants_a_board(board): ...
        @scenario(needs=("reset",))
        def test_wants_a_reset_line(guest): ...
        @pytest.mark.needs("gdb")
        def test_wants_a_debugger(): ...
        def test_wants_nothing(): ...
        def test_is_late_already(guest):
            guest.pause(-1)
        def test_never(guest):
            guest.gen(1000)
            assert guest.number != 3, "three"
        def test_breaks(guest):
            guest.do(lambda: guest.stage.board.program([("panic", "planted here")]))
            guest.pause(1)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs", "--board=sim")
    result.assert_outcomes(passed=2, skipped=3, failed=2)
    said = result.stdout
    for reason in ("a board that runs in real time", "a reset line", "a gdb server"):
        assert re.search(rf"SKIPPED.* needs {reason}.*: sim has none", said.str())
    said.fnmatch_lines(["visit 3 of never: corruption: test_never, line 14: three*"])
    said.fnmatch_lines(["FAILED (panic)*planted here*"])


def test_a_mistake_of_a_scenario_is_no_failure_of_the_simulated_board(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        test_it="""
        async def test_never_runs(guest):
            assert False
        def test_divides(guest):
            1 / (guest.number - 1)
        def test_wants_more(guest, tmp_path):
            guest.big()
        def test_misspells(guest):
            guest.connect("ecko").close()
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--board=sim")
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(["the rig failed: scenario misspells: *KeyError: 'ecko'"])
    result.stdout.fnmatch_lines(["the rig failed: test_wants_more takes tmp_path too: *"])
    result.stdout.fnmatch_lines(["the rig failed: scenario never-runs: *neither is async*"])
    result.stdout.fnmatch_lines(["the rig failed: scenario divides: *ZeroDivisionError*"])


def test_a_world_gives_the_same_results_twice() -> None:
    from rig.sim.visits import play
    from rig.traffic.visit import Visit
    from rig.wire import faults

    def body(guest: Guest) -> None:
        guest.pause(guest.dice.random())
        guest.gen(50_000)

    def results() -> list[tuple[int, float, float]]:
        visits = [Visit(body, 5, number, quick=True) for number in range(1, 9)]
        weather = faults.parse("loss=2%")
        return [(one.number, one.start, one.ms) for one in play(visits, 3, weather, 5)]

    assert results() == results()


def test_crowds_share_the_boards_workers() -> None:
    """64 connections are served at once: two visits that hold some of them and want the rest would
    wait for each other for ever."""

    class Counting:
        quick, virtual, seed = True, False, 1

        def __init__(self, number: int, visitors: int) -> None:
            self.number, self.visitors, self.made = number, visitors, 0

        def connect(self, _service: str) -> None:
            self.made += 1
            if self.made == 64:
                raise EOFError

        def pattern(self) -> bytes:
            raise EOFError

    for visitors in (1, 2, 3, 4, 64, 100):
        most = 0
        for number in range(1, 8):
            guest = Counting(number, visitors)
            with contextlib.suppress(EOFError, AttributeError):
                test_transfers.test_parallel(cast(Guest, guest))
            most = max(most, guest.made)
        assert most >= 1
        assert most * visitors <= 64 or most == 1
