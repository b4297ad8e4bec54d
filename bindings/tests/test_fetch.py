"""One transfer by the bindings: every way in which a server may behave has its Step."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kyusim import native
from kyusim.native import Fetch, Step

BIG = native.big_pattern()
Serve = Callable[[socket.socket], None]
Make = Callable[..., Fetch]
#: More than the room that a fetch receives into, so that a stream has several stretches.
LONG = 700_000


@pytest.fixture
def fetch_from() -> Iterator[Callable[[Serve], Make]]:
    """A server for one connection, which it keeps open after `serve` until the test has ended."""
    over = threading.Event()
    listeners, threads, fetches = [], [], []

    def start(serve: Serve) -> Make:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(10)
                serve(sock)
                over.wait(10)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()

        def make(command: bytes = b"big\n", size: int = 200_000, **how: object) -> Fetch:
            port = listener.getsockname()[1]
            options = {"seed": None, "quiet_s": 0.05, **how}
            fetches.append(Fetch("127.0.0.1", port, command, size=size, **options))  # type: ignore[arg-type]
            return fetches[-1]

        return make

    yield start
    over.set()
    for fetch in fetches:
        fetch.close()
    for thread in threads:
        thread.join(10)
    for listener in listeners:
        listener.close()


def run(fetch: Fetch, most: int = 1 << 30) -> Step:
    """The first Step that is not a wait for the next byte."""
    while (step := fetch.go(most)) in (Step.CONNECTING, Step.WAITING):
        pass
    return step


def sends(data: bytes, *, closes: bool = True, asked: bytes = b"big\n") -> Serve:
    def serve(sock: socket.socket) -> None:
        got = b""
        while len(got) < len(asked):
            got += sock.recv(len(asked) - len(got))
        assert got == asked
        with contextlib.suppress(OSError):  # a client that saw a wrong byte has gone
            sock.sendall(data)
            if closes:
                sock.shutdown(socket.SHUT_WR)

    return serve


def test_a_whole_transfer_is_done_and_cannot_go_on(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG))()
    assert (run(fetch), fetch.received) == (Step.DONE, 200_000)
    assert (fetch.go(1), fetch.error) == (Step.BROKEN, errno.EBADF)


def test_its_own_port_is_known_while_there_is_a_connection_even_a_broken_one(
    fetch_from: Callable[[Serve], Make],
) -> None:
    seen = []

    def hang_up(sock: socket.socket) -> None:
        seen.append(sock.getpeername()[1])
        sock.recv(4)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    fetch = fetch_from(hang_up)()
    assert fetch.port == 0
    assert run(fetch) is Step.BROKEN
    assert fetch.port == seen[0]
    fetch.close()
    assert fetch.port == 0


def test_a_generated_stream_of_any_length_is_compared(
    fetch_from: Callable[[Serve], Make],
) -> None:
    asked = b"gen 7 700000\nq\n"
    stream = native.gen_stream(7, 0, LONG)
    fetch = fetch_from(sends(stream, asked=asked))(asked, LONG, seed=7)
    assert (run(fetch), fetch.received) == (Step.DONE, LONG)


@pytest.mark.parametrize("at", [0, 1, 262_143, 262_144, 262_145, LONG - 1])
def test_the_first_wrong_byte_is_named(fetch_from: Callable[[Serve], Make], at: int) -> None:
    stream = bytearray(native.gen_stream(7, 0, LONG))
    for wrong in {at, LONG - 1}:
        stream[wrong] ^= 0x40
    fetch = fetch_from(sends(bytes(stream)))(b"big\n", LONG, seed=7)
    assert run(fetch) is Step.WRONG
    assert fetch.at == at
    assert fetch.found == bytes(stream[at : at + 16])[: len(fetch.found)]
    assert fetch.found


def test_bytes_behind_the_last_one_are_shown(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG + b"what else?"))()
    assert (run(fetch), fetch.found) == (Step.EXTRA, b"what else?")


def test_a_close_before_the_last_byte_is_early(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG[:-1]))()
    assert (run(fetch), fetch.received) == (Step.EARLY, 199_999)


def test_a_close_that_does_not_come_is_waited_for(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG, closes=False))()
    assert [run(fetch), fetch.go(1)] == [Step.CLOSING, Step.CLOSING]


def test_silence_comes_back_to_be_judged(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG[:1000], closes=False))()
    while fetch.received < 1000:
        fetch.go(1 << 30)
    assert (fetch.go(1 << 30), fetch.received) == (Step.WAITING, 1000)


def trickles(sock: socket.socket) -> None:
    """A hundred bytes every two milliseconds, until the client has gone."""
    sock.recv(4)
    with contextlib.suppress(OSError):
        for at in range(0, len(BIG), 100):
            sock.sendall(BIG[at : at + 100])
            time.sleep(0.002)


def rushes(sock: socket.socket) -> None:
    """As fast as it can, until the client has gone."""
    sock.recv(4)
    with contextlib.suppress(OSError):
        for at in range(0, 1 << 30, 1 << 18):
            sock.sendall(native.gen_stream(7, at, 1 << 18))


@pytest.mark.parametrize(("serve", "size"), [(trickles, 200_000), (rushes, 1 << 30)])
def test_no_go_stays_for_long_whatever_comes(
    fetch_from: Callable[[Serve], Make], serve: Serve, size: int
) -> None:
    fetch = fetch_from(serve)(size=size, seed=None if serve is trickles else 7)
    stays: list[float] = []
    before = time.monotonic()
    while len(stays) < 3:
        assert fetch.go(1 << 40) is Step.WAITING
        stays.append(time.monotonic() - before)
        before += stays[-1]
    assert 0 < fetch.received < size
    assert min(stays) < 0.5, "0.05 s were asked for; the host may be busy"
    fetch.close()


FORSAKEN = """
import socket, sys, threading, time
from kyusim.native import Fetch

listener = socket.create_server(("127.0.0.1", 0))

def wait():
    fetch = Fetch(*listener.getsockname(), b"big\\n", seed=None, size=1, quiet_s=0.001)
    while True:
        fetch.go(1)

class GoesLate:
    def __del__(self):
        time.sleep(0.2)

late = GoesLate()
for _ in range(4):
    threading.Thread(target=wait, daemon=True).start()
time.sleep(0.2)
print("the last word")
sys.exit(130)
"""


def test_a_process_ends_as_it_wants_while_others_wait_for_bytes() -> None:
    ended = subprocess.run([sys.executable, "-c", FORSAKEN], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"the last word\n", b"")


def test_no_go_takes_more_than_it_may(fetch_from: Callable[[Serve], Make]) -> None:
    fetch = fetch_from(sends(BIG))(quiet_s=5.0)
    seen = []
    while run(fetch, 30_000) is Step.PAUSED:
        seen.append(fetch.received)
    assert seen == [30_000, 60_000, 90_000, 120_000, 150_000, 180_000]
    assert fetch.received == 200_000


def test_a_reset_is_broken(fetch_from: Callable[[Serve], Make]) -> None:
    def serve(sock: socket.socket) -> None:
        sends(BIG[:5000], closes=False)(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    fetch = fetch_from(serve)()
    assert (run(fetch), fetch.error) == (Step.BROKEN, errno.ECONNRESET)


def test_nobody_listening_is_unreached() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        fetch = Fetch("127.0.0.1", bound.getsockname()[1], b"big\n", seed=None, size=1)
        assert (run(fetch), fetch.error) == (Step.UNREACHED, errno.ECONNREFUSED)


def test_a_half_close_reaches_the_server_behind_the_command(
    fetch_from: Callable[[Serve], Make],
) -> None:
    heard = []

    def serve(sock: socket.socket) -> None:
        while piece := sock.recv(100):
            heard.append(piece)
        sock.sendall(BIG)
        sock.shutdown(socket.SHUT_WR)

    assert run(fetch_from(serve)(half_close=True)) is Step.DONE
    assert b"".join(heard) == b"big\n"


@pytest.mark.parametrize("reset", [False, True])
def test_who_goes_away_closes_or_resets(fetch_from: Callable[[Serve], Make], reset: bool) -> None:
    after: list[bytes | OSError] = []
    heard = threading.Event()

    def serve(sock: socket.socket) -> None:
        sends(BIG[:3000], closes=False)(sock)
        try:
            after.append(sock.recv(10))
        except OSError as error:
            after.append(error)
        heard.set()

    fetch = fetch_from(serve)(size=3000, until_close=False)
    assert run(fetch) is Step.DONE
    fetch.close(reset=reset)
    assert heard.wait(10)
    assert isinstance(after[0], ConnectionResetError) if reset else after == [b""]


@pytest.mark.parametrize(
    ("host", "size", "words"),
    [("the-board", 1, "IPv4"), ("", 1, "IPv4"), ("::1", 1, "IPv4"), ("127.0.0.1", 200_001, "size")],
)
def test_what_makes_no_sense_is_said_at_once(host: str, size: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Fetch(host, 1, b"big\n", seed=None, size=size)


def test_a_small_window_keeps_the_far_side_waiting(fetch_from: Callable[[Serve], Make]) -> None:
    def taken(window: int) -> int:
        """Bytes that the host's TCP has taken in for a client that reads none."""
        sent, full = [0], threading.Event()

        def fill(sock: socket.socket) -> None:
            sock.recv(4)
            sock.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    sent[0] += sock.send(BIG)
            sent[0] -= struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
            full.set()

        fetch = fetch_from(fill)(window=window)
        while fetch.go(1) is not Step.PAUSED:
            pass
        assert full.wait(10)
        return sent[0]

    assert taken(16 * 1024) < 32 * 1024
    assert taken(0) > 64 * 1024
