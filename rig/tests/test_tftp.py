"""The TFTP server of the bench: that one file, read only, to one board, at one address."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from tftpy import TftpClient
from tftpy.TftpShared import TftpException

from rig.board.tftp import NAME, OneFile
from rig.errors import UserError

CONTENT = bytes(range(256)) * 21 + b"end"
HOST = "127.0.0.1"


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def _get(port: int, name: str, into: Path) -> bytes:
    client = TftpClient(HOST, port)
    try:
        client.download(name, str(into))
    finally:
        client.context.end()
    return into.read_bytes()


def test_the_board_gets_the_file_each_time_it_asks(port: int, tmp_path: Path) -> None:
    with OneFile(CONTENT, HOST, HOST, port):
        for _ in range(2):
            assert _get(port, NAME, tmp_path / "got") == CONTENT


@pytest.mark.parametrize("name", ["other.bin", "../kyu.bin", "/etc/passwd", "empty"])
def test_no_other_file_is_given(name: str, port: int, tmp_path: Path) -> None:
    with OneFile(CONTENT, HOST, HOST, port), pytest.raises(TftpException):
        _get(port, name, tmp_path / "got")


def test_nobody_else_gets_it(port: int, tmp_path: Path) -> None:
    with OneFile(CONTENT, HOST, "127.0.0.9", port), pytest.raises(TftpException):
        _get(port, NAME, tmp_path / "got")


def test_nothing_is_written(port: int, tmp_path: Path) -> None:
    with OneFile(CONTENT, HOST, HOST, port):
        worse = tmp_path / "worse"
        worse.write_bytes(b"worse")
        client = TftpClient(HOST, port)
        with pytest.raises(TftpException):
            client.upload(NAME, str(worse))
        client.context.end()
        assert _get(port, NAME, tmp_path / "got") == CONTENT


def test_it_answers_at_its_own_address_alone(port: int) -> None:
    with OneFile(CONTENT, HOST, HOST, port), socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", port))  # free, for the server has not taken all addresses


def test_a_port_that_is_taken_is_told_in_one_line(port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind((HOST, port))
        with (
            pytest.raises(UserError, match="no TFTP server at"),
            OneFile(CONTENT, HOST, HOST, port),
        ):
            pass
