"""Is anybody there? The shortest conversation with each part of the board."""

from __future__ import annotations

import socket
import time

from rig.board.protocol import Address
from rig.campaign.session import Session
from rig.pytest_plugin import ConsoleView, Wang
from rig.wire.protocol import SERVICES, WANGDOODLE


def test_the_board_beats(board: Session) -> None:
    before = board.watch.heartbeats
    ends = board.observed() + 3
    while board.watch.heartbeats < before + 2 and board.observed() < ends:
        board.pump()
    assert board.watch.heartbeats >= before + 2


def test_no_frame_on_the_console_is_damaged(board: Session) -> None:
    board.pump(0)
    assert board.watch.bad_frames == 0


def test_an_empty_line_brings_a_prompt(console: ConsoleView) -> None:
    console.type("")
    console.wait_for("Kyu, ready>", 3)


def test_stat_says_ok(wang: Wang) -> None:
    assert wang.ask("stat") == "OK\n"


def test_anything_else_is_an_error(wang: Wang) -> None:
    assert wang.ask("frobnicate") == "ERR\n"


def test_one_big_transfer_is_right_to_the_byte(wang: Wang) -> None:
    (result,) = wang.big()
    assert result.received == 200_000


def _exchange(address: Address, pieces: list[bytes], enough: bytes, pause_s: float = 0.0) -> bytes:
    """Sends piece by piece, receives until `enough` has come or the board closes."""
    with socket.create_connection((address.host, address.port), timeout=5) as sock:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause_s)
        heard = b""
        while not heard.endswith(enough):
            more = sock.recv(4096)
            if not more:
                break
            heard += more
        return heard


def test_a_command_in_two_segments_is_one_command(wang: Wang) -> None:
    address = wang.session.board.address(WANGDOODLE)
    said = wang.aside(lambda: _exchange(address, [b"st", b"at\n"], b"OK\n", pause_s=0.3))
    assert said == b"OK\n"


def test_three_commands_in_one_segment_are_three(wang: Wang) -> None:
    address = wang.session.board.address(WANGDOODLE)
    said = wang.aside(lambda: _exchange(address, [b"stat\nxyzzy\r\nstat\n"], b"ERR\nOK\n"))
    assert said == b"OK\nERR\nOK\n"


def test_an_endless_line_is_one_error(wang: Wang) -> None:
    address = wang.session.board.address(WANGDOODLE)
    said = wang.aside(lambda: _exchange(address, [b"x" * 5000 + b"\n", b"stat\n"], b"OK\n"))
    assert said == b"ERR\nOK\n"


def test_echo_says_what_it_hears(wang: Wang) -> None:
    address = wang.session.board.address(SERVICES["echo"])
    said = wang.aside(lambda: _exchange(address, [b"hello, board"], b"hello, board"))
    assert said == b"hello, board"
