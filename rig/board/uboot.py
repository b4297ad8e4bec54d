"""A conversation with U-Boot on the serial line, up to the loaded image.

Context   the main thread, before the console reader exists: what is read is kept for the reader.
Rules     every wait has an end, and says what was heard last. Nothing is stored on the board.
"""

from __future__ import annotations

import re
import time

from rig import interrupts
from rig.board.bench_config import Boot
from rig.board.serial_line import SerialLine
from rig.board.ymodem import Sender
from rig.errors import RigError

BANNER = b"U-Boot"
AUTOBOOT = b"stop autoboot"
BOOTED = b"@kyu boot "
TAIL_BYTES = 4096
#: A key is repeated for a U-Boot that flushed its input.
KEY_EVERY_S = 0.25
ANSWER_S = 10.0


class UBoot:
    def __init__(self, line: SerialLine, boot: Boot) -> None:
        self._line = line
        self._boot = boot
        self._prompt = boot.prompt.encode()

    def interrupt(self) -> None:
        """From power-on to the prompt."""
        why = "U-Boot did not come up"
        heard = self._await(AUTOBOOT, self._boot.wait_s, why, knock_after=BANNER)
        heard = heard.partition(AUTOBOOT)[2]  # the prompt may have come with it
        ends = time.monotonic() + self._boot.wait_s
        while not self._at_prompt(heard):
            if time.monotonic() > ends:
                raise RigError(f"U-Boot does not stop at its prompt{_last(heard)}")
            self._line.write(b" ")
            heard = (heard + self._hear(KEY_EVERY_S))[-TAIL_BYTES:]
        self._line.write(b"\x03")  # away with the keys
        self._hear(KEY_EVERY_S)

    def _at_prompt(self, heard: bytes) -> bool:
        """The keys themselves may be echoed behind the prompt."""
        return heard.rstrip(b" ").endswith(self._prompt.rstrip(b" "))

    def left_alone(self) -> None:
        """From power-on to Kyu's first word."""
        self._await(BOOTED, self._boot.wait_s, "Kyu did not come up")

    def run(self, command: str, seconds: float = ANSWER_S) -> str:
        """What U-Boot answers before its next prompt."""
        self._line.write(command.encode("ascii") + b"\r")
        # The echo ends the command's own line; the prompt that counts comes behind it.
        echo = command.encode("ascii")[-8:]
        ends, heard, said = time.monotonic() + seconds, b"", b""
        while self._prompt not in said:
            if time.monotonic() > ends:
                raise RigError(
                    f"U-Boot does not end {command!r} within {seconds:g} s{_last(heard)}"
                )
            heard += self._take()
            said = heard.partition(echo)[2]
        return said.decode("ascii", errors="replace")

    def tftp(self, address: int, name: str, board: str, host: str, mask: str, size: int) -> None:
        """Raises RigError when not exactly `size` bytes have come."""
        self.run(f"setenv ipaddr {board}; setenv netmask {mask}; setenv serverip {host}")
        said = self.run(f"tftpboot {address:#x} {name}", self._boot.load_s)
        got = re.search(r"Bytes transferred = (\d{1,12})\b", said)
        if got is None or int(got[1]) != size:
            why = next((text for text in reversed(said.splitlines()[:-1]) if text.strip()), "")
            raise RigError(f"U-Boot could not load the image: {why.strip()}")

    def ymodem(self, address: int, name: str, content: bytes) -> None:
        """Over the serial line itself. Raises RigError when not all has come."""
        command = f"loady {address:#x}"
        self._line.write(command.encode("ascii") + b"\r")
        begun, why = b"bps...", "U-Boot does not begin to load over the serial line"
        heard = self._await(begun, ANSWER_S, why).partition(begun)[2]
        rest = Sender(self._line.take, self._line.write, heard=heard).send(name, content)
        heard = self._await(self._prompt, ANSWER_S, "U-Boot does not end to load", heard=rest)
        got = re.search(rb"Total Size\s+= \w+ = (\d{1,12}) Bytes", heard)
        if got is None or int(got[1]) != len(content):
            said = heard.rpartition(self._prompt)[0]
            raise RigError(f"U-Boot could not load the image{_last(said)}")

    def go(self, entry: int) -> None:
        self._line.write(f"go {entry:#x}\r".encode("ascii"))

    def _await(
        self,
        what: bytes,
        seconds: float,
        trouble: str,
        *,
        heard: bytes = b"",
        knock_after: bytes = b"",
    ) -> bytes:
        """`heard` has come before. `knock_after`: after this was heard a key is pressed at times.
        A key that waits stops U-Boot too, and a rig on a busy host may come too late for its two
        seconds.
        """
        ends, knocked = time.monotonic() + seconds, 0.0
        while what not in heard:
            now = time.monotonic()
            if now > ends:
                raise RigError(f"{trouble} within {seconds:g} s{_last(heard)}")
            heard += self._take()
            if knock_after and knock_after in heard and now - knocked > KEY_EVERY_S:
                self._line.write(b" ")
                knocked = now
        return heard

    def _hear(self, seconds: float) -> bytes:
        ends, heard = time.monotonic() + seconds, b""
        while time.monotonic() < ends:
            heard += self._take()
        return heard

    def _take(self) -> bytes:
        interrupts.check()
        data = self._line.take()
        if data:
            self._line.keep(data)
        return data


def _last(heard: bytes) -> str:
    lines = [text.strip() for text in heard.decode("ascii", errors="replace").splitlines()]
    last = next((text for text in reversed(lines) if text), "")
    return f"; it said last: {last[:80]!r}" if last else "; the serial line is silent"
