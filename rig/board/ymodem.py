"""YMODEM, the sending half, for a U-Boot that has no network (`loady`).

Context   any thread; bytes come and go through two functions of the caller.
Rules     the receiver drives: a packet is sent again when it says NAK or nothing. Errors of the
          line are not caught here: a line that is gone ends the transfer at once.
Source    Chuck Forsberg, XMODEM/YMODEM Protocol Reference (1988), chapters 4 to 8.
"""

from __future__ import annotations

import binascii
import time
from collections.abc import Callable

from rig.errors import RigError

SOH, STX, EOT, ACK, NAK, CAN, CRC = b"\x01", b"\x02", b"\x04", b"\x06", b"\x15", b"\x18", b"C"
SHORT, LONG = 128, 1024
PAD = b"\x1a"
#: A receiver says NAK after ten seconds by the reference, U-Boot after two.
ANSWER_S = 10.0
ATTEMPTS = 10
#: For the invitation after a header, which U-Boot only gives when nothing comes for seconds.
SECOND_S = 0.3


class Sender:
    def __init__(
        self,
        take: Callable[[], bytes],
        write: Callable[[bytes], None],
        *,
        heard: bytes = b"",
        answer_s: float = ANSWER_S,
    ) -> None:
        """`take` gives what has come within a moment, perhaps nothing; `heard` has come before."""
        self._take, self._write, self._answer_s = take, write, answer_s
        self._heard = heard

    def send(self, name: str, content: bytes) -> bytes:
        """One file in a batch of one; returns what has come behind the last answer.

        Raises RigError when the receiver does not take it.
        """
        if self._answer(CRC, self._answer_s) is None:
            raise RigError(f"nobody asks for a file by YMODEM within {self._answer_s:g} s")
        self._deliver(packet(0, f"{name}\0{len(content)}".encode("ascii"), b"\0"))
        self._answer(CRC, SECOND_S)
        for number, at in enumerate(range(0, len(content), LONG), 1):
            self._deliver(packet(number, content[at : at + LONG], PAD))
        self._deliver(EOT)
        self._answer(CRC, SECOND_S)
        self._deliver(packet(0, b"", b"\0"))
        return self._heard

    def _deliver(self, what: bytes) -> None:
        for _ in range(ATTEMPTS):
            self._write(what)
            if self._answer(ACK + NAK, self._answer_s) == ACK:
                return
        raise RigError(f"a YMODEM packet was not taken in {ATTEMPTS} attempts")

    def _answer(self, wanted: bytes, seconds: float) -> bytes | None:
        """The next of these bytes; None when none has come in time."""
        ends = time.monotonic() + seconds
        while True:
            while self._heard:
                one, self._heard = self._heard[:1], self._heard[1:]
                if one in wanted:
                    return one
                if one == CAN:
                    raise RigError("the receiver gave the YMODEM transfer up")
            if time.monotonic() > ends:
                return None
            self._heard = self._take()


def packet(number: int, data: bytes, pad: bytes) -> bytes:
    """Data of up to LONG bytes, its number twice, and its CRC."""
    kind, size = (SOH, SHORT) if len(data) <= SHORT else (STX, LONG)
    body = data.ljust(size, pad)
    low = number & 0xFF
    return kind + bytes((low, 0xFF - low)) + body + binascii.crc_hqx(body, 0).to_bytes(2, "big")
