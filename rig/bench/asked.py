"""A board that runs, and is asked by its console; nobody watches it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from rig.board.qemu import QemuBoard
from rig.console import grammar
from rig.console.lines import LineSplitter
from rig.errors import RigError

PATIENCE_S = 60.0
T = TypeVar("T")


class Asked:
    """Switched on by the constructor, off by close()."""

    def __init__(self, board: QemuBoard) -> None:
        self.board = board
        self._lines = LineSplitter()
        self._waiting: list[str] = []
        board.power_on()
        board.go()

    def close(self) -> None:
        self.board.power_off()

    def frame(self, kind: str) -> grammar.Frame:
        """The next frame of this kind."""

        def of_kind(text: str) -> grammar.Frame | None:
            parsed = grammar.parse(text)
            return parsed if isinstance(parsed, grammar.Frame) and parsed.kind == kind else None

        return self._next(of_kind, kind)

    def answer(self, command: str, pattern: str) -> re.Match[str]:
        """The first line that matches after the shell was told `command`."""
        self.board.console.write(f"{command}\r".encode("ascii"))
        return self._next(re.compile(pattern).search, f"answer to {command!r}")

    def _next(self, look: Callable[[str], T | None], what: str) -> T:
        """What `look` makes of the first line that it wants. Lines before it are left out."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            while self._waiting:
                found = look(self._waiting.pop(0))
                if found is not None:
                    return found
            data = self.board.console.read()
            if not data:
                raise RigError(self.board.gone() or "the console is gone")
            self._waiting += [line.text for line in self._lines.feed(data)]
        raise RigError(f"no {what} from the board in {PATIENCE_S:g} s")
