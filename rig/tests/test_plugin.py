"""The pytest plugin: whom a test blames. Played with the double of a board."""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat
from types import SimpleNamespace
from typing import cast

import pytest
from junitparser import JUnitXml

# Imported here so that the inner runs, which put sys.modules back, all see the same modules.
import rig.pytest_plugin
import rig.tests.fake
from rig.campaign.session import Session, TimedLine
from rig.console.grammar import PROMPT

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
from pathlib import Path
from rig import pytest_plugin
from rig.campaign.session import Session
from rig.console.symbols import Symbols
from rig.tests.fake import FakeBoard, Script, crash_lines
from rig.traffic.wangdoodle import Patience
from rig.watch import Limits
from rig.wire.slirp import SlirpWire

LIMITS = Limits(ready=2, heartbeat_silence=.4, probe_answer=.3, crash_record=.3, symptom_grace=.1)
BOARD = FakeBoard(Script({script}))

def assemble(choice, wire, **more):
    return Session(BOARD, Symbols(None), limits=LIMITS, patience=Patience(1.0, .4))

def pytest_addoption(parser, pluginmanager):
    if not pluginmanager.is_registered(pytest_plugin):
        pluginmanager.register(pytest_plugin, "kyu")

@pytest.fixture(autouse=True, scope="session")
def doubles():
    patch = pytest.MonkeyPatch()
    patch.setattr(pytest_plugin, "assemble", assemble)
    patch.setattr(pytest_plugin, "wire_for", lambda bench, name: SlirpWire())
    patch.setattr(pytest_plugin.images, "find", lambda given: Path("kyu.elf"))
    yield
    patch.undo()
"""

TESTS = """
def test_first(wang):
    wang.big(2)

def test_second(wang):
    wang.big(3, parallel=2)

def test_third(wang, console):
    assert console.lines()
"""


def play(
    pytester: pytest.Pytester, script: str = "", tests: str = TESTS, *options: str
) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST.replace("{script}", script))
    pytester.makepyfile(textwrap.dedent(tests))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)


def test_a_good_board_passes(pytester: pytest.Pytester) -> None:
    play(pytester).assert_outcomes(passed=3)


def test_a_broken_board_fails_one_test_and_skips_the_rest(pytester: pytest.Pytester) -> None:
    script = "4, lambda sock, data: sock.recv(1), lambda b: b.say(*crash_lines()), True"
    result = play(pytester, script)
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*FAILED (panic): panic in m_copym (thread wang-3): m_copym 3*"])


def test_a_rig_fault_is_an_error_and_no_failure(pytester: pytest.Pytester) -> None:
    script = "4, None, lambda board: setattr(board, 'ended', 'QEMU was killed by signal 9')"
    result = play(pytester, script)
    counts = result.parseoutcomes()
    assert counts.get("errors", 0) >= 1
    assert "failed" not in counts
    result.stdout.fnmatch_lines(["*the rig failed: QEMU was killed by signal 9*"])


RIGS_FAULT = """
import pytest
from rig.errors import RigError

def test_first(wang):
    wang.big()

def test_second(board):
    raise RigError("the disk is full")

@pytest.mark.xfail
def test_third(board):
    raise RigError("the disk is full")
"""


def test_a_rig_fault_is_an_error_in_junit_xml_and_what_nobody_expected(
    pytester: pytest.Pytester,
) -> None:
    result = play(pytester, "", RIGS_FAULT, "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, errors=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    suite = next(iter(JUnitXml.fromfile(str(pytester.path / "junit.xml"))))
    assert (suite.errors, suite.failures, suite.skipped) == (2, 0, 0)


MISTAKEN = """
def test_first(guest):
    guest.big()

def test_second(guest):
    1 / 0

def test_third(guest):
    guest.big()

def test_fourth(wang):
    wang.big(2)
"""


def test_a_mistake_in_a_test_is_that_tests_alone(pytester: pytest.Pytester) -> None:
    result = play(pytester, "", MISTAKEN)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["the rig failed: scenario second: *ZeroDivisionError*"])


def test_transfers_that_nobody_makes_do_not_pass(pytester: pytest.Pytester) -> None:
    result = play(pytester, "", "def test_it(wang): wang.big(2, parallel=0)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ValueError: parallel=0*"])


def test_wrong_boot_arguments_are_one_clear_line(pytester: pytest.Pytester) -> None:
    result = play(pytester, "", TESTS, "--bootargs=abba")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "kyu: --bootargs: 'abba' is not KEY=VALUE" in said
    assert "Traceback" not in said


def test_a_wrong_option_is_one_clear_line(pytester: pytest.Pytester) -> None:
    result = play(pytester, "", TESTS, "--board=toaster")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "kyu: --board: no board is named 'toaster'; take qemu, bench, labgrid, sim" in said
    assert "Traceback" not in said


def test_options_of_the_bench_are_not_passed_over_on_the_emulator(
    pytester: pytest.Pytester,
) -> None:
    result = play(pytester, "", TESTS, "--serial=/dev/ttyUSB0", "--board-ip=192.168.0.9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*kyu: --serial, --board-ip: a qemu board has none; take --board bench, or leave it out"]
    )


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (["up", "up 5 s"], ["up 5 s"]),
        (["u", "p", "up 5 s"], ["up 5 s"]),
        (["up"], []),
        (["up\x07", "cut"], ["cut"]),
    ],
)
def test_the_echo_of_a_command_is_no_answer(heard: list[str], answer: list[str]) -> None:
    assert rig.pytest_plugin.without_echo(heard, "up") == answer
    assert rig.pytest_plugin.without_echo(answer, "") == answer


class Chatty:
    """A session whose board answers what is typed by many lines, of which the tail keeps few."""

    def __init__(self, kept: int) -> None:
        self.tail = deque((TimedLine(0.0, f"old {n}") for n in range(2 * kept)), kept)
        self.board = SimpleNamespace(console=SimpleNamespace(write=self._typed))
        self._says: Iterator[str] = iter(())
        self._now = 0.0

    def _typed(self, data: bytes) -> None:
        answer = (f"line {n}" for n in range(100))
        self._says = chain([data.decode().strip()], answer, [PROMPT], repeat("quiet"))

    def observed(self) -> float:
        return self._now

    def pump(self, wait_s: float) -> None:
        self._now += wait_s
        if wait_s > 0:
            for said in islice(self._says, 10):
                self.tail.append(TimedLine(self._now, said))


def test_a_line_is_new_however_many_were_forgotten_before_it() -> None:
    view = rig.pytest_plugin.ConsoleView(cast(Session, Chatty(50)))
    assert view.ask("tell") == [f"line {n}" for n in range(100)]
    view.type("again")
    assert view.wait_for("line 15") == "line 15"
    assert view.wait_for("line 9") == "line 90", "what was there before is not waited for"


@pytest.mark.parametrize("there", [False, True])
def test_an_option_of_labgrids_own_plugin_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    monkeypatch.setattr(rig.pytest_plugin, "find_spec", lambda _: object() if there else None)
    parser = pytest.Parser(_ispytest=True)
    rig.pytest_plugin.pytest_addoption(parser, pytest.PytestPluginManager())
    names = {name for group in parser._groups for one in group.options for name in one.names()}
    assert ("--lg-coordinator" in names) is not there
    assert "--lg-place" in names


def test_a_board_of_labgrid_without_a_name_is_one_clear_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LG_PLACE", raising=False)
    monkeypatch.setenv("KYU_LABGRID_CLIENT", "/bin/true")
    result = play(pytester, "", TESTS, "--board=labgrid")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "kyu: --place: which place?; NAME, or TAG=VALUE for any of a kind" in said


def test_a_board_that_labgrid_does_not_lend_is_the_rigs_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KYU_LABGRID_CLIENT", "/bin/false")
    result = play(pytester, "", TESTS, "--board=labgrid", "--lg-place=one")
    assert result.ret == rig.pytest_plugin.RIG
    said = result.stdout.str() + result.stderr.str()
    assert "kyu: the rig failed: labgrid: it failed without a word" in said
