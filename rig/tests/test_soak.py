"""The soak against the double of a board: each kind of end, and what is left in the run folder."""

from __future__ import annotations

import io
import json
import socket
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from kyusim import native
from rig import journal
from rig.campaign.session import Session
from rig.campaign.soak import Plan, Soak
from rig.console.grammar import make_frame
from rig.console.symbols import Symbols
from rig.explain import load
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary, Tally
from rig.tests.fake import FakeBoard, Script, crash_lines, reset
from rig.traffic.wangdoodle import Patience
from rig.verdict import Cause, Outcome
from rig.watch import Limits

FAST = Limits(
    ready=2.0,
    heartbeat_silence=0.4,
    probe_answer=0.3,
    crash_record=0.3,
    symptom_grace=0.1,
    stopped_wall=1.0,
)
HASTY = Patience(connect=1.0, stall=0.4)


def run(
    tmp_path: Path, board: FakeBoard, wanted: Plan, *, resume: bool = False
) -> tuple[Summary, Path]:
    folder = RunFolder(tmp_path / "run", resume=resume)
    session = Session(board, Symbols(None), folder=folder, limits=FAST, patience=HASTY)
    soak = Soak(session, folder, wanted, native, PlainDisplay(io.StringIO()))
    if resume:
        soak.resume()
    summary = soak.run()
    folder.close()
    return summary, folder.path


def big(count: int, **more: Any) -> Plan:
    return plan(SoakOptions(transfers=count, **more))


def test_good_transfers_pass(tmp_path: Path) -> None:
    summary, path = run(tmp_path, FakeBoard(), big(20, parallel=3))
    facts = summary.as_json()
    assert (facts["verdict"], facts["cause"]) == ("passed", None)
    assert (facts["transfers_ok"], facts["bytes_ok"]) == (20, 4_000_000)
    assert sorted(line.n for line in journal.read_transfers(path)) == list(range(1, 21))


def test_a_long_run_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            run(tmp_path / str(count), FakeBoard(), big(count))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(50)  # what is imported and kept once
    short, long = peak(400), peak(2400)
    assert long - short < 400_000, "what each transfer leaves is in the journal, not in memory"


def test_whoever_waits_for_the_last_transfers_is_told_so(tmp_path: Path) -> None:
    class Watched(PlainDisplay):
        states: ClassVar[list[str]] = []

        def update(self, tally: Tally, *, last: bool = False, now: bool = False) -> None:
            assert self._board is not None
            self.states.append(self._board().state)
            super().update(tally, last=last, now=now)

    def late(sock: socket.socket, data: bytes) -> None:
        time.sleep(0.3)
        sock.sendall(data)

    folder = RunFolder(tmp_path / "run")
    board = FakeBoard(Script(6, late))
    session = Session(board, Symbols(None), folder=folder, limits=FAST, patience=HASTY)
    Soak(session, folder, big(6, parallel=2), native, Watched(io.StringIO())).run()
    folder.close()
    assert any(state.endswith(", waits for the last 1") for state in Watched.states)
    assert "waits" not in Watched.states[-1]


def test_a_seeded_stream_in_chunks_passes(tmp_path: Path) -> None:
    summary, _ = run(tmp_path, FakeBoard(), big(3, size=5000, chunk=2000, seed=9))
    assert summary.verdict.outcome is Outcome.PASSED
    assert summary.tally.bytes_ok == 15_000


def _wrong_byte(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:123_456] + b"?" + data[123_457:])


def _cut(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:100_000])


def _stall(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:50_000])
    sock.recv(1)


def _reset(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:10_000])
    reset(sock)


def _too_much(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data + b"more")


@pytest.mark.parametrize(
    ("serve", "cause", "words"),
    [
        (_wrong_byte, Cause.CORRUPTION, ("offset 123456", "found 3f")),
        (_cut, Cause.TRUNCATED, ("got 100000 of 200000",)),
        (_stall, Cause.STALL, ("got 50000 of 200000",)),
        (_reset, Cause.RESET, ("connection reset",)),
        (_too_much, Cause.CORRUPTION, ("expected the end",)),
    ],
)
def test_a_bad_transfer_is_named(
    tmp_path: Path,
    serve: Callable[[socket.socket, bytes], None],
    cause: Cause,
    words: tuple[str, ...],
) -> None:
    summary, path = run(tmp_path, FakeBoard(Script(3, serve)), big(10))
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.FAILED, cause)
    assert all(word in summary.verdict.detail for word in words), summary.verdict.detail
    assert (summary.tally.attempted, summary.tally.ok) == (3, 2)
    assert summary.tally.failures == {cause.value: 1}
    transfer = json.loads((path / f"failures/001-{cause.value}/transfer.json").read_text())
    assert transfer["transfers"][0]["n"] == 3


def test_a_panic_in_a_transfer_is_a_panic_with_its_evidence(tmp_path: Path) -> None:
    script = Script(2, _stall, lambda board: board.say(*crash_lines()), silent_after=True)
    summary, path = run(tmp_path, FakeBoard(script), big(10))
    assert summary.verdict.cause is Cause.PANIC
    assert summary.verdict.function == "m_copym"
    assert (summary.tally.attempted, summary.tally.ok) == (2, 1)
    evidence = path / "failures/001-panic"
    assert "tcp_output" in (evidence / "traceback.txt").read_text()
    assert json.loads((evidence / "crash.json").read_text())["function"] == "m_copym"
    assert "PANIC: m_copym 3" in (evidence / "console.txt").read_text()


@pytest.mark.parametrize(("answers", "words"), [(False, "does not answer"), (True, "is alive")])
def test_a_dead_heartbeat_is_a_hang(tmp_path: Path, answers: bool, words: str) -> None:
    board = FakeBoard(Script(2, _stall, silent_after=True))
    board.answers = answers
    summary, _ = run(tmp_path, board, big(10))
    assert summary.verdict.cause is Cause.HANG
    assert words in summary.verdict.detail


def test_an_alarm_after_the_last_transfer_still_fails_the_run(tmp_path: Path) -> None:
    def late(board: FakeBoard) -> None:
        board.beating = False
        board.say(*crash_lines())

    script = Script(2, lambda sock, data: sock.sendall(data), late)
    summary, _ = run(tmp_path, FakeBoard(script), big(2))
    assert summary.verdict.cause is Cause.PANIC


def test_kept_going_restarts_the_board_and_counts_each_failure(tmp_path: Path) -> None:
    board = FakeBoard(Script(3, _cut))
    summary, path = run(tmp_path, board, big(10, keep_going=True))
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.FAILED, Cause.TRUNCATED)
    assert (summary.tally.attempted, summary.tally.ok, board.boots) == (10, 9, 2)
    assert [line.n for line in journal.read_transfers(path)] == list(range(1, 11))
    assert len(load(path)) == 2, "one explanation for each power-on"


def test_an_emulator_killed_from_outside_is_inconclusive(tmp_path: Path) -> None:
    def vanish(board: FakeBoard) -> None:
        board.ended = "QEMU was killed by signal 9"

    summary, _ = run(tmp_path, FakeBoard(Script(2, _cut, vanish, silent_after=True)), big(10))
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert summary.verdict.exit_status == 3
    assert "signal 9" in summary.verdict.detail


def test_an_emulator_killed_after_failures_of_the_board_does_not_hide_them(tmp_path: Path) -> None:
    class Next(FakeBoard):
        """The second board is killed."""

        def power_on(self) -> None:
            super().power_on()
            if self.boots == 2:
                self.ended = "QEMU was killed by signal 9"

    summary, _ = run(tmp_path, Next(Script(2, _cut)), big(10, keep_going=True))
    assert summary.verdict.exit_status == 3
    assert (
        summary.verdict.detail == "QEMU was killed by signal 9; before that 1 failure of the board"
    )
    assert summary.tally.failures == {"truncated": 1, "rig": 1}


def test_a_run_folder_replays_to_the_same_verdict(tmp_path: Path) -> None:
    script = Script(2, _stall, silent_after=True)
    board = FakeBoard(script)
    board.answers = False
    summary, path = run(tmp_path, board, big(5))
    (found,) = load(path)
    # The replay is judged with the standing limits, longer than this test's: the record decides.
    assert found.verdict is not None
    assert found.verdict.cause is summary.verdict.cause is Cause.HANG


def test_a_resumed_run_goes_on_where_the_journal_ends(tmp_path: Path) -> None:
    _, path = run(tmp_path, FakeBoard(), big(5))
    with (path / journal.TRANSFERS).open("ab") as file:
        file.write(b'{"n":6,"start":1.0,"m')
    summary, _ = run(tmp_path, FakeBoard(), big(9), resume=True)
    assert (summary.tally.attempted, summary.tally.ok) == (9, 9)
    assert [line.n for line in journal.read_transfers(path)] == list(range(1, 10))


def test_warnings_are_reported_and_fail_nothing(tmp_path: Path) -> None:
    def warn(board: FakeBoard) -> None:
        board.say(make_frame("warn", what="pool", text="clusters nearly gone"))

    script = Script(1, lambda sock, data: sock.sendall(data), warn)
    summary, _ = run(tmp_path, FakeBoard(script), big(2))
    assert summary.verdict.outcome is Outcome.PASSED
    assert summary.warnings == ("pool: clusters nearly gone",)


def test_a_board_that_warns_all_night_fills_no_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.campaign.soak.WARNINGS_MAX", 3)

    def warn(board: FakeBoard) -> None:
        board.say(*(make_frame("warn", what="pool", text=f"number {n}") for n in range(8)))

    script = Script(1, lambda sock, data: sock.sendall(data), warn)
    summary, _ = run(tmp_path, FakeBoard(script), big(2))
    assert summary.warnings[0] == "5 warnings before these"
    assert summary.warnings[1:] == tuple(f"pool: number {n}" for n in (5, 6, 7))


def test_a_full_disk_is_the_rigs_own_trouble(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder._transfers.close()
    folder._transfers._file = open("/dev/full", "a+b", buffering=0)  # noqa: SIM115, PTH123
    session = Session(FakeBoard(), Symbols(None), folder=folder, limits=FAST, patience=HASTY)
    summary = Soak(session, folder, big(3), native, PlainDisplay(io.StringIO())).run()
    folder.close()
    assert summary.verdict.cause is Cause.RIG
    assert "No space left" in summary.verdict.detail


def test_ctrl_c_leaves_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    pump = Session.pump

    def interrupted(session: Session, wait_s: float = 0.1) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise KeyboardInterrupt
        return pump(session, wait_s)

    monkeypatch.setattr(Session, "pump", interrupted)
    summary, _ = run(tmp_path, FakeBoard(), big(100_000))
    assert summary.interrupted
    assert summary.verdict.outcome is Outcome.INCONCLUSIVE
    assert summary.tally.failures == {}


def test_a_clock_that_is_stepped_in_the_night_is_not_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour back, a year on, at every look: only monotonic time is judged by."""
    looks = iter(range(10**9))
    monkeypatch.setattr("time.time", lambda: (-3600.0, 3e7)[next(looks) % 2])
    summary, path = run(tmp_path, FakeBoard(), big(20, parallel=3))
    assert summary.verdict.outcome is Outcome.PASSED
    assert all(0 <= line.start < 60 and line.ms < 60_000 for line in journal.read_transfers(path))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (big(20), "0 of 20 transfers attempted"),
        (plan(SoakOptions(hours=1e-9)), "0 of any transfers attempted"),
    ],
)
def test_a_run_that_ends_before_its_number_has_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Plan, words: str
) -> None:
    monkeypatch.setattr("rig.traffic.pool.Workers._work", lambda *_: None)
    summary, path = run(tmp_path, FakeBoard(), wanted)
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert words in summary.verdict.detail
    (found,) = load(path)
    assert found.verdict is not None
    assert found.verdict.cause is Cause.RIG, "the record replays to the same"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_the_rig_in_a_transfers_thread_is_no_run_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_plan: Plan, _number: int) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(Plan, "request", broken)
    summary, _ = run(tmp_path, FakeBoard(), big(20))
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert "a transfer's thread has died: AttributeError: no such thing" in summary.verdict.detail
