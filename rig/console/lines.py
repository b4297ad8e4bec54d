"""Serial bytes to lines, whatever the chunks they come in.

Rules     where a line ends depends on the bytes alone, never on how they were cut into reads, so
          that a live console and its saved log give the same lines.
          No byte is lost: what cannot be text is escaped as \\xNN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rig.console.grammar import MARK, PROMPT, is_silent

#: A line that never ends is cut here, so that a board that babbles cannot eat the host's memory.
LINE_LIMIT_BYTES = 4096

_PROMPT_BYTES = PROMPT.encode("ascii")
_MARK_BYTES = MARK.encode("ascii")


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line without its end, or the shell's prompt, which has none."""

    text: str
    is_prompt: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """So many lines that say nothing to a program."""

    lines: int


def to_text(raw: bytes) -> str:
    return raw.decode("ascii", errors="backslashreplace")


class LineSplitter:
    """Feed it bytes; it yields the lines that are complete. Owned by one thread.

    A line ends with LF, with any number of CR, or with CR and LF. One that does not end is cut at
    the limit, or before the last frame that begins in it: what babbles must not tear that too.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_return = False

    @property
    def pending(self) -> bool:
        """In the middle of a line."""
        return bool(self._rest)

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        self._rest += chunk
        while True:
            line = self._take()
            if line is None:
                return
            yield line

    def flush(self) -> Iterator[RawLine]:
        """The unfinished line at the end of a log, if there is one."""
        while (line := self._take(at_end=True)) is not None:
            yield line
        if self._rest:
            rest = bytes(self._rest)
            self._rest.clear()
            yield RawLine(to_text(rest))

    def _take(self, *, at_end: bool = False) -> RawLine | None:
        self._end_return()
        if self._rest.startswith(_PROMPT_BYTES):
            del self._rest[: len(_PROMPT_BYTES)]
            return RawLine(PROMPT, is_prompt=True)
        end = self._rest.find(b"\n", 0, LINE_LIMIT_BYTES)
        back = self._rest.find(b"\r", 0, end if end >= 0 else LINE_LIMIT_BYTES)
        if back >= 0:
            self._after_return = True
            end = back
        if end >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            return RawLine(to_text(line))
        sure = LINE_LIMIT_BYTES + len(_MARK_BYTES) - 1  # a frame may begin on the very limit
        if len(self._rest) < (LINE_LIMIT_BYTES if at_end else sure):
            return None
        cut = self._rest.rfind(_MARK_BYTES, 1, sure)
        if cut < 0:
            cut = LINE_LIMIT_BYTES
        line = bytes(self._rest[:cut])
        del self._rest[:cut]
        return RawLine(to_text(line))

    def _end_return(self) -> None:
        """More CR, and one LF, still belong to the line end before them."""
        if not self._after_return or not self._rest:
            return
        skip = 0
        while skip < len(self._rest) and self._rest[skip] == ord("\r"):
            skip += 1
        if skip == len(self._rest):
            self._rest.clear()
            return
        del self._rest[: skip + (self._rest[skip] == ord("\n"))]
        self._after_return = False


def saved_lines(blocks: Iterable[bytes]) -> Iterator[RawLine | Silence]:
    """The lines of a saved log, as a live console would have given them, but those that say nothing
    are counted by the block and not read: much of nothing costs little more than its bytes."""
    splitter = LineSplitter()
    rest = b""
    spoke = False  # then the next line is read, too: it may be the rest of a torn one
    for block in blocks:
        data = rest + block
        if splitter.pending or spoke:
            head, data = _split_at(data, _first_end(data))
            lines = [*splitter.feed(head)]
            yield from lines
            spoke = not lines or not all(is_silent(line.text.encode()) for line in lines)
        # A CR at the end may be half of a line end.
        ended = data.rstrip(b"\r")
        whole, rest = _split_at(data, max(ended.rfind(b"\n"), ended.rfind(b"\r")) + 1)
        if not whole and len(rest) > 2 * LINE_LIMIT_BYTES:
            # One long line: cut where the splitter would, and leave what a word could begin in.
            whole, rest = _split_at(rest, (len(rest) // LINE_LIMIT_BYTES - 1) * LINE_LIMIT_BYTES)
        if whole and (spoke or not is_silent(whole)):
            spoke = True
            yield from splitter.feed(whole)
        elif whole:
            yield Silence(max(whole.count(b"\n"), whole.count(b"\r"), 1))
    yield from splitter.feed(rest)
    yield from splitter.flush()


def _split_at(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


def _first_end(data: bytes) -> int:
    """Behind the first line end; all of it when there is none."""
    feed, back = data.find(b"\n"), data.find(b"\r")
    if back < 0 or 0 <= feed < back:
        return feed + 1 or len(data)
    while back < len(data) and data[back] == ord("\r"):
        back += 1
    return back + data.startswith(b"\n", back)
