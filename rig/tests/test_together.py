"""Several clients at once, one of whom sees a failure: it is kept, and what the others saw."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kyusim import native
from rig import journal
from rig.campaign.session import Session
from rig.campaign.soak import Leg, Plan, Soak
from rig.console.grammar import make_frame
from rig.console.symbols import Symbols
from rig.journal import RunFolder
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.scenario import Guest
from rig.tests.fake import FakeBoard, crash_lines
from rig.tests.test_soak import FAST, HASTY, big, run
from rig.traffic.visit import Visit
from rig.verdict import Cause, Outcome

Bad = Callable[["Crowded", socket.socket, bytes], None]


class Crowded(FakeBoard):
    """Serves everybody at once; what is asked for as number `bad` gets something else."""

    def __init__(self, bad: int, how: Bad) -> None:
        super().__init__()
        self.bad, self.how = bad, how
        self.served: list[int] = []
        self._count = threading.Lock()

    def _serve(self) -> None:
        assert self._listener is not None
        while self._on:
            with contextlib.suppress(OSError):
                sock, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(5)
            command = sock.recv(100)
            with self._count:
                self.transfers += 1
                number = self.transfers
            if number == self.bad:
                self.how(self, sock, self._data(command))
                return
            time.sleep(0.05)
            sock.sendall(self._data(command))
            self.served.append(number)


class Resettable(Crowded):
    """Beats from 0.1 s on after a reset."""

    def _talk(self) -> None:
        self.reset()
        while self._on:
            time.sleep(self.heartbeat_s)
            up_ms = 100 + int((time.monotonic() - self._begun) * 1000)
            self.say(make_frame("hb", up_ms=up_ms, transfers=0))

    def reset(self) -> None:
        self._begun = time.monotonic()
        self.say(make_frame("boot", v=1, build=self.build))
        self.say(make_frame("ready", services="wangdoodle:114", up_ms=10))


def wrong(_: Crowded, sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:100] + b"?" + data[101:])


def dies(board: Crowded, sock: socket.socket, data: bytes) -> None:
    del sock, data
    board.say(*crash_lines()[:-1])  # the record's end does not come
    time.sleep(1.5)


def test_what_others_had_done_when_one_failed_is_in_the_journal(tmp_path: Path) -> None:
    board = Crowded(10, wrong)
    summary, path = run(tmp_path, board, big(40, parallel=6))
    assert summary.verdict.cause is Cause.CORRUPTION
    told = [line.n for line in journal.read_transfers(path)]
    assert sorted(told) == list(range(1, len(told) + 1)), "each that was begun has a line"
    assert sum(line.ok for line in journal.read_transfers(path)) >= len(board.served)


@pytest.mark.parametrize(("how", "cause"), [(wrong, Cause.CORRUPTION), (dies, Cause.PANIC)])
def test_a_reset_that_a_scenario_wants_does_not_wipe_away_what_has_gone_wrong(
    tmp_path: Path, how: Bad, cause: Cause
) -> None:
    def visit(guest: Guest) -> None:
        if guest.number == 1:
            guest.big()
        else:
            guest.pause(0.3)
            guest.reset_board()

    summary = _soak(tmp_path, Resettable(1, how), visit)
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.FAILED, cause)


def _soak(place: Path, board: Crowded, visit: Callable[[Guest], None]) -> Summary:
    limits = replace(FAST, symptom_grace=0.6, crash_record=1.0)
    folder = RunFolder(place / "run")
    session = Session(board, Symbols(None), folder=folder, limits=limits, patience=HASTY)
    leg = Leg("visits", 10, lambda number, _: Visit(visit, 0, number))
    plan = Plan((leg,), 4, None, 2, 0, keep_going=False)
    with contextlib.closing(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "has", lambda _: True)
        return Soak(session, folder, plan, native, PlainDisplay(io.StringIO())).run()
