"""Clients that are not simply eager, and what an upload's receipt may say."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kyusim import native
from rig.board.protocol import Address
from rig.tests.fake import BIG, reset
from rig.traffic.failure import TransferError
from rig.traffic.guest import SocketLine
from rig.traffic.request import Manner, Request, Result
from rig.traffic.wangdoodle import Client, Patience, Tally
from rig.verdict import Cause

Serve = Callable[[socket.socket], None]


class Server:
    """One connection on loopback; `after`: what the server's last recv() came to."""

    def __init__(self, serve: Serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self._listener.getsockname()[1])
        self.after: bytes | OSError = b"?"
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        with sock:
            sock.settimeout(10)
            try:
                self._serve(sock)
                self.after = sock.recv(100)
            except OSError as error:
                self.after = error

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def serving() -> Iterator[Callable[[Serve], Server]]:
    servers: list[Server] = []

    def start(serve: Serve) -> Server:
        servers.append(Server(serve))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def ask(server: Server, request: Request) -> Result:
    return Client(server.address, native, patience=Patience(2.0, 1.0)).transfer(request, 1)


def send_big(sock: socket.socket) -> None:
    assert sock.recv(4) == b"big\n"
    sock.sendall(BIG)


def take_upload(answer: bytes) -> Serve:
    def serve(sock: socket.socket) -> None:
        command = b""
        while not command.endswith(b"\n"):
            command += sock.recv(1)
        left = int(command.split()[2])
        while left > 0:
            left -= len(sock.recv(min(left, 65536)))
        sock.sendall(answer)

    return serve


@pytest.mark.parametrize(("manner", "by_reset"), [("leave", False), ("reset", True)])
def test_who_goes_away_in_the_middle_has_compared_what_came(
    serving: Callable[[Serve], Server], manner: Manner, by_reset: bool
) -> None:
    def serve(sock: socket.socket) -> None:
        assert sock.recv(4) == b"big\n"
        sock.sendall(
            BIG[:50_000]
        )  # no more: bytes that nobody reads would make a reset of any close

    server = serving(serve)
    result = ask(server, Request(manner=manner, stop_at=50_000))
    assert (result.ok, result.received) == (True, 50_000)
    server.close()
    assert isinstance(server.after, ConnectionResetError) if by_reset else server.after == b""


def test_who_goes_away_at_once_asks_nothing(serving: Callable[[Serve], Server]) -> None:
    server = serving(lambda _sock: None)
    result = ask(server, Request(manner="leave"))
    assert (result.ok, result.received) == (True, 0)
    server.close()
    assert server.after == b""


def test_a_wrong_byte_is_seen_before_the_client_goes_away(
    serving: Callable[[Serve], Server],
) -> None:
    def serve(sock: socket.socket) -> None:
        assert sock.recv(4) == b"big\n"
        sock.sendall(BIG[:1000] + b"!" + BIG[1001:60_000])

    result = ask(serving(serve), Request(manner="leave", stop_at=50_000))
    assert result.cause is Cause.CORRUPTION
    assert "offset 1000" in result.detail


def test_a_slow_reader_gets_every_byte(serving: Callable[[Serve], Server]) -> None:
    def serve(sock: socket.socket) -> None:
        send_big(sock)
        sock.shutdown(socket.SHUT_WR)

    result = ask(serving(serve), Request(manner="slow"))
    assert (result.ok, result.received) == (True, 200_000)


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (b"OK 70000\n", None, ""),
        (b"BAD 17 3a 3b\n", Cause.CORRUPTION, "the board was sent wrong bytes: BAD 17 3a 3b"),
        (b"OK 69999\n", Cause.TRUNCATED, "receipt is 'OK 69999'"),
        (b"", Cause.TRUNCATED, "receipt is ''"),
        (b"\xff" * 200, Cause.TRUNCATED, "receipt is"),
    ],
)
def test_an_upload_is_good_when_the_board_says_so(
    serving: Callable[[Serve], Server], answer: bytes, cause: Cause | None, words: str
) -> None:
    def serve(sock: socket.socket) -> None:
        take_upload(answer)(sock)
        sock.shutdown(socket.SHUT_WR)

    result = ask(serving(serve), Request("sink", 70_000, 5))
    assert result.cause is cause
    assert words in result.detail
    assert result.received == 70_000


def test_an_upload_that_the_board_resets_is_a_reset(serving: Callable[[Serve], Server]) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(10)
        sock.close()  # with bytes unread: a reset

    result = ask(serving(serve), Request("sink", 5_000_000, 5))
    assert result.cause is Cause.RESET


def hang_up(listener: socket.socket) -> None:
    """Whoever comes is left at once, and what he asks is answered with a reset."""
    with contextlib.suppress(OSError):  # the listener is closed
        while True:
            listener.accept()[0].close()


def test_a_board_that_hangs_up_on_who_half_closes_has_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        client = Client(Address("127.0.0.1", listener.getsockname()[1]), native)
        causes = {client.transfer(Request(half_close=True), n).cause for n in range(1, 51)}
        listener.shutdown(socket.SHUT_RDWR)
    assert causes <= {Cause.RESET, Cause.TRUNCATED}


def test_a_half_close_after_the_boards_reset_blames_the_board(
    serving: Callable[[Serve], Server],
) -> None:
    gone = threading.Event()

    def serve(sock: socket.socket) -> None:
        reset(sock)
        sock.close()
        gone.set()

    client = Client(serving(serve).address, native)
    with SocketLine(client, client.connect(), Tally()) as line:
        assert gone.wait(10)
        with pytest.raises(TransferError, match="connection reset") as failure:
            line.half_close()
    assert failure.value.cause is Cause.RESET


def trickle(sock: socket.socket) -> None:
    """A byte every two milliseconds, until the client has gone; and it takes what it is sent."""
    sock.recv(4)
    for at in range(5_000):
        sock.sendall(BIG[at : at + 1])
        sock.recv(65536)
        time.sleep(0.002)


def read_a_line(client: Client) -> Result:
    def body(tally: Tally) -> None:
        with SocketLine(client, client.connect(), tally) as line:
            line.send(b"big\n")
            line.half_close()
            line.read(200_000)

    return client.attempt(Request(), 1, body)


@pytest.mark.parametrize(
    "work",
    [
        lambda client: client.transfer(Request(half_close=True)),
        lambda client: client.transfer(Request("sink", 1 << 40, 5)),
        read_a_line,
    ],
)
def test_whoever_is_fed_byte_by_byte_stops_when_the_run_does(
    serving: Callable[[Serve], Server], work: Callable[[Client], Result]
) -> None:
    asked = threading.Event()
    client = Client(serving(trickle).address, native, stopping=asked.is_set)
    threading.Timer(0.3, asked.set).start()
    begun = time.monotonic()
    result = work(client)
    assert (result.ok, result.abandoned) == (False, True)
    assert time.monotonic() - begun < 5, "all of it takes ten seconds"


def test_requests_say_what_they_are() -> None:
    assert str(Request("sink", 5, 7)) == "sink 7 5"
    assert str(Request(manner="reset", stop_at=3)) == "big (reset at 3)"
    assert str(Request(half_close=True, manner="slow")) == "big (half-closed, slow)"
