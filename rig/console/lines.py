"""Serial bytes to lines, whatever the chunks they come in.

Rules     where a line ends depends on the bytes alone, never on how they were cut into reads, so
          that a live console and its saved log give the same lines.
          No byte is lost: what cannot be text is escaped as \\xNN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rig.console.grammar import PROMPT

#: A line that never ends is cut here, so that a board that babbles cannot eat the host's memory.
LINE_LIMIT_BYTES = 4096

_PROMPT_BYTES = PROMPT.encode("ascii")


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line without its end, or the shell's prompt, which has none."""

    text: str
    is_prompt: bool = False


def to_text(raw: bytes) -> str:
    return raw.decode("ascii", errors="backslashreplace")


class LineSplitter:
    """Feed it bytes; it yields the lines that are complete. Owned by one thread."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        self._rest += chunk
        while True:
            line = self._take()
            if line is None:
                return
            yield line

    def flush(self) -> Iterator[RawLine]:
        """The unfinished line at the end of a log, if there is one."""
        if self._rest:
            rest = bytes(self._rest)
            self._rest.clear()
            yield RawLine(to_text(rest.rstrip(b"\r")))

    def _take(self) -> RawLine | None:
        if self._rest.startswith(_PROMPT_BYTES):
            del self._rest[: len(_PROMPT_BYTES)]
            return RawLine(PROMPT, is_prompt=True)
        end = self._rest.find(b"\n", 0, LINE_LIMIT_BYTES)
        if end >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            return RawLine(to_text(line.rstrip(b"\r")))
        if len(self._rest) >= LINE_LIMIT_BYTES:
            line = bytes(self._rest[:LINE_LIMIT_BYTES])
            del self._rest[:LINE_LIMIT_BYTES]
            return RawLine(to_text(line))
        return None
