"""The image for U-Boot: one file, read only, to one board, on the board's interface alone.

Context   a thread of its own between enter and exit; port 69 is U-Boot's, and takes a right.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

from tftpy import TftpServer

from rig.errors import UserError

NAME = "kyu.bin"
PORT = 69
#: How often the server looks whether it is to stop, and after how long it repeats a block.
POLL_S = 0.2
#: Of a block: as long as U-Boot itself waits before it asks again.
RETRIES = 25


class OneFile:
    def __init__(self, content: bytes, host: str, board: str, port: int = PORT) -> None:
        self._content, self._host, self._board, self._port = content, host, board, port
        self._trouble: OSError | None = None

    def __enter__(self) -> OneFile:
        """Raises UserError when the port cannot be had."""
        logging.getLogger("tftpy").setLevel(logging.CRITICAL)
        self._root = tempfile.TemporaryDirectory()
        empty = Path(self._root.name) / "empty"  # what the library would serve by itself: nothing
        empty.mkdir()
        self._file = Path(self._root.name) / NAME
        self._file.write_bytes(self._content)
        self._server = TftpServer(str(empty), self._give, lambda *_: None)
        self._thread = threading.Thread(target=self._serve, name="tftp", daemon=True)
        self._thread.start()
        while not self._server.is_running.wait(0.01) and self._trouble is None:
            pass
        if self._trouble is not None:
            self._root.cleanup()
            raise UserError(
                f"no TFTP server at {self._host}:{self._port}: {self._trouble.strerror}",
                where="the bench",
                mend="run as root, or free that port, or take load = 'serial'",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(now=True)
        self._thread.join(timeout=5)
        self._root.cleanup()

    def _serve(self) -> None:
        try:
            self._server.listen(self._host, self._port, timeout=POLL_S, retries=RETRIES)
        except OSError as error:
            self._server.sock.close()
            self._trouble = error

    def _give(self, name: str, raddress: str, rport: int) -> BinaryIO | None:
        del rport
        wanted = name == NAME and raddress == self._board
        return self._file.open("rb") if wanted else None
