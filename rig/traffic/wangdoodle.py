"""The wangdoodle client: asks for a stream (fetching.py), or sends one.

Context   any thread; one Client a thread.
Time      patience is counted in observed time (clock.py), so that a starved host is no stalled
          board. A client looks up every POLL_S at least.
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
from rig.traffic.pattern import Native
from rig.traffic.request import Request, Result
from rig.verdict import Cause

if TYPE_CHECKING:
    from rig.traffic.guest import Grounds
    from rig.traffic.visit import Visit

POLL_S = 0.25
#: Of an upload: what is made and sent at once.
PIECE_BYTES = 1 << 20
_TIMEVAL = struct.pack("ll", 0, int(POLL_S * 1e6))
#: The board has reset a connection that there was. After that shutdown() says "not connected".
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}
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
    """Bytes of one attempt, and this host's port of its last connection (0: not known)."""

    bytes: int = 0
    port: int = 0


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
        self.patience = patience
        self.observed = observed
        self.now = now
        self.stopping = stopping

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
        return Result(number, start, ms, tally.bytes, cause, detail, work, abandoned, tally.port)

    def exchange(self, request: Request, tally: Tally) -> None:
        """Raises TransferError, GivenUpError and RigError."""
        if request.kind == "sink":
            return self._upload(request, tally)
        from rig.traffic.fetching import Fetching

        fetching = Fetching(self, request, self._address)
        try:
            fetching.run()
        finally:
            tally.port = fetching.port
            fetching.close()
            tally.bytes += fetching.received
        return None

    @property
    def disturbed(self) -> bool:
        """The board was reset on purpose since this attempt began."""
        return self._resets() != self._begun_at_reset

    def undisturbed(self) -> None:
        """A reset of this attempt's own: it goes on with the board that boots now."""
        self._await_ready()

    def _await_ready(self) -> None:
        while True:
            # The number first: a board that is reset after that was not the one that was ready.
            self._begun_at_reset = self._resets()
            if self._ready():
                return
            if self.stopping():
                raise GivenUpError("not begun")
            time.sleep(POLL_S / 10)

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

    def _upload(self, request: Request, tally: Tally) -> None:
        size, before = request.share, tally.bytes
        try:
            with self.connect() as sock:
                tally.port = sock.getsockname()[1]
                if size > 0 or not request.goes_away:
                    self._send(sock, request, size, tally)
                if not request.goes_away:
                    return self._expect_receipt(sock, request)
                if request.manner == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except GivenUpError:
            raise GivenUpError(progress(tally.bytes - before, size)) from None
        return None

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
        begun = self.observed()
        error = sock.connect_ex((to.host, to.port))
        while error in (errno.EINPROGRESS, errno.EALREADY):
            self.give_up_if_stopping()
            if self.observed() - begun > self.patience.connect:
                raise no_answer(to, self.patience.connect)
            if select.select([], [sock], [], POLL_S)[1]:
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error != 0:
            raise unreached(error, to)

    def pause(self, seconds: float) -> None:
        """Sleeps; gives up when the run stops."""
        ends = time.monotonic() + seconds
        while True:
            self.give_up_if_stopping()
            left = ends - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_S))

    def _send(self, sock: socket.socket, request: Request, size: int, tally: Tally) -> None:
        sent = 0
        try:
            sock.sendall(request.command)
            while sent < size:
                length = min(PIECE_BYTES, size - sent)
                piece = memoryview(self.native.gen_stream(request.seed, sent, length))
                while piece:
                    gone = self.patiently(
                        lambda: sock.send(piece),  # noqa: B023
                        lambda: progress(sent, size),  # noqa: B023
                    )
                    piece = piece[gone:]
                    sent += gone
                    tally.bytes += gone
        except OSError as error:
            raise lost(error, sent, size) from None

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

    def patiently(
        self, receive: Callable[[], Any], state: str | Callable[[], str], limit: float = 0.0
    ) -> Any:
        """Tries again while nothing comes, up to `limit` of observed time; 0: the stall limit."""
        begun, limit = self.observed(), limit or self.patience.stall
        while True:
            self.give_up_if_stopping()  # also while there is no end of what comes
            try:
                return receive()
            except BlockingIOError:
                self.give_up_if_stopping()
                if self.observed() - begun > limit:
                    raise stalled(limit, state if isinstance(state, str) else state()) from None

    def give_up_if_stopping(self) -> None:
        if self.stopping() or self.disturbed:
            raise GivenUpError


def progress(received: int, size: int) -> str:
    return f"got {received} of {size} bytes"


def stalled(limit: float, state: str) -> TransferError:
    return TransferError(Cause.STALL, f"no byte for {limit:g} s: {state}")


def no_answer(to: Address, limit: float) -> TransferError:
    return TransferError(Cause.CONNECT_TIMEOUT, f"{to} did not answer in {limit:g} s")


def unreached(error: int, to: Address) -> Exception:
    if error == errno.ECONNREFUSED:
        return TransferError(Cause.REFUSED, f"{to} refused the connection")
    if error == errno.ECONNRESET:
        return TransferError(Cause.RESET, f"{to} reset the connection at once")
    said = errno.errorcode.get(error, str(error))
    if error in _UNREACHABLE:
        return TransferError(Cause.CONNECT_TIMEOUT, f"{to} cannot be reached ({said})")
    return RigError(f"cannot connect to {to}: {said}")


def lost(error: OSError, received: int, size: int) -> Exception:
    """What the end of a connection says that had been made."""
    if error.errno in _RESET:
        return TransferError(Cause.RESET, f"connection reset: got {received} of {size} bytes")
    if error.errno in _UNREACHABLE:
        return TransferError(Cause.STALL, f"connection timed out: got {received} of {size} bytes")
    if error.errno in _HOST_ERRORS:
        return RigError(f"the host has no more room for connections: {error.strerror}")
    return RigError(f"the connection failed: {error.strerror}")
