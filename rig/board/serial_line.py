"""The serial line of a board on the bench: a device, socket:// or rfc2217://, by pyserial.

Context   read() from one thread at a time, write() from any, close() from any.
Rules     a line that goes away (USB unplugged, a server restarted) is waited for and opened again;
          what happened is told by happenings(), and `lost` is true meanwhile. Every byte read
          before the console reader starts is kept for it.
"""

from __future__ import annotations

import contextlib
import termios
import threading
import time
import warnings
from collections import deque

import serial

from rig.errors import RigError, UserError

#: How long one look for bytes lasts: close() is noticed within this time.
POLL_S = 0.1
RETRY_S = 0.25
#: An adapter that takes nothing for so long has lost its board.
WRITE_S = 5.0
CHUNK_BYTES = 4096
#: What a device that is gone or sick raises. An error of termios is no OSError, and pyserial lets
#: some of them through, most of them while it opens a line.
_BROKEN: tuple[type[Exception], ...] = (OSError, termios.error)
#: And what pyserial raises of its own when the line is closed under its hands.
_CLOSED: tuple[type[Exception], ...] = (*_BROKEN, TypeError, ValueError)


class SerialLine:
    def __init__(self, url: str, baud: int, *, lost_s: float) -> None:
        """Opens it. Raises UserError when it cannot be had. `lost_s`: how long to wait for it."""
        self._url, self._baud, self._lost_s = url, baud, lost_s
        self._closed = threading.Event()
        self._told: deque[str] = deque()
        self._kept: deque[bytes] = deque()
        self.lost = False
        self.gone = ""  # for good, in words for people
        try:
            self._port = self._open()
        except (OSError, termios.error, ValueError) as error:
            what = " ".join(str(error).split())
            raise UserError(f"{url} cannot be opened: {what}", where="--serial") from None

    def _open(self) -> serial.Serial:
        port: serial.Serial = serial.serial_for_url(self._url, do_not_open=True)
        port.baudrate, port.timeout = self._baud, POLL_S
        if self._url.startswith("/"):
            port.exclusive = True  # two readers would each get half of what the board says
            port.write_timeout = WRITE_S
        with warnings.catch_warnings():  # pyserial's client of RFC 2217 speaks an old Python
            warnings.simplefilter("ignore", DeprecationWarning)
            port.open()
        return port

    def take(self) -> bytes:
        """What has come within POLL_S, perhaps nothing. Raises RigError when the line is gone."""
        try:
            data: bytes = self._port.read(max(1, min(self._port.in_waiting, CHUNK_BYTES)))
        except _CLOSED as error:
            if not self._closed.is_set() and self._reopen(error):
                return b""
            if not self._closed.is_set():
                self.gone = f"the serial line {self._url} did not come back in {self._lost_s:g} s"
            raise RigError(self.gone or f"the serial line {self._url} is closed") from None
        return data

    def keep(self, data: bytes) -> None:
        """For the console reader, which comes later."""
        self._kept.append(data)

    def read(self) -> bytes:
        if self._kept:
            return self._kept.popleft()
        try:
            while not self._closed.is_set():
                if data := self.take():
                    return data
        except RigError:
            return b""
        return b""

    def write(self, data: bytes) -> None:
        if self.lost:
            return  # like a cable that is out: nobody hears it, and the watch knows
        try:
            self._port.write(data)
        except _CLOSED as error:
            if self._closed.is_set():
                raise RigError(f"the console is gone ({error})") from None

    def happenings(self) -> list[str]:
        """What became of the line since the last call."""
        told = []
        with contextlib.suppress(IndexError):
            while True:
                told.append(self._told.popleft())
        return told

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(*_BROKEN):
            self._port.close()

    def _reopen(self, error: Exception) -> bool:
        """True when the line is back."""
        self.lost, began = True, time.monotonic()
        self._told.append(f"the serial line is lost: {' '.join(str(error).split())}")
        with contextlib.suppress(*_BROKEN):
            self._port.close()
        while not self._closed.wait(RETRY_S) and time.monotonic() - began < self._lost_s:
            with contextlib.suppress(*_BROKEN, ValueError):
                self._port = self._open()
                self.lost = False
                away = time.monotonic() - began
                self._told.append(f"the serial line is back after {away:.1f} s")
                return True
        return False
