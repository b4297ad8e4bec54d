"""The console reader: its own thread from power-on, every byte kept, every line time-stamped.

Context   the thread does nothing but read, keep and split; it never judges and never blocks on
          the consumer. Whatever ends it is told: a console that nobody reads looks like a board
          that hangs.
Ownership the log file belongs to the reader until stop().
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import BinaryIO

from rig.board.protocol import Console
from rig.console.events import Event, Line, Prompt, RigTrouble
from rig.console.lines import LineSplitter, RawLine


class ConsoleReader:
    def __init__(
        self,
        console: Console,
        emit: Callable[[Event], None],
        now: Callable[[], float],
        log: BinaryIO | None,
    ) -> None:
        """`emit` is called on the reader's thread and must not block."""
        self._console = console
        self._emit = emit
        self._now = now
        self._log = log
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """After the console was closed: returns when the last byte is kept."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def quiet(self) -> None:
        """The end of the line is about to come and is no surprise."""
        self._stopping = True

    def _run(self) -> None:
        splitter = LineSplitter()
        trouble = "the console line was closed"
        try:
            self._read_all(splitter)
        except Exception as mistake:
            trouble = f"the console's thread has died: {type(mistake).__name__}: {mistake}"
            raise
        finally:
            at = self._now()
            for line in splitter.flush():
                self._emit(_event(line, at))
            if not self._stopping:
                self._emit(RigTrouble(at, trouble))

    def _read_all(self, splitter: LineSplitter) -> None:
        while chunk := self._console.read():
            at = self._now()
            self._keep(chunk, at)
            for line in splitter.feed(chunk):
                self._emit(_event(line, at))

    def _keep(self, chunk: bytes, at: float) -> None:
        if self._log is None:
            return
        try:
            self._log.write(chunk)
            self._log.flush()
        except OSError as error:
            self._log = None
            self._emit(RigTrouble(at, f"console.log cannot be written: {error.strerror}"))


def _event(line: RawLine, at: float) -> Event:
    return Prompt(at) if line.is_prompt else Line(at, line.text)
