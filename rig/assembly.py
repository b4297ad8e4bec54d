"""Puts a board, its wire and its watch together. The composition root of the rig."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rig.board import bench_config, bootargs, flat
from rig.board.bench import BenchBoard
from rig.board.bench_config import BenchConfig
from rig.board.protocol import Board
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session
from rig.console.symbols import symbols_of
from rig.errors import UserError
from rig.journal import RunFolder
from rig.traffic.wangdoodle import Patience
from rig.watch import Limits
from rig.wire import host_interface
from rig.wire.choose import choose
from rig.wire.protocol import Wire

BOARDS = ("qemu", "bench", "labgrid", "sim")


@dataclass(frozen=True, slots=True)
class BoardChoice:
    """`image` is found already."""

    board: str
    image: Path
    bootargs: str = ""
    seed: int = 0
    bench: BenchConfig | None = None


def check_board(name: str) -> None:
    """Raises UserError for a board that is unknown, or has no console."""
    if name not in BOARDS:
        raise UserError(
            f"no board is named {name!r}", where="--board", mend=f"take {', '.join(BOARDS)}"
        )
    if name == "sim":
        raise UserError(
            "only kyu soak and pytest have the simulated board", where="--board", mend="take qemu"
        )


def bench_of(board: str, file: str | None, option: Callable[[str], Any]) -> BenchConfig | None:
    """None for a board that needs none; `option` tells what the option of that name says. A board
    of labgrid gets its own when it is borrowed.

    Raises UserError for what is missing or wrong.
    """
    if board != "bench":
        return None
    given = {name: option(name) for name in bench_config.OPTIONS}
    return bench_config.read(Path(file) if file else None, given)


def wire_for(bench: BenchConfig | None, name: str, host_port: int = 0) -> Wire:
    """The wire of that name, or the interface of this host that leads to the bench."""
    if bench is None:
        return choose(name, host_port=host_port)
    if name != "auto":
        raise UserError("the bench's wire is --host-iface", where="--wire")
    return host_interface.find(bench.host_iface, bench.board_ip)


def assemble(
    choice: BoardChoice,
    wire: Wire,
    *,
    folder: RunFolder | None = None,
    patience: Patience = Patience(),  # noqa: B008  frozen
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> Session:
    check_board(choice.board)
    args = bootargs.merge(wire.boot_arguments() | {"seed": str(choice.seed)}, choice.bootargs)
    board = _board(choice, wire, args)
    if choice.bench is not None:  # while its serial line is away nobody observes the board
        limits = replace(limits, starved_wall=limits.starved_wall + choice.bench.serial_lost_s)
    return Session(
        board,
        symbols_of(choice.image),
        folder=folder,
        patience=patience,
        limits=limits,
        wire=wire,
    )


def _board(choice: BoardChoice, wire: Wire, args: str) -> Board:
    if choice.bench is None:
        return QemuBoard(choice.image, wire, args)
    assert isinstance(wire, host_interface.HostInterface)
    content, entry = flat.flat(choice.image, args)
    return BenchBoard(choice.bench, content, entry, wire)
