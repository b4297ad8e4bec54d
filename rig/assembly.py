"""Puts a board, its wire and its watch together. The composition root of the rig."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rig.board import bootargs
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session
from rig.console.symbols import symbols_of
from rig.errors import UserError
from rig.journal import RunFolder
from rig.traffic.wangdoodle import Patience
from rig.watch import Limits
from rig.wire.protocol import Wire

BOARDS = ("qemu", "bench", "sim")


@dataclass(frozen=True, slots=True)
class BoardChoice:
    """`image` is found already. `host_port`: see SlirpWire."""

    board: str
    image: Path
    bootargs: str = ""
    seed: int = 0
    host_port: int = 0


def check_board(name: str) -> None:
    """Raises UserError for a board that is unknown, or not there yet."""
    if name not in BOARDS:
        raise UserError(
            f"no board is named {name!r}", where="--board", mend="take qemu, bench or sim"
        )
    if name != "qemu":
        raise UserError(f"the {name} board is not available yet", where="--board", mend="take qemu")


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
    board = QemuBoard(choice.image, wire, args)
    return Session(
        board,
        symbols_of(choice.image),
        folder=folder,
        patience=patience,
        limits=limits,
        wire=wire,
    )
