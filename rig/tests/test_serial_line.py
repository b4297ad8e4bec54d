"""A serial line that goes away is waited for, opened again, and told of."""

from __future__ import annotations

import os
import pty
import socket
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.board.serial_line import SerialLine
from rig.errors import UserError


class Adapter:
    """A USB adapter: a pty behind a name that stays the same, as under /dev/serial/by-id."""

    def __init__(self, folder: Path) -> None:
        self.name = folder / "usb-adapter"
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        self.name.unlink()
        os.close(self._slave)
        os.close(self.master)


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    made = Adapter(tmp_path)
    yield made
    if made.name.is_symlink():
        made.unplug()


def _until(line: SerialLine, words: bytes) -> bytes:
    heard = b""
    while words not in heard:
        data = line.read()
        assert data, heard
        heard += data
    return heard


def _await(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.01)


def test_a_line_that_was_unplugged_is_read_again_and_told_of(adapter: Adapter) -> None:
    line = SerialLine(str(adapter.name), 115200, lost_s=30)
    os.write(adapter.master, b"before\n")
    _until(line, b"before\n")
    adapter.unplug()
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(_until(line, b"after\n")))
    reader.start()
    _await(lambda: line.lost)
    line.write(b"nobody hears this")
    adapter.plug()
    _await(lambda: not line.lost)
    os.write(adapter.master, b"after\n")
    reader.join(timeout=10)
    assert heard == [b"after\n"]
    lost, back = line.happenings()
    assert lost.startswith("the serial line is lost: ")
    assert back.startswith("the serial line is back after ")
    assert line.happenings() == []
    line.write(b"x")
    assert os.read(adapter.master, 10) == b"x"
    line.close()


def test_a_device_that_is_back_but_cannot_be_set_up_yet_is_waited_for(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SerialLine(str(adapter.name), 115200, lost_s=30)
    tried: list[object] = []
    heard: list[bytes] = []
    set_up = termios.tcsetattr

    def sick(*arguments: Any) -> None:
        tried.append(arguments)
        if len(tried) < 3:
            raise termios.error(5, "Input/output error")
        set_up(*arguments)

    adapter.unplug()
    adapter.plug()
    monkeypatch.setattr(termios, "tcsetattr", sick)
    os.write(adapter.master, b"lost while it is opened\n")
    reader = threading.Thread(target=lambda: heard.append(_until(line, b"after\n")))
    reader.start()
    _await(lambda: len(tried) >= 3 and not line.lost)
    os.write(adapter.master, b"after\n")
    reader.join(timeout=10)
    assert heard == [b"after\n"]
    assert len(line.happenings()) == 2
    line.close()


def test_a_device_that_fails_in_a_read_or_at_its_first_opening_is_told_in_words(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sick(*_: Any) -> None:
        raise termios.error(5, "Input/output error")

    line = SerialLine(str(adapter.name), 115200, lost_s=0)
    monkeypatch.setattr(line._port, "read", sick)
    monkeypatch.setattr(line._port, "write", sick)
    line.write(b"nobody hears this")
    assert line.read() == b""
    assert line.gone == f"the serial line {adapter.name} did not come back in 0 s"
    monkeypatch.setattr(termios, "tcsetattr", sick)
    with pytest.raises(UserError, match=r"cannot be opened: .*Input/output error"):
        SerialLine(str(adapter.name), 115200, lost_s=0)


def test_a_line_that_stays_away_ends_like_one_that_is_gone(adapter: Adapter) -> None:
    line = SerialLine(str(adapter.name), 115200, lost_s=0)
    adapter.unplug()
    assert line.read() == b""
    assert line.gone == f"the serial line {adapter.name} did not come back in 0 s"
    assert [told.partition(":")[0] for told in line.happenings()] == ["the serial line is lost"]


def test_one_line_has_one_reader(adapter: Adapter) -> None:
    line = SerialLine(str(adapter.name), 115200, lost_s=0)
    with pytest.raises(UserError, match="cannot be opened"):
        SerialLine(str(adapter.name), 115200, lost_s=0)
    line.close()


def test_what_is_no_device_is_one_line() -> None:
    for url in ("/dev/no-such-tty", "socket://127.0.0.1:1", "carrier-pigeon://x"):
        with pytest.raises(UserError, match="cannot be opened") as caught:
            SerialLine(url, 115200, lost_s=0)
        assert "\n" not in str(caught.value)


def test_a_socket_is_a_line_too_and_comes_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        line = SerialLine(f"socket://127.0.0.1:{port}", 115200, lost_s=30)
        heard: list[bytes] = []
        reader = threading.Thread(target=lambda: heard.append(_until(line, b"two\n")))
        reader.start()
        for words in (b"one\n", b"two\n"):
            client, _ = server.accept()
            _await(lambda: not line.lost)  # while it opens, pyserial throws away what comes
            client.sendall(words)
            client.close()
        reader.join(timeout=10)
    assert heard == [b"one\ntwo\n"]
    assert line.happenings()[0].startswith("the serial line is lost: ")
    line.close()
