"""An emulated board under no watch: for tests that want to see what it says and does by itself."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rig.board import bootargs
from rig.board.protocol import Address
from rig.board.qemu import QemuBoard
from rig.console import grammar
from rig.console.crash import CrashRecord, add
from rig.errors import RigError
from rig.wire.protocol import WANGDOODLE, Wire

PATIENCE_S = 60.0


class PlainBoard(QemuBoard):
    """Its console is read all the time, from before the first byte."""

    def __init__(
        self, image: Path, wire: Wire, args: str = "", *, options: Sequence[str] = ()
    ) -> None:
        merged = bootargs.merge(wire.boot_arguments() | {"seed": "0"}, args)
        super().__init__(image, wire, merged, options=options)
        self._text = bytearray()
        self._over = threading.Event()

    def start(self) -> None:
        self.power_on()
        threading.Thread(target=self._listen, args=(self.console,), daemon=True).start()
        self.go()
        self.await_text("@kyu ready")

    def stop(self) -> None:
        self._over.set()
        self.power_off()

    def said(self) -> str:
        return bytes(self._text).decode(errors="replace")

    def await_text(self, text: str, times: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self._text.count(text.encode()) < times:
            if time.monotonic() > deadline:
                raise RigError(f"the board did not say {text!r}")
            time.sleep(0.02)

    def record(self) -> CrashRecord:
        """The crash record, once it is whole."""
        self.await_text("@kyu crash-end")
        record = CrashRecord()
        for line in self.said().split("\r\n"):
            parsed = grammar.parse(line)
            if not isinstance(parsed, grammar.Earlier):
                record = add(record, parsed)
        return record

    def fetch_for_ever(self) -> None:
        """Traffic, on a thread of its own, until stop()."""
        threading.Thread(target=self._fetch, args=(self.address(WANGDOODLE),), daemon=True).start()

    def _listen(self, console: Any) -> None:
        while data := console.read():
            self._text += data

    def _fetch(self, address: Address) -> None:
        where = (address.host, address.port)
        while not self._over.is_set():
            with suppress(OSError), socket.create_connection(where, timeout=PATIENCE_S) as sock:
                if self._over.is_set():
                    return  # it was the next board in this place that answered
                sock.sendall(b"big\n")
                while sock.recv(65536):
                    pass
            time.sleep(0.05)


@contextmanager
def running(board: PlainBoard) -> Iterator[PlainBoard]:
    try:
        board.start()
        yield board
    finally:
        board.stop()
