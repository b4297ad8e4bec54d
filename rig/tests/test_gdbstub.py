"""A gdb server can be anything: what it says wrong must not be believed, nor waited for."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import RigError, UserError
from rig.inspect.gdbstub import GdbStub, connect
from rig.inspect.memory import UnreadableError
from rig.inspect.packets import INTERRUPT, NAK, Damaged, Packet, Splitter, TooLongError, frame

Answer = Callable[[bytes], bytes]
REGISTERS = b"".join(number.to_bytes(4, "little") for number in range(0x100, 0x110))
LEGACY = (REGISTERS + bytes(8 * 12 + 4) + (0x600000D3).to_bytes(4, "little")).hex().encode()


class Server:
    """Answers each command by a function from its body to the bytes on the wire."""

    def __init__(self, answer: Answer, *, greeting: bytes = b"") -> None:
        self.ours, theirs = socket.socketpair()
        self.heard: list[bytes] = []
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, args=(theirs, greeting), daemon=True)
        self._thread.start()

    def _serve(self, sock: socket.socket, greeting: bytes) -> None:
        splitter = Splitter()
        with sock, contextlib.suppress(OSError):
            sock.sendall(greeting)
            while data := sock.recv(4096):
                if INTERRUPT in data:
                    self.heard.append(b"interrupt")
                    sock.sendall(self._answer(b"interrupt"))
                if data.startswith(NAK):
                    self.heard.append(b"again")
                    sock.sendall(self._answer(b"again"))
                for one in splitter.feed(data.lstrip(NAK)):
                    if isinstance(one, Packet):
                        self.heard.append(one.body)
                        sock.sendall(self._answer(one.body))


@pytest.fixture
def talk() -> Iterator[Callable[..., tuple[GdbStub, Server]]]:
    open_ones: list[GdbStub] = []

    def to(answer: Answer, *, greeting: bytes = b"") -> tuple[GdbStub, Server]:
        server = Server(answer, greeting=greeting)
        open_ones.append(GdbStub(server.ours))
        return open_ones[-1], server

    yield to
    for stub in open_ones:
        stub.close()


Talk = Callable[..., tuple[GdbStub, Server]]


def qemu(command: bytes) -> bytes:
    """As QEMU 7.2 answers."""
    if command.startswith(b"qSupported"):
        return b"+" + frame(b"PacketSize=1000;qXfer:features:read+")
    if command == b"?":
        return b"+" + frame(b"T05thread:01;")
    if command == b"g":
        return b"+" + frame(LEGACY)
    if command.startswith(b"m"):
        address, size = (int(number, 16) for number in command[1:].split(b","))
        if address < 0x4000 or address + size > 0x8000 or size > 0x800:
            return b"+" + frame(b"E14")
        return b"+" + frame(
            bytes(at & 0xFF for at in range(address, address + size)).hex().encode()
        )
    return b"+" + frame(b"")


def test_registers_come_with_the_status_even_where_single_ones_cannot_be_asked(talk: Talk) -> None:
    stub, _ = talk(qemu)
    stub.halt()
    assert stub.registers() == (*range(0x100, 0x110), 0x600000D3)


def test_memory_is_asked_for_in_pieces_that_fit_a_packet(talk: Talk) -> None:
    stub, server = talk(qemu)
    stub.halt()
    assert stub.read(0x4000, 0x1234) == bytes(at & 0xFF for at in range(0x4000, 0x5234))
    assert [command for command in server.heard if command.startswith(b"m")] == [
        b"m4000,800", b"m4800,800", b"m5000,234",
    ]  # fmt: skip


def test_an_address_that_the_board_does_not_have_is_unreadable(talk: Talk) -> None:
    stub, _ = talk(qemu)
    stub.halt()
    with pytest.raises(UnreadableError):
        stub.read(0x7F00, 0x200)


def test_a_stop_that_nobody_asked_for_is_no_answer(talk: Talk) -> None:
    stub, _ = talk(qemu, greeting=frame(b"T02thread:01;"))
    stub.halt()
    assert stub.read(0x4001, 2) == b"\x01\x02"


def test_a_board_that_still_runs_is_interrupted(talk: Talk) -> None:
    def running(command: bytes) -> bytes:
        if command == b"interrupt":
            return frame(b"S02")
        return b"+" + frame(b"OK") if command == b"?" else qemu(command)

    stub, server = talk(running)
    stub.halt()
    assert b"interrupt" in server.heard


def test_a_server_without_acknowledgements_gets_none(talk: Talk) -> None:
    def modern(command: bytes) -> bytes:
        if command.startswith(b"qSupported"):
            return b"+" + frame(b"PacketSize=1000;QStartNoAckMode+")
        if command == b"QStartNoAckMode":
            return b"+" + frame(b"OK")
        return qemu(command).removeprefix(b"+")

    stub, server = talk(modern)
    stub.halt()
    assert stub.read(0x4000, 4) == b"\x00\x01\x02\x03"
    assert b"QStartNoAckMode" in server.heard


def test_run_lengths_and_escapes_are_undone(talk: Talk) -> None:
    def brief(command: bytes) -> bytes:
        # "0* " is 0000, and an escaped 3 is a 3.
        return frame(b"0* }\x13" + b"1") if command.startswith(b"m") else qemu(command)

    stub, _ = talk(brief)
    stub.halt()
    assert stub.read(0x4000, 3) == b"\0\0\x31"


def test_a_damaged_answer_is_asked_for_again(talk: Talk) -> None:
    def stumbling(command: bytes) -> bytes:
        if command == b"again":
            return frame(b"0102")
        return b"$0102#00" if command.startswith(b"m") else qemu(command)

    stub, _ = talk(stumbling)
    stub.halt()
    assert stub.read(0x4000, 2) == b"\x01\x02"


def test_what_the_server_refused_is_said_again(talk: Talk) -> None:
    refused: list[bytes] = []

    def deaf_once(command: bytes) -> bytes:
        if command.startswith(b"m") and not refused:
            refused.append(command)
            return b"-"
        return qemu(command)

    stub, server = talk(deaf_once)
    stub.halt()
    assert stub.read(0x4000, 1) == b"\0"
    assert server.heard[-2:] == [b"m4000,1", b"m4000,1"]


HOSTILE: dict[str, tuple[Answer, str]] = {
    "silence": (lambda _: b"", "does not answer"),
    "checksums that are always wrong": (lambda _: b"$00#01", "damaged"),
    "refusals without end": (lambda _: b"-", "damaged"),
    "no hex": (lambda _: frame(b"zz"), "nonsense"),
    "half a byte": (lambda _: frame(b"012"), "nonsense"),
    "more than was asked for": (lambda _: frame(b"00" * 100), "more than"),
    "a packet without an end": (lambda _: b"$" + b"0" * (2 << 20), "without end"),
    "half a packet": (lambda _: b"$0011223", "does not answer"),
    "text": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not answer"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_server_that_answers_wrongly_is_the_rigs_trouble(talk: Talk, what: str) -> None:
    answer, said = HOSTILE[what]
    stub, _ = talk(lambda command: answer(command) if command[:1] in b"ma" else qemu(command))
    stub.halt()
    if said == "does not answer":
        stub._timeout_s = 0.2  # what never comes need not be waited for
    with pytest.raises(RigError, match=said):
        stub.read(0x4000, 16)


def test_a_server_that_goes_away_is_the_rigs_trouble() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(RigError, match=r"gone|closed"):
        GdbStub(ours).halt()
    ours.close()


def test_a_server_that_is_slow_each_time_cannot_use_up_more_than_the_budget() -> None:
    server = Server(lambda _: b"")
    stub = GdbStub(server.ours, timeout_s=3600, budget_s=0.1)
    with pytest.raises(RigError, match="does not answer"):
        stub.halt()
    stub.close()


@pytest.mark.parametrize("where", ["127.0.0.1:1", "/nowhere/at/all", "localhost:99999", ""])
def test_where_no_server_is_a_user_is_told_in_one_line(where: str) -> None:
    with pytest.raises(UserError) as told:
        connect(where)
    assert "\n" not in str(told.value)


def test_a_socket_that_nobody_serves_any_more_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "door"))
    with pytest.raises(UserError, match="no debugger server answers"):
        connect(str(tmp_path / "door"))


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_splitter(data: bytes) -> None:
    assert all(
        isinstance(one.body, bytes) for one in Splitter().feed(data) if isinstance(one, Packet)
    )


@given(st.lists(st.binary(max_size=20).map(lambda raw: raw.hex().encode()), max_size=5), st.data())
def test_packets_are_found_however_the_bytes_are_cut(
    bodies: list[bytes], data: st.DataObject
) -> None:
    raw = b"".join(b"+" + frame(body) for body in bodies)
    cut = data.draw(st.integers(0, len(raw)))
    splitter = Splitter()
    heard = splitter.feed(raw[:cut]) + splitter.feed(raw[cut:])
    assert heard == [Packet(body) for body in bodies]


def test_a_run_length_that_repeats_nothing_is_damage() -> None:
    assert Splitter().feed(frame(b"*!")) == [Damaged()]
    assert Splitter().feed(frame(b"0*")) == [Damaged()]


def test_a_splitter_does_not_keep_what_never_ends() -> None:
    with pytest.raises(TooLongError):
        Splitter().feed(b"$" + b"0" * (2 << 20))
