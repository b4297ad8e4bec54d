"""A board that cannot be reached: who says no, and who says nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kyusim import native
from rig.board.protocol import Address
from rig.traffic.request import Request
from rig.traffic.wangdoodle import Client, Patience
from rig.verdict import Cause


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Bound to loopback; whether it listens is the test's choice."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


def fetch_from(sock: socket.socket) -> Cause | None:
    address = Address("127.0.0.1", sock.getsockname()[1])
    return Client(address, native, patience=Patience(connect=0.5)).transfer(Request()).cause


def test_a_port_where_nobody_listens_is_refused(listener: socket.socket) -> None:
    assert fetch_from(listener) is Cause.REFUSED


def test_a_port_that_never_answers_is_a_connect_timeout(listener: socket.socket) -> None:
    listener.listen(0)
    queued = [socket.socket() for _ in range(3)]
    for sock in queued:
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
    assert fetch_from(listener) is Cause.CONNECT_TIMEOUT
    for sock in queued:
        sock.close()
