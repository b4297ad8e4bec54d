"""pytest against a board: `pytest rig/scenarios --board=qemu`.

Context   the main thread of pytest; one board at a time, shared by the tests of a session.
Rules     a rig fault is an error, never a failure; a board that failed makes later tests skip.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rig import arguments, rounds, scenario
from rig import evidence as evidence_folder
from rig.assembly import BOARDS, BoardChoice, assemble, bench_of, check_board, wire_for
from rig.board import bootargs
from rig.board import image as images
from rig.board.bench_config import OPTIONS, BenchConfig
from rig.campaign.session import BoardFailedError, Session, TimedLine, abilities
from rig.console.grammar import PROMPT
from rig.errors import RigError, UserError
from rig.journal import RunFolder
from rig.rack import borrowing
from rig.rack.borrowing import LABGRID
from rig.report.summary import headline
from rig.report.text import escaped, several
from rig.traffic.pattern import Native, native
from rig.traffic.pool import Work
from rig.traffic.request import Request, Result
from rig.traffic.wangdoodle import ON_A_BAD_WIRE, Patience
from rig.verdict import Outcome, Verdict
from rig.wire.bridged import BridgedWire
from rig.wire.choose import NAMES
from rig.wire.faults import FaultPlan
from rig.wire.protocol import Wire
from rig.wire.tap import TapWire

T = TypeVar("T")
_RIG_FAULT = "kyu_rig_fault"
_SIM = "sim"
#: As the exit status of kyu.
RIG = 3
#: Fixtures that are a board in real time. In the simulator there is only `guest`.
_REAL = frozenset({"board", "boards", "wire", "wang", "console", "evidence"})
_OF_THE_BENCH = (*OPTIONS.items(), ("board_config", "--board-config"))


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    group = parser.getgroup("kyu", "the board under test")
    group.addoption("--board", default="qemu", help=f"{', '.join(BOARDS)} (default: qemu)")
    group.addoption("--wire", default="auto", help=f"{', '.join(NAMES)} (default: auto)")
    group.addoption("--image", default=None, help="the firmware (default: build/board/kyu.elf)")
    group.addoption("--bootargs", default="", help="boot arguments, KEY=VALUE …")
    for _, option in _OF_THE_BENCH:
        group.addoption(option, default=None, help="of the bench board (docs/bench-setup.md)")
    group.addoption("--lg-place", default=None, help="labgrid: the board, or TAG=VALUE of any")
    group.addoption("--lg-place-wait", default=0.0, type=float, help="labgrid: seconds for that")
    if pluginmanager.is_blocked(LABGRID) or find_spec(LABGRID) is None:
        group.addoption(
            "--lg-coordinator", default=None, help="labgrid: HOST[:PORT]"
        )  # else its own


def pytest_configure(config: pytest.Config) -> None:
    needs = ", ".join(scenario.NEEDS)
    config.addinivalue_line("markers", f"needs(name, …): what it needs of a board: {needs}")
    # What is said of a bench board must not be passed over, and the emulator's good news be its.
    said = {name: option for name, option in _OF_THE_BENCH if config.getoption(name) is not None}
    try:
        arguments.check_board(said, config.getoption("--board"))
    except UserError as error:
        raise pytest.UsageError(f"kyu: {error}") from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: what no board of this name can do is skipped with the reason."""
    wanted = [need for mark in item.iter_markers("needs") for need in mark.args]
    unknown = [need for need in wanted if need not in scenario.NEEDS]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: nothing is known of the need {unknown[0]!r}")
    if item.config.getoption("--board") != _SIM:
        return
    names = getattr(item, "fixturenames", ())
    if "guest" not in names and _REAL & {*names}:
        wanted.append("real-time")
    rounds.skip_unless(scenario.SIMULATED, wanted, _SIM)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that takes `guest` is a scenario: it is called once a visit."""
    guest = pyfuncitem.funcargs.get("guest")
    if not isinstance(guest, rounds.Rounds):
        return None
    named = inspect.signature(pyfuncitem.obj).parameters.values()
    others = [one.name for one in named if one.name != "guest" and one.default is one.empty]
    if others:  # kyu soak has none of them to give
        takes = f"{pyfuncitem.name} takes {', '.join(others)} too"
        raise RigError(f"{takes}: a scenario takes its guest and nothing else")
    guest.play(pyfuncitem.obj)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,  # noqa: ARG001  the hook's own names
    call: pytest.CallInfo[None],
) -> Iterator[None]:
    outcome = yield
    if call.excinfo is not None and call.excinfo.errisinstance(RigError):
        report = outcome.get_result()  # type: ignore[attr-defined]
        setattr(report, _RIG_FAULT, True)
        # Nor is it what xfail() expected, or what junit.xml would call a failure of the test.
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
        if report.when == "call":
            report.when = "setup"
        report.longrepr = f"the rig failed: {several(str(call.excinfo.value))}"


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    if getattr(report, _RIG_FAULT, False):
        return "error", "E", "ERROR (rig)"
    return None


class Keeper:
    """Owns the one board that is powered: the shared one, or one that a test asked for."""

    def __init__(self, wire: Wire, choice: BoardChoice) -> None:
        self.wire = wire
        self.choice = choice
        self.broken = ""
        self._shared: Session | None = None
        self._powered: Session | None = None
        self._able: frozenset[str] | None = None

    def shared(self) -> Session:
        """The board of the session, booted when it is off. Skips when it is broken."""
        if self.broken:
            pytest.skip(self.broken)
        if self._shared is None or self._powered is not self._shared or _spoiled(self._shared):
            self._shared = self.boot(self.choice)
            if self._shared.verdict is not None:
                self.judge("the boot", self._shared.verdict)
        self._shared.take_up_again()
        return self._shared

    def boot(
        self,
        choice: BoardChoice,
        *,
        folder: RunFolder | None = None,
        patience: Patience | None = None,
    ) -> Session:
        """A board of the test's own; the shared one is powered off meanwhile."""
        session = self.prepare(choice, folder=folder, patience=patience)
        session.boot()
        return session

    def prepare(
        self,
        choice: BoardChoice,
        *,
        folder: RunFolder | None = None,
        patience: Patience | None = None,
    ) -> Session:
        """The same, not yet powered."""
        self.off()
        session = assemble(choice, self.wire, folder=folder, patience=patience or Patience())
        self._powered = session
        return session

    def able(self) -> frozenset[str]:
        """Which of rig.scenario.NEEDS are met here."""
        if self._able is None:
            self._able = abilities(assemble(self.choice, self.wire).board, self.wire.name)
        return self._able

    def need(self, *needs: str) -> None:
        """Skips when one of rig.scenario.NEEDS is not met here: for fixtures of a module."""
        rounds.skip_unless(self.able(), needs, f"{self.choice.board} on {self.wire.name}")

    @contextmanager
    def on_a_bad_wire(self, plan: FaultPlan, seed: int) -> Iterator[Session]:
        """A board behind the rig's own bridge, booted; the shared one is off meanwhile."""
        self.off()
        assert isinstance(self.wire, TapWire), "asked before: able()"
        harmful = BridgedWire(self.wire, plan, seed)
        try:
            session = assemble(self.choice, harmful, patience=ON_A_BAD_WIRE)
            self._powered = session
            session.boot()
            harmful.begin()
            yield session
        finally:
            self.off()
            harmful.unbridge()

    def judge(self, who: str, verdict: Verdict) -> None:
        """Raises what the verdict means to a test."""
        if verdict.outcome is Outcome.PASSED:
            return
        if verdict.outcome is Outcome.INCONCLUSIVE:
            raise RigError(verdict.detail)
        self.broken = f"the board is broken since {who}: {escaped(verdict.detail)}"
        pytest.fail(headline(verdict), pytrace=False)

    def off(self) -> None:
        if self._powered is not None:
            self._powered.power_off()
            self._powered = None


def _spoiled(session: Session) -> bool:
    """The rig failed a test on this board, perhaps by a mistake in the test: that is no word about
    the others. A board that never came up is asked once.
    """
    verdict = session.verdict
    inconclusive = verdict is not None and verdict.outcome is Outcome.INCONCLUSIVE
    return inconclusive and session.watch.ready


@dataclass(frozen=True)
class Wang:
    """Wangdoodle of the shared board. Each call is under watch: a verdict fails the test."""

    session: Session
    keeper: Keeper
    source: Native
    who: str

    def big(self, count: int = 1, *, parallel: int = 1) -> list[Result]:
        return self.run([Request()] * count, parallel=parallel)

    def gen(self, seed: int, size: int, chunk: int = 0) -> Result:
        return self.run([Request("gen", size, seed, chunk)])[0]

    def run(self, requests: Sequence[Work], *, parallel: int = 1) -> list[Result]:
        """Transfers to their end, every byte compared."""
        results = self.session.run(self.source, requests, parallel=parallel)
        if self.session.watch.symptom is not None:
            self.session.await_verdict()
        self._check()
        return results

    def ask(self, line: str) -> str:
        """A short command and its answer."""
        client = self.session.client(self.source)
        return self.aside(lambda: client.ask_line(line)).decode("ascii", errors="replace")

    def aside(self, work: Callable[[], T]) -> T:
        """Anything else that talks to the board, on a thread of its own."""
        try:
            return self.session.aside(work)
        except BoardFailedError as failed:
            self.keeper.judge(self.who, failed.verdict)
            raise

    def _check(self) -> None:
        if self.session.verdict is not None:
            self.keeper.judge(self.who, self.session.verdict)


class _News:
    """The lines that come after now, each told once.

    The last line that is known is held, not only remembered: so it is told from all others even
    when it has long fallen out of the tail, and then all that the tail holds is new.
    """

    def __init__(self, tail: Sequence[TimedLine]) -> None:
        self._tail = tail
        self._known = tail[-1] if tail else None

    def take(self) -> list[str]:
        new = list(takewhile(lambda line: line is not self._known, reversed(self._tail)))
        if new:
            self._known = new[0]
        return [line.text for line in reversed(new)]


@dataclass(frozen=True)
class ConsoleView:
    """The shared board's console."""

    session: Session

    def lines(self) -> list[str]:
        self.session.pump(0)
        return [line.text for line in self.session.tail]

    def type(self, text: str) -> None:
        """Types a line at the shell."""
        self.session.board.console.write(text.encode("ascii") + b"\r")

    def ask(self, line: str, seconds: float = 10.0) -> list[str]:
        """Types a line; what the board says before its next prompt. Heartbeats are left out."""
        self.session.pump(0)
        news = _News(self.session.tail)
        self.type(line)
        said: list[str] = []
        ends = self.session.observed() + seconds
        while self.session.observed() < ends:
            said += news.take()
            if PROMPT in said:
                answer = said[: said.index(PROMPT)]
                heard = [text for text in answer if text and not text.startswith("@kyu hb ")]
                return without_echo(heard, line)
            self.session.pump(0.05)
        pytest.fail(f"no prompt within {seconds:g} s after {line[:40]!r}", pytrace=False)

    def wait_for(self, words: str, seconds: float = 5.0) -> str:
        """The first line from now on that has `words` in it. Fails the test when none comes."""
        news = _News(self.session.tail)
        ends = self.session.observed() + seconds
        while self.session.observed() < ends:
            found = next((line for line in news.take() if words in line), None)
            if found is not None:
                return found
            self.session.pump(0.05)
        pytest.fail(f"no console line with {words!r} in {seconds:g} s", pytrace=False)


def without_echo(heard: list[str], line: str) -> list[str]:
    """What follows the echo of `line`, which a heartbeat between two keys breaks in pieces."""
    echo = ""
    for number, text in enumerate(heard):
        if echo == line:
            return heard[number:]
        if not line.startswith(echo + text):
            return heard[1:]
        echo += text
    return []


_LG_OPTIONS = {"place": "lg_place", "place_wait": "lg_place_wait", "coordinator": "lg_coordinator"}


@pytest.fixture(scope="session")
def bench_config(request: pytest.FixtureRequest) -> Iterator[BenchConfig | None]:
    """The board on the bench, or in a rack, from where it is borrowed for the session."""

    def option(name: str) -> Any:
        return request.config.getoption(_LG_OPTIONS.get(name, name), None)

    board: str = request.config.getoption("--board")
    with contextlib.ExitStack() as stack:
        try:
            lent = _usable(lambda: stack.enter_context(borrowing.rack(board, option)))
        except RigError as error:  # of no test in particular
            pytest.exit(f"kyu: the rig failed: {error}", returncode=RIG)
        file: str | None = option("board_config")
        yield lent.first if lent else _usable(lambda: bench_of(board, file, option))


@pytest.fixture(scope="session")
def wire(request: pytest.FixtureRequest, bench_config: BenchConfig | None) -> Iterator[Wire]:
    """The wire of --wire; entered once, early."""
    taken = _usable(lambda: wire_for(bench_config, request.config.getoption("--wire")))
    yield taken
    taken.close()


@pytest.fixture(scope="session")
def board_choice(request: pytest.FixtureRequest, bench_config: BenchConfig | None) -> BoardChoice:
    """What the options say about the board."""
    name: str = request.config.getoption("--board")
    given: str | None = request.config.getoption("--image")

    def chosen() -> BoardChoice:
        check_board(name)
        image = images.find(Path(given) if given else None)
        args: str = request.config.getoption("--bootargs")
        bootargs.merge({}, args)  # raises what the first board would raise, in the middle of a test
        return BoardChoice(name, image, args, bench=bench_config)

    return _usable(chosen)


@pytest.fixture(scope="session")
def boards(wire: Wire, board_choice: BoardChoice) -> Iterator[Keeper]:
    """For tests that boot boards of their own."""
    keeper = Keeper(wire, board_choice)
    yield keeper
    keeper.off()


@pytest.fixture
def board(boards: Keeper, request: pytest.FixtureRequest) -> Iterator[Session]:
    """The shared board, booted and under watch; judged again when the test has ended."""
    session = boards.shared()
    yield session
    session.pump(0)
    if session.verdict is not None and not boards.broken:
        boards.judge(request.node.name, session.verdict)


@pytest.fixture
def guest(request: pytest.FixtureRequest) -> rounds.Rounds:
    """Who visits the board (rig/scenario.py): the test is called several times, with a Guest."""
    if request.config.getoption("--board") == _SIM:
        return rounds.simulated()
    keeper: Keeper = request.getfixturevalue("boards")
    return rounds.on_board(keeper, request.getfixturevalue("patterns"), request.node.name)


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """What depends on the wire is known once there is one."""
    marks = request.node.iter_markers("needs")
    wanted = [need for mark in marks for need in mark.args]
    if wanted and request.config.getoption("--board") != _SIM:
        keeper: Keeper = request.getfixturevalue("boards")
        keeper.need(*wanted)


@pytest.fixture
def console(board: Session) -> ConsoleView:
    return ConsoleView(board)


@pytest.fixture(scope="session")
def patterns() -> Native:
    """The firmware's own generators."""
    return _usable(native)


@pytest.fixture
def wang(board: Session, boards: Keeper, patterns: Native, request: pytest.FixtureRequest) -> Wang:
    return Wang(board, boards, patterns, request.node.name)


@pytest.fixture
def evidence(board: Session, tmp_path: Path) -> Iterator[Path]:
    """A folder; when the board fails in this test, what explains it is put there."""
    yield tmp_path
    verdict = board.verdict
    if verdict is not None and verdict.outcome is Outcome.FAILED:
        tail = [(line.at, line.text) for line in board.tail]
        look = board.look("after a failed test")
        exhibit = evidence_folder.Exhibit(
            verdict, board.watch.telling_crash, tail, [], "", {}, look
        )
        evidence_folder.write(tmp_path / "failures", 1, exhibit, board.symbols)


def _usable(make: Callable[[], T]) -> T:
    """A user's mistake is one clear line and the end of the session, as of any pytest option."""
    try:
        return make()
    except UserError as error:
        pytest.exit(f"kyu: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
