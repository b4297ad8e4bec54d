"""A client of a gdb server: QEMU's on a Unix socket, OpenOCD's or a probe's on a TCP port.

Context   one thread at a time. Every answer has a time limit; a server that is silent, gone or
          speaks nonsense is RigError, never a word about the board.
Rules     only what the plainest server has: `?`, `g`, `p`, `m`, `c` and the interrupt byte.
          Nothing is written to the board but its running and standing still.
Source    GDB manual, appendix E. QEMU 7.2: a board stops when somebody attaches, with a stop reply
          that nobody asked for, and stays stopped when the connection closes; it has no
          QStartNoAckMode, and `p` only after a look at its XML.
"""

from __future__ import annotations

import re
import socket
import time
from collections import deque
from pathlib import Path

from rig.errors import RigError, UserError
from rig.inspect.memory import UnreadableError
from rig.inspect.packets import (
    ACK,
    INTERRUPT,
    NAK,
    Damaged,
    Heard,
    Packet,
    Splitter,
    TooLongError,
    frame,
)

TIMEOUT_S = 5.0
REPEATS_MAX = 3
CONTINUE_S = 0.3
CORE_REGISTERS = 16
#: The number of cpsr in gdb's ARM numbering: eight FPA registers and their status come before it.
CPSR_NUMBER = 25
LEGACY_BYTES = 168  # r0-r15, f0-f7 of 12 bytes each, fps, cpsr
SHORT_BYTES = 68  # r0-r15, cpsr
_STOPPED = re.compile(rb"S[0-9a-fA-F]{2}|T[0-9a-fA-F]{2}.*", re.DOTALL)
_ERROR = re.compile(rb"E[0-9a-fA-F]{2}|E\..*", re.DOTALL)
_SIZE = re.compile(rb"PacketSize=([0-9a-fA-F]{1,8})")
_SMALLEST_PACKET = 256


def connect(where: str, *, timeout_s: float = TIMEOUT_S, budget_s: float = float("inf")) -> GdbStub:
    """`where`: a Unix socket's path, or HOST:PORT. Raises UserError when nobody answers there."""
    family, address = _address(where)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout_s)
    try:
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise UserError(
            f"no debugger server answers ({error.strerror or error})", where=where
        ) from None
    return GdbStub(sock, timeout_s=timeout_s, budget_s=budget_s)


def _address(where: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    host, colon, port = where.rpartition(":")
    if colon and port.isdigit() and "/" not in where and int(port) < 1 << 16:
        return socket.AF_INET, (host or "127.0.0.1", int(port))
    if not Path(where).is_socket():
        raise UserError(
            f"{where} is no socket of a debugger server", mend="give its path, or HOST:PORT"
        )
    return socket.AF_UNIX, where


class GdbStub:
    """A board under a debugger. Satisfies Memory.

    An answer may take `timeout_s`, all of them together `budget_s`.
    """

    def __init__(
        self, sock: socket.socket, *, timeout_s: float = TIMEOUT_S, budget_s: float = float("inf")
    ) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        self._ends = time.monotonic() + budget_s
        self._splitter = Splitter()
        self._heard: deque[bytes] = deque()
        self._acks = True
        self._chunk = _SMALLEST_PACKET // 2

    def halt(self) -> None:
        """Makes sure that the board stands still, and learns what the server can. RigError."""
        features = self._ask(b"qSupported:swbreak+;hwbreak+")
        size = _SIZE.search(features)
        if size:
            # Two hex digits a byte.
            self._chunk = min(max(int(size[1], 16), _SMALLEST_PACKET), 1 << 16) // 2
        if b"QStartNoAckMode+" in features and self._ask(b"QStartNoAckMode") == b"OK":
            self._acks = False
        self._send(frame(b"?"))
        stopped = self._answer(frame(b"?"), stop_reply=True)
        if stopped is not None and _STOPPED.fullmatch(stopped):
            return
        # Still running: the server says so by an error, by OK, or by saying nothing.
        self._send(INTERRUPT)
        stopped = self._answer(b"", stop_reply=True)
        if stopped is None or not _STOPPED.fullmatch(stopped):
            raise RigError("the debugger server does not halt the board")

    def registers(self) -> tuple[int, ...]:
        """r0 to r15 and cpsr. Raises RigError."""
        answer = self._ask(b"g")
        core = _bytes(answer[: 8 * CORE_REGISTERS])
        if len(core) < 4 * CORE_REGISTERS:
            raise RigError(f"the debugger server does not tell the registers: {_shown(answer)}")
        words = [int.from_bytes(core[at : at + 4], "little") for at in range(0, len(core), 4)]
        return (*words, self._cpsr(answer))

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes of memory. UnreadableError when the board has none there; RigError."""
        out = bytearray()
        while len(out) < size:
            at, count = address + len(out), min(self._chunk, size - len(out))
            answer = self._ask(b"m%x,%x" % (at, count))
            piece = b"" if _ERROR.fullmatch(answer) else _bytes(answer)
            # A server may stop short at the end of what it can read: then it fails at the next.
            if not piece:
                raise UnreadableError(at)
            if len(piece) > count:
                raise RigError("the debugger server sends more than it was asked for")
            out += piece
        return bytes(out)

    def resume(self) -> None:
        """Lets the board run, and lets go of it. Raises RigError.

        By `c`, not by `D`: OpenOCD leaves a board halted when a debugger detaches, unless it is
        configured otherwise.
        """
        self._send(frame(b"c"))
        # Nothing is answered while the board runs, but that the packet has come.
        self._receive(time.monotonic() + CONTINUE_S)
        self.close()

    def close(self) -> None:
        """Lets go of the board as it is: QEMU's then stays halted."""
        self._sock.close()

    def _cpsr(self, general: bytes) -> int:
        answer = self._ask(b"p%x" % CPSR_NUMBER)
        if len(answer) != 8:  # not known, or not known by this number
            answer = general[-8:] if len(general) in (2 * LEGACY_BYTES, 2 * SHORT_BYTES) else b""
        return int.from_bytes(_bytes(answer), "little")

    # One question, one answer

    def _ask(self, command: bytes) -> bytes:
        """The answer to one command; empty when the server does not know it. Raises RigError."""
        packet = frame(command)
        self._send(packet)
        answer = self._answer(packet, stop_reply=False)
        if answer is None:
            raise RigError("the debugger server does not answer; is another debugger attached?")
        return answer

    def _answer(self, packet: bytes, *, stop_reply: bool) -> bytes | None:
        """The next answer, to be had again by sending `packet`; None when the time is over.

        A stop reply can come at any time: when none is expected, it is no answer.
        """
        deadline = min(time.monotonic() + self._timeout_s, self._ends)
        repeats = 0
        while True:
            while self._heard:
                body = self._heard.popleft()
                if stop_reply or not _STOPPED.fullmatch(body):
                    return body
            heard = self._receive(deadline)
            if heard is None:
                return None
            for one in heard:
                if isinstance(one, Packet):
                    self._heard.append(one.body)
                    if self._acks:
                        self._send(ACK)
                    continue
                repeats += 1
                if repeats > REPEATS_MAX or not self._acks:
                    raise RigError("the debugger server's answers are damaged")
                # It is asked to send again what came damaged, and told again what it refused.
                self._send(NAK if isinstance(one, Damaged) else packet)

    def _receive(self, deadline: float) -> list[Heard] | None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            self._sock.settimeout(left)
            data = self._sock.recv(1 << 16)
        except TimeoutError:
            return None
        except OSError as error:
            raise RigError(f"the debugger server is gone ({error.strerror})") from None
        if not data:
            raise RigError("the debugger server closed the connection")
        try:
            return self._splitter.feed(data)
        except TooLongError:
            raise RigError("the debugger server sends without end") from None

    def _send(self, data: bytes) -> None:
        try:
            self._sock.settimeout(self._timeout_s)
            self._sock.sendall(data)
        except OSError as error:
            raise RigError(f"the debugger server is gone ({error.strerror or error})") from None


def _bytes(answer: bytes) -> bytes:
    """Hex to bytes. Raises RigError when it is none."""
    try:
        return bytes.fromhex(answer.decode("ascii"))
    except ValueError:
        raise RigError(f"the debugger server speaks nonsense: {_shown(answer)}") from None


def _shown(answer: bytes) -> str:
    text = answer[:40].decode("ascii", errors="replace")
    return repr(text) if answer else "nothing"
