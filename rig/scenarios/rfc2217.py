"""A serial server as stands in the next room: RFC 2217 by pyserial's own half of the protocol.

Context   one client at a time, on a thread of its own, between enter and exit.
"""

from __future__ import annotations

import contextlib
import socket
import threading

import serial
from serial.rfc2217 import PortManager


class _Pty(serial.Serial):
    """A pty has no modem lines, and pyserial's half of the protocol asks and sets them."""

    cts = dsr = cd = True
    ri = False
    rts = dtr = break_condition = False


class _Connection:
    """What the port manager answers through; two threads of it may write."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._sock.sendall(data)


class SerialServer:
    def __init__(self, device: str) -> None:
        self._device = device
        self._ended = threading.Event()
        self.baud_asked = 0

    def __enter__(self) -> SerialServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                with client, _Pty(self._device, timeout=0) as port:
                    self._attend(client, port)

    def _attend(self, client: socket.socket, port: serial.Serial) -> None:
        client.settimeout(0.005)
        connection = _Connection(client)
        manager = PortManager(port, connection)  # type: ignore[arg-type]
        with contextlib.suppress(OSError):
            while not self._ended.is_set():
                if said := port.read(4096):
                    connection.write(b"".join(manager.escape(said)))
                try:
                    heard = client.recv(1024)
                except TimeoutError:
                    continue
                if not heard:
                    return
                port.write(b"".join(manager.filter(heard)))
                self.baud_asked = port.baudrate
