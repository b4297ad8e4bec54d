"""The run folder: what is written while the run goes on, so that kill -9 loses nothing.

Context   the thread that drives the board, but for console.log, which the reader owns.
Rules     transfers.jsonl and events.jsonl only grow; each line is handed to the kernel at once. A
          torn last line is left out when reading. A full disk is RigError.
          A folder has one writer: it holds a lock on transfers.jsonl, which the kernel takes back
          however the writer ends. Readers take none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from rig.console import events as ev
from rig.errors import RigError, UserError
from rig.traffic.request import Result

RUN, TRANSFERS, EVENTS = "run.json", "transfers.jsonl", "events.jsonl"
CONSOLE, SUMMARY, FAILURES = "console.log", "summary.json", "failures"
#: No line of ours is longer; a damaged file must not be read into memory whole.
LINE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One line of transfers.jsonl, read back."""

    n: int
    start: float
    ms: float
    bytes: int
    ok: bool
    cause: str = ""
    detail: str = ""
    request: str = "big"


_TRANSFER: TypeAdapter[TransferLine] = TypeAdapter(TransferLine)


class RunFolder:
    """The files of one run. Append-only; opened once, by one process at a time."""

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        """Raises UserError when the folder is taken, is being written, or cannot be made."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not resume and any(path.iterdir()):
                raise UserError(
                    f"{path} is not empty", where="--out", mend="name a new folder, or use --resume"
                )
            with contextlib.ExitStack() as files:
                # First: to end another's torn line would tear one that is just being written.
                files.enter_context(_locked(path / TRANSFERS, "--resume" if resume else "--out"))
                self.console: BinaryIO = (path / CONSOLE).open("ab", buffering=0)
                files.enter_context(self.console)
                self._transfers = _Appender(path / TRANSFERS)
                files.callback(self._transfers.close)
                self._events = _Appender(path / EVENTS)
                files.callback(self._events.close)
                self._files = files.pop_all()
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}", where="--out") from None
        self._tick: ev.Tick | None = None

    def transfer(self, result: Result) -> None:
        self._transfers.write(result.as_json())

    def event(self, event: ev.Event) -> None:
        """Ticks are gathered until something else happens: the fold comes to the same end."""
        if isinstance(event, ev.Tick):
            if self._tick is not None and self._tick.stopped == event.stopped:
                event = replace(
                    event,
                    wall=event.wall + self._tick.wall,
                    observed=event.observed + self._tick.observed,
                )
            else:
                self.flush_ticks()
            self._tick = event
            return
        self.flush_ticks()
        self._events.write(ev.to_json(event))

    def flush_ticks(self) -> None:
        if self._tick is not None:
            tick, self._tick = self._tick, None
            self._events.write(ev.to_json(tick))

    def json(self, name: str, content: Mapping[str, Any]) -> None:
        """A whole file at once: readers see the old one or the new one."""
        write_json(self.path / name, content)

    def close(self) -> None:
        self._files.close()


def _locked(path: Path, where: str) -> BinaryIO:
    """The file, open: whoever else asks for it meanwhile gets UserError.

    Closed in every child that the rig starts, as all its files are. Where the file system has no
    locks the run goes on without.
    """
    file = path.open("ab", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(
            f"{path.parent} is being written by another run",
            where=where,
            mend="wait until that has ended, or name another folder",
        ) from None
    except OSError:
        pass
    return file


class _Appender:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b", buffering=0)
        self._end_torn_line()

    def write(self, line: Mapping[str, Any]) -> None:
        raw = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            written = self._file.write(raw)
        except OSError as error:
            raise RigError(f"{self._path.name} cannot be written: {error.strerror}") from None
        if written != len(raw):
            raise RigError(f"{self._path.name} cannot be written: the disk is full")

    def close(self) -> None:
        self._file.close()

    def _end_torn_line(self) -> None:
        """A run that was killed may have left half a line: what follows begins on its own."""
        if self._file.seek(0, os.SEEK_END) == 0:
            return
        self._file.seek(-1, os.SEEK_END)
        if self._file.read(1) != b"\n":
            self._file.write(b"\n")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Raises RigError when the disk is full or gone.

    On the disk before it has its name: after a power cut there is the old file or the new one, not
    an empty one. It waits for the disk; what is written often belongs into a journal.
    """
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RigError(f"{path.name} cannot be written: {error.strerror}") from None


def _sync_folder(path: Path) -> None:
    """The new name, too. Not every file system can, and then it has its own way."""
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_transfers(folder: Path) -> Iterator[TransferLine]:
    """Every whole line; torn and foreign lines are left out."""
    for line in _lines(folder / TRANSFERS):
        try:
            yield _TRANSFER.validate_json(line)
        except ValidationError:
            continue


def read_events(folder: Path) -> Iterator[ev.Event]:
    yield from events_in(folder / EVENTS)


def events_in(path: Path) -> Iterator[ev.Event]:
    """Every whole line; torn and foreign lines are left out."""
    for line in _lines(path):
        event = ev.from_json(line)
        if event is not None:
            yield event


def read_json(path: Path) -> dict[str, Any]:
    """Raises UserError when the file is missing or is no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):  # the latter: brackets within brackets without an end
        raise UserError(f"{path} is not JSON") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} does not hold a JSON object")
    return content


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES_MAX):
                yield line
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
