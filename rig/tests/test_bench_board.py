"""The bench board's own doings, with the ways to load an image replaced."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

import pytest

from rig.board import bench
from rig.board.bench import BenchBoard
from rig.board.bench_config import BenchConfig
from rig.board.protocol import Board, Eventful, Observable
from rig.board.uboot import UBoot
from rig.errors import RigError
from rig.wire.host_interface import HostInterface


@pytest.fixture
def board() -> Iterator[BenchBoard]:
    master, slave = pty.openpty()
    config = BenchConfig(serial=os.ttyname(slave), host_iface="lo")
    wire = HostInterface("lo", IPv4Interface("127.0.0.1/8"), IPv4Address("127.0.0.2"))
    made = BenchBoard(config, b"image", 0x4000_8000, wire)
    yield made
    made.power_off()
    os.close(slave)
    os.close(master)


def _loads(monkeypatch: pytest.MonkeyPatch, *troubles: str) -> list[str]:
    left = list(troubles)

    def load(_board: BenchBoard, _uboot: UBoot) -> None:
        trouble = left.pop(0)
        if trouble:
            raise RigError(trouble)

    monkeypatch.setitem(bench.LOADS, "tftp", load)
    return left


def test_a_boot_that_fails_is_tried_again_and_told_of(
    board: BenchBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = _loads(monkeypatch, "U-Boot did not come up", "")
    board.power_on()
    assert left == []
    assert board.happenings() == ["U-Boot did not come up; the power is cycled again"]
    assert board.happenings() == []
    assert board.gone() == ""


def test_a_board_that_never_boots_is_the_rigs_trouble_and_is_off(
    board: BenchBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = _loads(monkeypatch, "once", "twice", "never asked")
    with pytest.raises(RigError, match="twice"):
        board.power_on()
    assert left == ["never asked"]
    assert board.gone() == "the board is off"


def test_it_can_what_the_watch_asks_of_it(board: BenchBoard) -> None:
    assert isinstance(board, Eventful)
    assert isinstance(board, Observable)
    is_a_board: Board = board
    assert str(is_a_board.address(114)) == "127.0.0.2:114"
