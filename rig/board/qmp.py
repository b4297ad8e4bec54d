"""A small QMP client: one command at a time, over a socket that the rig made itself.

Context   the thread that drives the board. Every answer has a time limit, for a dead emulator does
          not answer: that is RigError, never a verdict about the board.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any

from rig.errors import RigError

_PC = re.compile(r"\bR15=([0-9a-fA-F]{8})")
_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+\S+\s+(\d+)")


class Qmp:
    def __init__(self, sock: socket.socket, *, timeout_s: float = 5.0) -> None:
        self._sock = sock
        self._sock.settimeout(timeout_s)
        self._rest = b""
        self.version: tuple[int, int, int] = (0, 0, 0)

    def greet(self) -> None:
        """Takes the greeting and leaves negotiation. Raises RigError."""
        greeting = self._next()
        version = greeting.get("QMP", {}).get("version", {}).get("qemu", {})
        self.version = (version.get("major", 0), version.get("minor", 0), version.get("micro", 0))
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """The command's `return`. Raises RigError on an error, silence or a closed socket."""
        request = {"execute": command, "arguments": arguments}
        try:
            self._sock.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise RigError(f"the emulator's monitor is gone ({error})") from None
        while True:
            message = self._next()
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise RigError(f"QEMU refused {command}: {message['error'].get('desc', '')}")

    def human(self, command: str) -> str:
        """A command of the monitor for people."""
        answer: str = self.execute("human-monitor-command", **{"command-line": command})
        return answer

    def status(self) -> str:
        status: str = self.execute("query-status")["status"]
        return status

    def program_counter(self) -> int:
        found = _PC.search(self.human("info registers"))
        if not found:
            raise RigError("QEMU did not say where the processor is")
        return int(found[1], 16)

    def forwards(self) -> dict[int, tuple[str, int]]:
        """User networking: the board's port to (address, port) on this host."""
        rows = _FORWARD.findall(self.human("info usernet"))
        return {int(guest): (host, int(port)) for host, port, guest in rows}

    def close(self) -> None:
        self._sock.close()

    def _next(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            try:
                chunk = self._sock.recv(65536)
            except TimeoutError:
                raise RigError("the emulator's monitor does not answer") from None
            except OSError as error:
                raise RigError(f"the emulator's monitor is gone ({error})") from None
            if not chunk:
                raise RigError("the emulator closed its monitor")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            message: dict[str, Any] = json.loads(line)
        except ValueError:
            raise RigError("the emulator's monitor spoke nonsense") from None
        return message
