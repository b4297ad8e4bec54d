"""What the kernel's own steps cost, in guest instructions.

Rules     the emulator counts 16 ns of the board's time for each instruction (-icount shift=4), and
          the board times itself: the figure does not depend on how fast the host is. What does
          make a difference is a frame that comes in between: the least of ROUNDS is told.
Source    the shell's `cost` (docs/console.md).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from rig.board import bootargs
from rig.board.qemu import QemuBoard
from rig.console import grammar
from rig.console.lines import LineSplitter
from rig.errors import RigError
from rig.wire.protocol import Wire

NS_PER_INSTRUCTION = 16
ICOUNT = ("-icount", "shift=4")
PATIENCE_S = 60.0
ROUNDS = 5
LABELS = {
    "switch": "switch between two threads (yield)",
    "hand-over": "semaphore: signal, wait, switch to the other",
    "lock": "mutex: lock and unlock, nobody waits",
    "frame": "network: a frame noted in the ring of the last ones",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """`instructions` of one run: the mean of `runs`, in the round in which it was least."""

    what: str
    runs: int
    instructions: float


def measure(image: Path, wire: Wire) -> list[Cost]:
    """Boots the image, asks it, switches it off. RigError when it does not answer."""
    args = bootargs.merge(wire.boot_arguments() | {"seed": "0"}, "hb=0")
    board = QemuBoard(image, wire, args, options=ICOUNT)
    with contextlib.closing(_Asked(board)) as asked:
        asked.wait("ready")
        rounds: list[list[Cost]] = []
        for _ in range(ROUNDS):
            board.console.write(b"cost\r")
            rounds.append([_cost(asked.wait("cost")) for _ in LABELS])
        return [min(same, key=lambda cost: cost.instructions) for same in zip(*rounds, strict=True)]


def _cost(frame: grammar.Frame) -> Cost:
    runs = frame.number("runs", 1)
    return Cost(frame.text("what"), runs, frame.number("ns") / NS_PER_INSTRUCTION / runs)


class _Asked:
    """A board that runs, and the frames that it says."""

    def __init__(self, board: QemuBoard) -> None:
        self._board = board
        self._lines = LineSplitter()
        self._frames: list[grammar.Frame] = []
        board.power_on()
        board.go()

    def close(self) -> None:
        self._board.power_off()

    def wait(self, kind: str) -> grammar.Frame:
        """The next frame of this kind. Frames of others before it are left out."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.kind == kind:
                    return frame
            data = self._board.console.read()
            if not data:
                raise RigError(self._board.gone() or "the console is gone")
            for line in self._lines.feed(data):
                parsed = grammar.parse(line.text)
                if isinstance(parsed, grammar.Frame):
                    self._frames.append(parsed)
        raise RigError(f"no {kind} from the board in {PATIENCE_S:g} s")
