"""What the kernel's own steps cost, in guest instructions.

Rules     the emulator counts 16 ns of the board's time for each instruction (-icount shift=4), and
          the board times itself: the figure does not depend on how fast the host is. What does
          make a difference is a frame that comes in between: the least of ROUNDS is told.
Source    the shell's `cost` (docs/console.md).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from rig.bench.asked import Asked
from rig.board import bootargs
from rig.board.qemu import QemuBoard
from rig.console import grammar
from rig.wire.protocol import Wire

NS_PER_INSTRUCTION = 16
ICOUNT = ("-icount", "shift=4")
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
    with contextlib.closing(Asked(board)) as asked:
        asked.frame("ready")
        rounds: list[list[Cost]] = []
        for _ in range(ROUNDS):
            board.console.write(b"cost\r")
            rounds.append([_cost(asked.frame("cost")) for _ in LABELS])
        return [min(same, key=lambda cost: cost.instructions) for same in zip(*rounds, strict=True)]


def _cost(frame: grammar.Frame) -> Cost:
    runs = frame.number("runs", 1)
    return Cost(frame.text("what"), runs, frame.number("ns") / NS_PER_INSTRUCTION / runs)
