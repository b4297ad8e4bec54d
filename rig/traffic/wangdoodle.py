"""The wangdoodle client: asks for a stream and compares it with what it must be, or sends one.

Context   any thread; one Client a thread, for it owns its buffer.
Time      patience is counted in observed time (clock.py), so that a starved host is no stalled
          board. The kernel gathers whole windows (MSG_WAITALL) and wakes the client about once a
          transfer, or every POLL_S without progress.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rig.board.protocol import Address
from rig.errors import RigError
from rig.traffic.failure import GivenUpError, TransferError
from rig.traffic.pattern import WINDOW_BYTES, Native, expectation, hex_context
from rig.traffic.request import Request, Result
from rig.verdict import Cause

if TYPE_CHECKING:
    from rig.traffic.guest import Grounds
    from rig.traffic.visit import Visit

POLL_S = 0.25
#: A slow client's receive buffer, and how long it sleeps before each look at it.
SLOW_WINDOW = 16 * 1024
SLOW_PAUSE_S = 0.005
_TIMEVAL = struct.pack("ll", 0, int(POLL_S * 1e6))
#: Errors of the host itself: they say nothing about the board.
_HOST_ERRORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of observed time.

    On a wire that loses nothing a byte is a matter of milliseconds; a single loss costs a
    retransmission timeout of 0.2 s, three in a row 1.4 s. With the wait for the board's next
    heartbeat and a look at its memory a stall so is told within 5 s.
    """

    connect: float = 5.0
    stall: float = 2.5


#: TCP may have to send again, and again, before a byte comes through.
ON_A_BAD_WIRE = Patience(connect=60.0, stall=60.0)


@dataclass(slots=True)
class Tally:
    """Bytes of one attempt."""

    bytes: int = 0


class Client:
    def __init__(
        self,
        address: Address,
        native: Native,
        *,
        patience: Patience = Patience(),
        observed: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.monotonic,
        stopping: Callable[[], bool] = lambda: False,
        resets: Callable[[], int] = lambda: 0,
        ready: Callable[[], bool] = lambda: True,
        grounds: Grounds | None = None,
    ) -> None:
        """`observed`: seconds for which the board could be seen running; only differences count.

        `resets`: how often the board was reset on purpose: what is under way then is given up.
        `ready`: the board listens; asked before anything begins. `grounds`: for scenarios.
        """
        self._address = address
        self.grounds = grounds
        self._resets = resets
        self._ready = ready
        self._begun_at_reset = resets()
        self.native = native
        self._patience = patience
        self._observed = observed
        self.now = now
        self.stopping = stopping
        self._buffer = bytearray(0)

    def transfer(self, request: Request, number: int = 0) -> Result:
        """One transfer to its end, or abandoned when the run was stopped. Raises RigError."""
        return self.attempt(request, number, lambda tally: self.exchange(request, tally))

    def attempt(self, work: Request | Visit, number: int, body: Callable[[Tally], None]) -> Result:
        """What came of `body`, which counts its bytes. Raises RigError."""
        tally = Tally()
        cause, detail, abandoned = None, "", False
        start, clock = self.now(), time.perf_counter()
        try:
            self._await_ready()
            start, clock = self.now(), time.perf_counter()
            body(tally)
        except TransferError as failure:
            cause, detail = failure.cause, failure.detail
        except GivenUpError as given_up:
            detail, abandoned = f"under way: {given_up}", True
        if cause is not None and self.disturbed:
            cause, abandoned = None, True
        ms = (time.perf_counter() - clock) * 1000
        return Result(number, start, ms, tally.bytes, cause, detail, work, abandoned)

    def exchange(self, request: Request, tally: Tally) -> None:
        """Raises TransferError, GivenUpError and RigError."""
        stream = _Stream(request, self.native, self._room(request))
        try:
            with self.connect(window=_window(request)) as sock:
                self._converse(sock, request, stream)
        except TransferError as failure:
            raise TransferError(*stream.better_cause(failure.cause, failure.detail)) from None
        except GivenUpError:
            raise GivenUpError(stream.progress()) from None
        finally:
            tally.bytes += stream.received

    @property
    def disturbed(self) -> bool:
        """The board was reset on purpose since this attempt began."""
        return self._resets() != self._begun_at_reset

    def undisturbed(self) -> None:
        """A reset of this attempt's own: it goes on with the board that boots now."""
        self._begun_at_reset = self._resets()
        self._await_ready()

    def _await_ready(self) -> None:
        while not self._ready():
            if self.stopping():
                raise GivenUpError("not begun")
            time.sleep(POLL_S / 10)
        self._begun_at_reset = self._resets()

    def ask_line(self, line: str) -> bytes:
        """A short command (`stat`, `rand`): the answer up to its line end. Raises RigError."""
        with self.connect() as sock:
            sock.sendall(line.encode("ascii") + b"\n")
            answer = bytearray()
            while not answer.endswith(b"\n"):
                piece = self.patiently(lambda: sock.recv(4096), "no answer")
                if not piece:
                    break
                answer += piece
            return bytes(answer)

    def _converse(self, sock: socket.socket, request: Request, stream: _Stream) -> None:
        if request.goes_away and request.stop_at == 0:
            return self._leave(sock, request)
        self._ask(sock, request)
        if request.kind == "sink":
            self._send(sock, request, stream)
        else:
            self._receive(sock, stream, request)
        if request.goes_away:
            return self._leave(sock, request)
        if request.kind == "sink":
            self._expect_receipt(sock, request)
        else:
            self._expect_end(sock, stream)
        return None

    @staticmethod
    def _leave(sock: socket.socket, request: Request) -> None:
        if request.manner == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _room(self, request: Request) -> bytearray:
        size = min(request.size, SLOW_WINDOW if request.manner == "slow" else WINDOW_BYTES)
        if len(self._buffer) != size:
            self._buffer = bytearray(size)
        return self._buffer

    def connect(self, *, window: int = 0, address: Address | None = None) -> socket.socket:
        """A connection whose operations may be tried by patiently(). `window`: bytes; 0: any."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if window:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            self.tune(sock)
            self._reach(sock, address or self._address)
        except BaseException:
            sock.close()
            raise
        return sock

    @staticmethod
    def tune(sock: socket.socket) -> None:
        """Blocks for POLL_S at most."""
        sock.setblocking(True)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL)

    def _reach(self, sock: socket.socket, to: Address) -> None:
        """connect() itself waits for POLL_S, as a send would, and is then in progress."""
        begun = self._observed()
        error = sock.connect_ex((to.host, to.port))
        while error in (errno.EINPROGRESS, errno.EALREADY):
            self._give_up_if_stopping()
            if self._observed() - begun > self._patience.connect:
                raise TransferError(
                    Cause.CONNECT_TIMEOUT,
                    f"{to} did not answer in {self._patience.connect:g} s",
                )
            if select.select([], [sock], [], POLL_S)[1]:
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._check(error, to)

    @staticmethod
    def _check(error: int, to: Address) -> None:
        if error == 0:
            return
        if error == errno.ECONNREFUSED:
            raise TransferError(Cause.REFUSED, f"{to} refused the connection")
        if error == errno.ECONNRESET:
            raise TransferError(Cause.RESET, f"{to} reset the connection at once")
        said = errno.errorcode.get(error, str(error))
        if error in _UNREACHABLE:
            raise TransferError(Cause.CONNECT_TIMEOUT, f"{to} cannot be reached ({said})")
        raise RigError(f"cannot connect to {to}: {said}")

    def _ask(self, sock: socket.socket, request: Request) -> None:
        try:
            sock.sendall(request.command)
            if request.half_close:
                sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise lost(error, 0, request.size) from None

    def _receive(self, sock: socket.socket, stream: _Stream, request: Request) -> None:
        while not stream.complete:
            if request.manner == "slow":
                self._pause()
            view = stream.window()
            try:
                count = self.patiently(
                    lambda: sock.recv_into(view, len(view), socket.MSG_WAITALL),  # noqa: B023
                    stream.progress,
                )
            except OSError as error:
                raise lost(error, stream.received, stream.size) from None
            if count == 0:
                raise TransferError(Cause.TRUNCATED, f"closed early: {stream.progress()}")
            stream.take(count)

    def _pause(self) -> None:
        """Long enough for the window to fill up and close."""
        self.pause(SLOW_PAUSE_S)

    def pause(self, seconds: float) -> None:
        """Sleeps; gives up when the run stops."""
        ends = time.monotonic() + seconds
        while True:
            self._give_up_if_stopping()
            left = ends - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_S))

    def _send(self, sock: socket.socket, request: Request, stream: _Stream) -> None:
        while not stream.complete:
            piece = memoryview(stream.next_piece())
            while piece:
                try:
                    sent = self.patiently(lambda: sock.send(piece), stream.progress)  # noqa: B023
                except OSError as error:
                    raise lost(error, stream.received, request.size) from None
                piece = piece[sent:]
                stream.received += sent

    def _expect_receipt(self, sock: socket.socket, request: Request) -> None:
        """The board says that all was right, or which byte was not."""
        answer = bytearray()
        while not answer.endswith(b"\n"):
            try:
                more = self.patiently(lambda: sock.recv(64), "all bytes were sent, no answer came")
            except OSError as error:
                raise lost(error, request.size, request.size) from None
            if not more or len(answer) > 64:
                break
            answer += more
        said = answer.decode("ascii", "replace").strip()
        if said.startswith("BAD "):
            raise TransferError(Cause.CORRUPTION, f"the board was sent wrong bytes: {said}")
        if said != f"OK {request.size}":
            raise TransferError(Cause.TRUNCATED, f"the board's receipt is {said!r}")

    def _expect_end(self, sock: socket.socket, stream: _Stream) -> None:
        try:
            extra = self.patiently(lambda: sock.recv(64), "all bytes came, the close did not")
        except OSError as error:
            raise lost(error, stream.received, stream.size) from None
        if extra:
            raise TransferError(
                Cause.CORRUPTION,
                f"offset {stream.size}: expected the end, found {len(extra)} or more bytes: "
                f"{hex_context(extra, 0, 16)}",
            )

    def patiently(
        self, receive: Callable[[], Any], state: str | Callable[[], str], limit: float = 0.0
    ) -> Any:
        """Tries again while nothing comes, up to `limit` of observed time; 0: the stall limit."""
        begun, limit = self._observed(), limit or self._patience.stall
        while True:
            try:
                return receive()
            except BlockingIOError:
                self._give_up_if_stopping()
                if self._observed() - begun > limit:
                    what = state if isinstance(state, str) else state()
                    raise TransferError(Cause.STALL, f"no byte for {limit:g} s: {what}") from None

    def _give_up_if_stopping(self) -> None:
        if self.stopping() or self.disturbed:
            raise GivenUpError


def _window(request: Request) -> int:
    return SLOW_WINDOW if request.manner == "slow" else 0


class _Stream:
    """The bytes of one transfer as they come, compared window by window."""

    def __init__(self, request: Request, native: Native, room: bytearray) -> None:
        self.size = min(request.size, request.stop_at) if request.goes_away else request.size
        self.received = 0  # or sent
        self._native = native
        self._expected = expectation(request, native)
        self._room = room
        self._view = memoryview(room)
        self._base = 0
        self._fill = 0

    @property
    def complete(self) -> bool:
        return self.received == self.size

    def progress(self) -> str:
        return f"got {self.received} of {self.size} bytes"

    def window(self) -> memoryview:
        """Where the next bytes go; never empty while the stream is not complete."""
        end = min(len(self._room), self.size - self._base)
        return self._view[self._fill : end]

    def take(self, count: int) -> None:
        """`count` bytes were put into the window. Raises TransferError on the first wrong one."""
        self._fill += count
        self.received += count
        if self._fill == len(self._room) or self.complete:
            self._compare()
            self._base += self._fill
            self._fill = 0

    def next_piece(self) -> bytes:
        """Of a stream that is sent: the next bytes."""
        return self._expected(self.received, min(WINDOW_BYTES, self.size - self.received))

    def better_cause(self, cause: Cause, detail: str) -> tuple[Cause, str]:
        """A wrong byte among those that came outranks how the transfer ended."""
        try:
            self._compare()
        except TransferError as wrong:
            return (
                wrong.cause,
                f"{wrong.detail}; then {detail}" if wrong.detail != detail else detail,
            )
        return cause, detail

    def _compare(self) -> None:
        expected = self._expected(self._base, self._fill)
        # bytearray == bytes is one memcmp; a partial window is copied first.
        found = self._room if self._fill == len(self._room) else bytes(self._view[: self._fill])
        if found == expected:
            return
        at = self._native.first_difference(found, expected)
        raise TransferError(
            Cause.CORRUPTION,
            f"offset {self._base + at}: expected {expected[at]:02x}, found {found[at]:02x}; "
            f"expected {hex_context(expected, at)}, found {hex_context(found, at)}",
        )


def lost(error: OSError, received: int, size: int) -> Exception:
    if error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return TransferError(Cause.RESET, f"connection reset: got {received} of {size} bytes")
    if error.errno in _UNREACHABLE:
        return TransferError(Cause.STALL, f"connection timed out: got {received} of {size} bytes")
    if error.errno in _HOST_ERRORS:
        return RigError(f"the host has no more room for connections: {error.strerror}")
    return RigError(f"the connection failed: {error.strerror}")
