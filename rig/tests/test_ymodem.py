"""YMODEM against a receiver written from the reference, which may be hard of hearing."""

from __future__ import annotations

import binascii

import pytest

from rig.board.ymodem import ACK, ATTEMPTS, CAN, EOT, NAK, SOH, Sender
from rig.errors import RigError

CONTENT = bytes(range(256)) * 1100 + b"tail"  # more packets than their number can count


class Receiver:
    """Answers at once; `deaf` lists the writes that it does not hear or hears wrongly."""

    def __init__(self, deaf: dict[int, bytes] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.over = False
        self._deaf = deaf or {}
        self._writes = 0
        self._said = b"C"
        self._next = 0
        self._name = ""
        self._size = 0
        self._got = b""

    def take(self) -> bytes:
        said, self._said = self._said, b""
        return said

    def write(self, data: bytes) -> None:
        self._writes += 1
        self._said += self._deaf.get(self._writes) or self._hear(data)

    def _hear(self, data: bytes) -> bytes:
        if data == EOT:
            self.files[self._name] = self._got[: self._size]
            self._next = 0
            return ACK + b"C"
        body = data[3:-2]
        assert len(body) == (128 if data[:1] == SOH else 1024)
        assert int.from_bytes(data[-2:], "big") == binascii.crc_hqx(body, 0)
        assert data[1] ^ data[2] == 0xFF
        if data[1] == (self._next - 1) & 0xFF and self._got:
            return ACK  # its answer was lost
        assert data[1] == self._next & 0xFF
        self._next += 1
        if self._next > 1:
            self._got += body
            return ACK
        name, _, size = body.rstrip(b"\0").partition(b"\0")
        if not name:
            self.over = True
            return ACK
        self._name, self._size = name.decode(), int(size)
        return ACK + b"C"


def _send(receiver: Receiver) -> None:
    Sender(receiver.take, receiver.write, answer_s=0.01).send("kyu.bin", CONTENT)


def test_a_file_comes_whole_and_the_batch_is_closed() -> None:
    receiver = Receiver()
    _send(receiver)
    assert receiver.files == {"kyu.bin": CONTENT}
    assert receiver.over


def test_what_was_heard_wrongly_or_not_at_all_is_sent_again() -> None:
    receiver = Receiver({1: NAK, 5: NAK, 9: b"?", 280: NAK})
    _send(receiver)
    assert receiver.files == {"kyu.bin": CONTENT}


def test_a_receiver_that_gives_up_or_never_answers_ends_it() -> None:
    with pytest.raises(RigError, match="gave the YMODEM transfer up"):
        _send(Receiver({3: CAN}))
    with pytest.raises(RigError, match="not taken in 10 attempts"):
        _send(Receiver(dict.fromkeys(range(3, 3 + ATTEMPTS), NAK)))
    silent = Sender(lambda: b"", lambda _data: None, answer_s=0.01)
    with pytest.raises(RigError, match="nobody asks"):
        silent.send("kyu.bin", b"")


def test_a_line_that_is_gone_ends_it_at_once() -> None:
    def gone() -> bytes:
        raise RigError("the serial line /dev/ttyUSB0 is gone")

    with pytest.raises(RigError, match="is gone"):
        Sender(gone, lambda _data: None).send("kyu.bin", CONTENT)
