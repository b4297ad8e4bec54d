"""An interruption that Python loses is raised again where the rig waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rig import interrupts
from rig.campaign.session import Session
from rig.console.symbols import Symbols
from rig.journal import read_transfers
from rig.tests.fake import FakeBoard

pytestmark = pytest.mark.usefixtures("ctrl_c")

#: A soak of a board that serves five transfers and then none; Ctrl-C, and Ctrl-C again.
TWICE = """
import io, os, signal, sys, threading, time
from pathlib import Path
from kyusim import native
from rig import cli, soak_command
from rig.campaign.session import Session
from rig.campaign.soak import Soak
from rig.console.symbols import Symbols
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.report.progress import PlainDisplay
from rig.tests.fake import FakeBoard, Script

folder = RunFolder(Path(sys.argv[1]))
session = Session(FakeBoard(Script(6, lambda sock, data: time.sleep(60))), Symbols(None))
wanted = plan(SoakOptions(transfers=1000, parallel=4))

def interrupt():
    while sum(1 for _ in (folder.path / "transfers.jsonl").open()) < 5:
        time.sleep(0.01)
    for _ in range(2):
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

def soak(*_, **__):
    threading.Thread(target=interrupt, daemon=True).start()
    return Soak(session, folder, wanted, native, PlainDisplay(io.StringIO())).run()

soak_command.soak = soak
sys.argv[1:] = ["soak"]
cli.main()
"""


def test_a_second_ctrl_c_ends_a_soak_at_once_and_what_is_written_stays(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TWICE, str(tmp_path / "run")], capture_output=True, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (130, b"")
    assert len(list(read_transfers(tmp_path / "run"))) == 5


class Finalised:
    """Ctrl-C comes while this goes away, as a connection of a pool may."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_was_lost_in_a_finaliser_comes_again() -> None:
    Finalised()
    session = Session(FakeBoard(), Symbols(None))
    with pytest.raises(KeyboardInterrupt):
        session.pump(0)
    interrupts.taken()
    session.pump(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_them_is_one(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_a_terminal_is_closed_once_whoever_tells_it() -> None:
    """The shell, the kernel, and whoever prints: the last of them may come when we tidy up."""
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGHUP)
    interrupts.taken()
    os.kill(os.getpid(), signal.SIGHUP)
    interrupts.hung_up()
    interrupts.check()


def test_a_terminal_of_which_nobody_tells_is_seen_by_who_prints() -> None:
    interrupts.hung_up()
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
