"""The H3's own watchdog: fed while threads run, and not by a board that has stopped.

QEMU 7.2 does not model it: there the feeding is seen as what it logs of an unknown register. Newer
ones do, and there a stopped board begins anew by itself.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rig.assembly import BoardChoice
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.wire.protocol import WANGDOODLE

#: Where the watchdog's control register lies behind the timers' base, in QEMU's words.
CONTROL = "0xb0"
MODELLED = (8, 0)


def is_modelled(board: PlainBoard) -> bool:
    return tuple(map(int, board.version.split(".")[:2])) >= MODELLED


def strike(board: PlainBoard) -> None:
    """One transfer, at which the planted failure strikes."""
    address = board.address(WANGDOODLE)
    with suppress(OSError), socket.create_connection((address.host, address.port), 5) as sock:
        sock.settimeout(1.0)
        sock.sendall(b"big\n")
        while sock.recv(65536):
            pass


def feedings(log: Path) -> int:
    return log.read_text().count(f"offset {CONTROL}")


def wait_for_feeding(log: Path, more_than: int) -> int:
    ends = time.monotonic() + 30.0
    while feedings(log) <= more_than and time.monotonic() < ends:
        time.sleep(0.05)
    return feedings(log)


@pytest.mark.needs("emulator")
def test_it_is_fed_while_threads_run_and_no_longer_after_a_panic(
    boards: Keeper, defects_choice: BoardChoice, tmp_path: Path
) -> None:
    boards.off()
    log = tmp_path / "qemu.log"
    options = ("-d", "guest_errors,unimp", "-D", str(log))
    board = PlainBoard(defects_choice.image, boards.wire, "defect=panic:0", options=options)
    with running(board):
        if is_modelled(board):
            pytest.skip("this QEMU has the watchdog, and logs no feeding")
        first = wait_for_feeding(log, 0)
        again = wait_for_feeding(log, first)
        assert again > first, f"fed again and again\n{log.read_text()}\n{board.said()[-3000:]}"
        strike(board)
        board.await_text("@kyu crash-end")
        last = feedings(log)
        time.sleep(1.5)  # three periods of feeding
        assert feedings(log) == last


@pytest.mark.needs("emulator")
def test_a_board_that_has_stopped_begins_anew_and_tells_why(
    boards: Keeper, defects_choice: BoardChoice
) -> None:
    boards.off()
    board = PlainBoard(defects_choice.image, boards.wire, "defect=panic:0 watchdog=1")
    with running(board):
        if not is_modelled(board):
            pytest.skip("this QEMU lacks the watchdog")
        strike(board)
        board.await_text("@kyu ready", times=2)
        assert "last crash: PANIC: planted panic" in board.said()
