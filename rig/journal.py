"""The run folder: what is written while the run goes on, so that kill -9 loses nothing.

Context   the thread that drives the board, but for console.log, which the reader owns.
Rules     transfers.jsonl and events.jsonl only grow; each line is handed to the kernel at once. A
          torn last line is left out when reading. A full disk is RigError.
"""

from __future__ import annotations

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
    """The files of one run. Append-only; opened once."""

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        """Raises UserError when the folder is taken or cannot be made."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not resume and any(path.iterdir()):
                raise UserError(
                    f"{path} is not empty", where="--out", mend="name a new folder, or use --resume"
                )
            self.console: BinaryIO = (path / CONSOLE).open("ab", buffering=0)
            self._transfers = _Appender(path / TRANSFERS)
            self._events = _Appender(path / EVENTS)
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
        for file in (self.console, self._transfers, self._events):
            file.close()


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
    """Raises RigError when the disk is full or gone."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RigError(f"{path.name} cannot be written: {error.strerror}") from None


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
