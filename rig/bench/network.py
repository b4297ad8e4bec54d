"""What the stack does on the emulated board: transfers, streams both ways, the way to the first
connection; and what a byte costs in guest instructions.

Rules     one client, the host's own TCP, nothing compared and nothing checked but the count: the
          soak does that. Rates depend on the host and are worth something beside those of a peer
          in the same run (docs/bench.md); instructions hardly do.
          Instructions are counted by the board itself: under -icount shift=4 each takes 16 ns of
          its time, and what is not the idle thread's was work.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rig.bench.asked import Asked
from rig.board import bootargs
from rig.board.qemu import QemuBoard
from rig.errors import RigError
from rig.wire.protocol import WANGDOODLE, Wire

DONEY = 115
BIG_BYTES = 200_000
BOOT_PATIENCE_S = 60.0
TRANSFER_PATIENCE_S = 60.0
NS_PER_INSTRUCTION = 16
ICOUNT = ("-icount", "shift=4")
_PIECE = bytes(1 << 18)


@dataclass(frozen=True, slots=True)
class Load:
    """How much is moved: `transfers` of 200,000 bytes, and `stream` bytes each way at a stretch."""

    transfers: int = 300
    stream: int = 50_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    unit: str
    value: float


def measure(image: Path, wire: Wire, load: Load) -> list[Figure]:
    """Boots the image twice, as it is and counting; RigError when it does not answer."""
    return _rates(image, wire, load) + _instructions(image, wire, load)


def _rates(image: Path, wire: Wire, load: Load) -> list[Figure]:
    board = _board(image, wire, ())
    started = time.monotonic()
    with contextlib.closing(Asked(board)):
        _first_connection(board)
        first = time.monotonic() - started
        began = time.monotonic()
        each = sorted(_big(board) for _ in range(load.transfers))
        spent = time.monotonic() - began
        down, up = (_seconds(run, board, load.stream) for run in (_down, _up))
    mega = load.stream / 1e6
    return [
        Figure("boot to first connection", "s", first),
        Figure("transfers of 200,000 bytes", "per s", load.transfers / spent),
        Figure("a transfer, median", "ms", 1000 * statistics.median(each)),
        Figure("a transfer, 99 of 100 within", "ms", 1000 * each[(len(each) - 1) * 99 // 100]),
        Figure("stream from the board", "MB/s", mega / down),
        Figure("stream to the board", "MB/s", mega / up),
    ]


def _instructions(image: Path, wire: Wire, load: Load) -> list[Figure]:
    board = _board(image, wire, ICOUNT)
    count, amount = max(1, load.transfers // 6), load.stream // 5

    def bigs(board: QemuBoard, size: int) -> None:
        for _ in range(size // BIG_BYTES):
            _big(board)

    with contextlib.closing(Asked(board)) as asked:
        asked.frame("ready")
        _first_connection(board)
        return [
            Figure(f"{what}, a byte", "instructions", _worked(asked, run, size) / size)
            for what, run, size in (
                ("transfers", bigs, count * BIG_BYTES),
                ("stream from the board", _down, amount),
                ("stream to the board", _up, amount),
            )
        ]


def _worked(asked: Asked, run: Callable[[QemuBoard, int], None], size: int) -> float:
    """Guest instructions that `run` made the board spend; what asking costs is taken off."""
    before = _busy_us(asked)
    asking = _busy_us(asked) - before
    before = _busy_us(asked)
    run(asked.board, size)
    return (_busy_us(asked) - before - asking) * 1000 / NS_PER_INSTRUCTION


def _busy_us(asked: Asked) -> int:
    """Both of the same moment: between two questions the board would have idled."""
    idle = asked.answer("u idle", r"cpu (\d+) us of (\d+) us")
    return int(idle[2]) - int(idle[1])


def _board(image: Path, wire: Wire, options: tuple[str, ...]) -> QemuBoard:
    args = bootargs.merge(wire.boot_arguments() | {"seed": "0"}, "hb=0")
    return QemuBoard(image, wire, args, options=options)


def _dial(board: QemuBoard, port: int, patience: float = TRANSFER_PATIENCE_S) -> socket.socket:
    address = board.address(port)
    if address is None:
        raise RigError(f"the wire leads to no port {port} of the board")
    return socket.create_connection((address.host, address.port), timeout=patience)


def _first_connection(board: QemuBoard) -> None:
    ends = time.monotonic() + BOOT_PATIENCE_S
    while time.monotonic() < ends:
        with contextlib.suppress(OSError), _dial(board, WANGDOODLE, 0.05):
            return
        time.sleep(0.003)
    raise RigError(f"the board accepts no connection within {BOOT_PATIENCE_S:g} s")


def _seconds(run: Callable[[QemuBoard, int], None], board: QemuBoard, size: int) -> float:
    began = time.monotonic()
    run(board, size)
    return time.monotonic() - began


def _big(board: QemuBoard) -> float:
    began = time.monotonic()
    with _dial(board, WANGDOODLE) as sock:
        sock.sendall(b"big\n")
        _drain(sock, BIG_BYTES)
    return time.monotonic() - began


def _down(board: QemuBoard, size: int) -> None:
    with _dial(board, WANGDOODLE) as sock:
        sock.sendall(f"lots {size}\n".encode("ascii"))
        _drain(sock, size)


def _up(board: QemuBoard, size: int) -> None:
    """Until the board has closed: it has read everything then."""
    with _dial(board, DONEY) as sock:
        for at in range(0, size, len(_PIECE)):
            sock.sendall(_PIECE[: min(len(_PIECE), size - at)])
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1):
            pass


def _drain(sock: socket.socket, size: int) -> None:
    into = bytearray(len(_PIECE))
    got = 0
    while got < size:
        count = sock.recv_into(into)
        if count == 0:
            raise RigError(f"the board closed after {got} of {size} bytes")
        got += count
