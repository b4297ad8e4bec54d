"""The guest of a real or emulated board: its lines are this host's own TCP connections.

Context   one worker's thread; a storm has one more, which ends with its block.
Ownership what a visit leaves open is closed when the visit ends.
Time      patience is the client's (wangdoodle.py): observed time.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from rig.board.protocol import Address
from rig.errors import RigError
from rig.scenario import NEEDS, Air, Station, dice
from rig.traffic.failure import GivenUpError, TransferError
from rig.traffic.request import Request
from rig.traffic.wangdoodle import POLL_S, Client, Tally, lost
from rig.wire.protocol import MAC, SERVICES
from rig.wire.tap import BOARD_ADDRESS, DEVICE, HOST_ADDRESS

if TYPE_CHECKING:
    from rig.traffic.visit import Visit

T = TypeVar("T")
PIECE = 65536
#: A storm sends so often; what it sends at once follows from its rate.
GUST_S = 0.01
#: The station of raw frames: no host of the wire, so nobody answers for it.
ME = Station("192.168.0.200", bytes.fromhex("020000000200"))


class Grounds(Protocol):
    """What a guest can reach beyond a connection: a session (rig/campaign/session.py)."""

    #: At the same time.
    visitors: int

    def address(self, port: int) -> Address: ...
    def type(self, command: str) -> None: ...
    def pull_reset(self) -> Future[None]:
        """From any thread; done once it is pulled."""

    def has(self, need: str) -> bool:
        """One of rig.scenario.NEEDS."""


class SocketLine:
    def __init__(
        self, client: Client, sock: socket.socket, tally: Tally, patience: float = 0.0
    ) -> None:
        self._client = client
        self._sock = sock
        self._tally = tally
        self._patience = patience
        self._read = 0
        tally.port = sock.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._try(lambda: self._sock.send(left), "not taken") :]  # noqa: B023

    def read(self, count: int) -> bytes:
        got = bytearray()
        while len(got) < count:
            want = min(count - len(got), PIECE)
            piece = self._try(lambda: self._sock.recv(want), f"{len(got)} of {count} bytes")  # noqa: B023
            if not piece:
                break
            got += piece
            self._read += len(piece)
            self._tally.bytes += len(piece)
        return bytes(got)

    def read_all(self) -> bytes:
        got = bytearray()
        while piece := self.read(PIECE):
            got += piece
        return bytes(got)

    def half_close(self) -> None:
        self._try(lambda: self._sock.shutdown(socket.SHUT_WR), "")

    def close(self) -> None:
        self._sock.close()

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def _try(self, operation: Callable[[], T], state: str) -> T:
        try:
            found: T = self._client.patiently(operation, state, self._patience)
        except OSError as error:
            raise lost(error, self._read, self._read) from None
        return found


class SocketDoor:
    def __init__(self, client: Client, tally: Tally) -> None:
        self._client = client
        self._tally = tally
        self._sock = socket.create_server((HOST_ADDRESS, 0))
        self._sock.settimeout(POLL_S)
        self.host, self.port = self._sock.getsockname()[:2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def accept(self) -> SocketLine:
        def accepted() -> socket.socket:
            try:
                return self._sock.accept()[0]
            except TimeoutError:
                raise BlockingIOError from None

        sock = self._client.patiently(accepted, "the board does not connect")
        self._client.tune(sock)
        return SocketLine(self._client, sock, self._tally)


class SocketGuest:
    """Satisfies rig.scenario.Guest."""

    virtual = False

    def __init__(self, client: Client, visit: Visit, tally: Tally) -> None:
        self.number, self.seed, self.quick = visit.number, visit.seed, visit.quick
        self.dice: random.Random = dice(visit.number, visit.seed)
        self._client = client
        self._tally = tally
        self._open = ExitStack()
        self.visitors = client.grounds.visitors if client.grounds is not None else 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    # Transfers

    def transfer(self, request: Request) -> None:
        try:
            self._client.exchange(request, self._tally)
        except TransferError as failure:
            raise TransferError(failure.cause, f"{request}: {failure.detail}") from None

    def big(self) -> None:
        self.transfer(Request())

    def gen(self, size: int, chunk: int = 0) -> None:
        self.transfer(Request("gen", size, self.dice.getrandbits(31), chunk))

    def sink(self, size: int) -> None:
        self.transfer(Request("sink", size, self.dice.getrandbits(31)))

    def stream(self, seed: int, size: int) -> bytes:
        return self._client.native.gen_stream(seed, 0, size)

    def pattern(self) -> bytes:
        return self._client.native.big_pattern()

    # Lines

    def connect(self, service: str | int, *, window: int = 0, patience: float = 0.0) -> SocketLine:
        port = SERVICES[service] if isinstance(service, str) else service
        sock = self._client.connect(window=window, address=self._grounds.address(port))
        return self._open.enter_context(SocketLine(self._client, sock, self._tally, patience))

    def listen(self) -> SocketDoor:
        self._need("connect-out")
        return self._open.enter_context(SocketDoor(self._client, self._tally))

    # The world

    def pause(self, seconds: float, *, quick: float | None = None) -> None:
        self._client.pause(quick if self.quick and quick is not None else seconds)

    def type(self, command: str) -> None:
        self._need("console")
        self._grounds.type(command)

    def air(self) -> Air:
        self._need("raw")
        return Air(BOARD_ADDRESS, bytes.fromhex(MAC.replace(":", "")), ME)

    @contextlib.contextmanager
    def storm(self, frames: Sequence[bytes], per_s: int = 1000) -> Iterator[None]:
        self._need("raw")
        over = threading.Event()
        thread = threading.Thread(target=_blow, args=(frames, per_s, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def reset_board(self) -> None:
        self._need("reset")
        pulled = self._grounds.pull_reset()
        while not pulled.done():
            if self._client.stopping():
                raise GivenUpError("the board was to be reset")
            time.sleep(GUST_S)
        self._client.undisturbed()

    @property
    def _grounds(self) -> Grounds:
        if self._client.grounds is None:
            raise RigError("this client knows no board")
        return self._client.grounds

    def _need(self, need: str) -> None:
        if not self._grounds.has(need):
            raise RigError(f"the scenario needs {NEEDS[need]}")


def _blow(frames: Sequence[bytes], per_s: int, over: threading.Event) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((DEVICE, 0))
        sent, began = 0, time.monotonic()
        while not over.wait(GUST_S):
            # A rig that was kept waiting does not make up for it in one gust.
            due = int((time.monotonic() - began) * per_s) - sent
            for _ in range(min(due, per_s // 10 + 1)):
                with contextlib.suppress(OSError):  # the queue is full: a storm loses frames too
                    raw.send(frames[sent % len(frames)])
                sent += 1
