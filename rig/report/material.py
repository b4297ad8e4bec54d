"""What a report is made from: the run folder, read back and checked.

Rules     only run.json, summary.json, the journals and failures/ are read; nothing is judged anew
          but by the run's own rules.
          A folder may be torn (kill -9), damaged or hostile: what is torn is noted, what is damaged
          or foreign is one UserError. Only plain files are opened, and read to a sane length.
"""

from __future__ import annotations

import contextlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from rig import hostload, journal
from rig.errors import UserError
from rig.report import beats, text
from rig.report.beats import Beats
from rig.report.statistics import failure_rate_upper, percentile
from rig.verdict import Cause, Outcome

DOCUMENT_MAX = 4 << 20  # bytes of a JSON document
LINE_MAX = 64 << 10  # bytes of a line of the journal
EXCERPT_MAX = 64 << 10  # bytes of a file of the evidence
BAD_SHOWN = 200  # transfers and failures that are shown one by one; all are counted
CONSOLE_LINES, STORY_ROWS_MAX = 40, 20
HOST_LINES_MAX = 1_000_000  # seconds: eleven days
EVENT_LINES_MAX = 10_000_000
RESTART_S = 0.2  # lines of parallel transfers may be so much out of order

Word = Annotated[str, AfterValidator(text.line)]
Count = Annotated[int, Field(ge=0, le=1 << 62)]
Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds a transfer."""

    p50: Amount = 0.0
    p99: Amount = 0.0
    max: Amount = 0.0


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """What the wire did in one direction."""

    frames: Count
    delivered: Count
    dropped: Count
    duplicated: Count
    corrupted: Count
    truncated: Count
    overflowed: Count
    refused: Count
    own_us_per_frame: Amount


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """A run on a wire that did harm, and what harm it was."""

    plan: Word
    seed: Count
    to_board: LaneFigures
    to_host: LaneFigures


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """What drifted, as the run itself found it (rig/drift.py)."""

    name: Word
    told: Word
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """summary.json; or, with `verdict` None, what the journal of an unfinished run adds up to."""

    verdict: Outcome | None
    cause: Cause | None
    transfers_attempted: Count
    transfers_ok: Count
    bytes_ok: Count
    failures: dict[Word, Count]
    seconds: Amount
    transfer_ms: Times
    goodput_bytes_per_s: Amount
    failure_rate_upper_95: Rate
    detail: Word = ""
    function: Word = ""
    interrupted: bool = False
    transfers_per_s: Amount = 0.0
    boot_seconds: Amount | None = None
    warnings: list[Word] = field(default_factory=list)
    build: Word = ""
    faults: FaultFigures | None = None
    drift: list[DriftAlarm] = field(default_factory=list)

    @property
    def cut_short(self) -> bool:
        """Interrupted before it had proved anything: a failure stays one."""
        return self.interrupted and self.verdict is not Outcome.FAILED

    @property
    def failed(self) -> int:
        """A failure counts once: the transfers that it cut short did not fail by themselves."""
        if not self.failures:
            return self.transfers_attempted - self.transfers_ok
        seen = sum(n for cause, n in self.failures.items() if cause != Cause.RIG.value)
        return min(seen, self.transfers_attempted)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """A line of transfers.jsonl, within bounds that no clock leaves."""

    n: Annotated[int, Field(ge=1, le=1 << 62)]
    start: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    ms: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
    bytes: Count
    ok: bool
    cause: Word = ""
    detail: Word = ""
    request: Word = "big"


@dataclass(frozen=True, slots=True)
class BadTransfer:
    """`at` is in seconds of the run."""

    at: float
    line: _Transfer


@dataclass(slots=True)
class Journal:
    """transfers.jsonl. Time goes on over restarts: a power-on begins where the last one ended."""

    attempted: int = 0
    ok: int = 0
    bytes_ok: int = 0
    seconds: float = 0.0
    ends: array[float] = field(default_factory=lambda: array("d"))  # of the good ones
    milliseconds: array[float] = field(default_factory=lambda: array("d"))
    sizes: array[float] = field(default_factory=lambda: array("f"))  # in bytes
    bad: list[BadTransfer] = field(default_factory=list)
    unreadable: int = 0
    _origin: float = 0.0
    _last_end: float = 0.0

    def add(self, line: _Transfer) -> None:
        end = line.start + line.ms / 1000
        if self.attempted == 0:
            self._origin = line.start
        elif end + RESTART_S < self._last_end:  # lines are in the order of their ends
            self._origin = line.start - self.seconds
        self._last_end = end
        at = max(0.0, end - self._origin)
        self.seconds = max(self.seconds, at)
        self.attempted += 1
        if line.ok:
            self.ok += 1
            self.bytes_ok += line.bytes
            self.ends.append(at)
            self.milliseconds.append(line.ms)
            self.sizes.append(line.bytes)
        elif len(self.bad) < BAD_SHOWN:
            self.bad.append(BadTransfer(at, line))


@dataclass(frozen=True, slots=True)
class HostSecond:
    """A line of host.jsonl (rig/hostload.py)."""

    at: Amount
    load1: Amount = 0.0
    busy: Rate = 0.0
    steal: Rate = 0.0
    waited: Rate = 0.0
    harmed: Count = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """One folder of failures/. Each part may be missing: evidence is gathered piece by piece."""

    name: str
    cause: str
    detail: str = ""
    function: str = ""
    traceback: str = ""
    repeat: str = ""
    console: str = ""
    signature: str = ""
    title: str = ""
    story: tuple[tuple[str, str], ...] = ()  # of README.txt: (where, when, …; what is told)

    @property
    def calls(self) -> str:
        """Of traceback.txt what it was and who called whom: its first two paragraphs."""
        return "\n\n".join(self.traceback.split("\n\n")[:2])

    @property
    def more(self) -> str:
        return "\n\n".join(self.traceback.split("\n\n")[2:]).rstrip()


@dataclass(frozen=True, slots=True)
class Run:
    """run.json, as far as a report tells it."""

    started: Word = ""
    options: dict[Word, Any] = field(default_factory=dict)
    image: dict[Word, Word] = field(default_factory=dict)
    host: dict[Word, Word] = field(default_factory=dict)
    versions: dict[Word, Word] = field(default_factory=dict)
    wire: Word = ""
    why: Word = ""

    @property
    def scenario(self) -> str:
        names = self.options.get("scenarios")
        return text.line("+".join(map(str, names))) if isinstance(names, list) else "unknown"

    def option(self, name: str) -> str:
        value = self.options.get(name)
        return "" if value is None else text.line(str(value))


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a report tells."""

    name: str
    run: Run
    figures: Figures
    journal: Journal
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    host: tuple[HostSecond, ...] = ()
    beats: Beats = field(default_factory=Beats)


@dataclass(frozen=True, slots=True)
class _Signature:
    key: Word = ""
    title: Word = ""


@dataclass(frozen=True, slots=True)
class _Proof:
    """The part of verdict.json that is told."""

    cause: Cause | None = None
    detail: Word = ""
    function: Word = ""
    signature: _Signature = _Signature()


_FIGURES, _RUN = TypeAdapter(Figures), TypeAdapter(Run)
_HOST = TypeAdapter(HostSecond)
_PROOF, _TRANSFER = TypeAdapter(_Proof), TypeAdapter(_Transfer)


def load(folder: Path) -> Material:
    """Raises UserError when `folder` is no run folder, or a damaged one."""
    try:
        return _load(folder)
    except OSError as error:
        raise UserError(f"cannot read {error.filename or folder}: {error.strerror}") from None


def _load(folder: Path) -> Material:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder" if folder.exists() else f"no folder {folder}")
    if not (folder / journal.TRANSFERS).exists():
        raise UserError(f"{folder} is not a run folder: it holds no {journal.TRANSFERS}")
    notes = []
    run = _document(folder / journal.RUN, _RUN)
    if run is None:
        notes.append("run.json is missing: with what the run was made is not known")
    figures = _document(folder / journal.SUMMARY, _FIGURES)
    lines = _read_journal(folder / journal.TRANSFERS)
    failures = tuple(_read_failures(folder / journal.FAILURES))
    if lines.unreadable:
        notes.append(f"half-written lines in the journal, left out: {lines.unreadable}")
    if figures is not None and lines.attempted > figures.transfers_attempted:
        notes.append(
            "the journal goes on after summary.json was written: that summary is set aside"
        )
        figures = None
    if figures is None:
        notes.append("no summary: the run was killed, or still goes on; figures are the journal's")
        figures = _added_up(lines, failures)
    host = tuple(_read_host(folder / hostload.FILE))
    heard = _read_beats(folder / journal.EVENTS, lines)
    name = text.line(folder.resolve().name)
    return Material(name, run or Run(), figures, lines, failures, tuple(notes), host, heard)


def _added_up(lines: Journal, failures: tuple[Failure, ...]) -> Figures:
    times = sorted(lines.milliseconds)
    return Figures(
        verdict=None,
        cause=None,
        transfers_attempted=lines.attempted,
        transfers_ok=lines.ok,
        bytes_ok=lines.bytes_ok,
        failures=dict(Counter(failure.cause for failure in failures)),
        seconds=lines.seconds,
        transfer_ms=Times(
            percentile(times, 0.50), percentile(times, 0.99), times[-1] if times else 0.0
        ),
        goodput_bytes_per_s=lines.bytes_ok / lines.seconds if lines.seconds else 0.0,
        failure_rate_upper_95=failure_rate_upper(lines.attempted - lines.ok, lines.attempted),
        transfers_per_s=lines.ok / lines.seconds if lines.seconds else 0.0,
    )


# Files


def _open(path: Path) -> BinaryIO | None:
    """None when it is not there. A link or a pipe would lead out of the folder, or nowhere."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UserError(f"{path} is not a plain file")
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _document(path: Path, reader: TypeAdapter[T]) -> T | None:
    file = _open(path)
    if file is None:
        return None
    with file:
        raw = file.read(DOCUMENT_MAX + 1)
    if len(raw) > DOCUMENT_MAX:
        raise UserError(f"{path} is damaged: it is longer than {DOCUMENT_MAX >> 20} MiB")
    try:
        return reader.validate_json(raw)
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return text.line(f"{where}: {first['msg']}" if where else first["msg"])


def _read_journal(path: Path) -> Journal:
    lines = Journal()
    file = _open(path)
    assert file is not None, "looked for before"
    with file:
        for number, raw in enumerate(iter(lambda: file.readline(LINE_MAX), b""), 1):
            try:
                lines.add(_TRANSFER.validate_json(raw))
            except ValidationError as error:
                if not _torn(raw, error):
                    why = _first(error)
                    raise UserError(f"{path} is damaged in line {number}: {why}") from None
                lines.unreadable += 1
    return lines


def _read_host(path: Path) -> Iterator[HostSecond]:
    """What is torn or foreign is left out: it is a plot, and no more."""
    file = _open(path)
    if file is None:
        return
    with file:
        for raw in islice(iter(lambda: file.readline(LINE_MAX), b""), HOST_LINES_MAX):
            with contextlib.suppress(ValidationError):
                yield _HOST.validate_json(raw)


def _read_beats(path: Path, lines: Journal) -> Beats:
    file = _open(path)
    if file is None:
        return Beats()
    with file:
        raw = islice(iter(lambda: file.readline(LINE_MAX), b""), EVENT_LINES_MAX)
        return beats.read(raw, lines.ends, lines.milliseconds)


def _torn(raw: bytes, error: ValidationError) -> bool:
    """The beginning of a line: the run was killed. After a power cut, zeros in its place.

    It may stand in the middle too: the run was resumed.
    """
    if error.errors(include_url=False)[0]["type"] != "json_invalid":
        return False
    start = b'{"n":'
    torn = raw.rstrip(b"\n")
    return torn[: len(start)] == start[: len(torn)] or not torn.strip(b"\0")


def _read_failures(folder: Path) -> Iterator[Failure]:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is not a folder")
    if not folder.exists():
        return
    known = {cause.value for cause in Cause}
    shown = 0
    for one in sorted(folder.iterdir()):
        number, _, cause = one.name.partition("-")
        if number.isascii() and number.isdigit() and cause in known and not one.is_symlink():
            shown += 1
            yield _read_failure(one, cause) if shown <= BAD_SHOWN else Failure(one.name, cause)


def _read_failure(folder: Path, cause: str) -> Failure:
    proof = _document(folder / "verdict.json", _PROOF) or _Proof()
    return Failure(
        folder.name,
        cause,
        proof.detail,
        proof.function,
        text.block(_excerpt(folder / "traceback.txt")),
        text.line(_excerpt(folder / "repeat.txt").strip()),
        _last_lines(text.block(_excerpt(folder / "console.txt", end=True))),
        proof.signature.key,
        proof.signature.title,
        tuple(_story(_excerpt(folder / "README.txt"))),
    )


def _story(readme: str) -> Iterator[tuple[str, str]]:
    """The rows between its head and its files."""
    for row in islice(readme.partition("\nfiles")[0].splitlines(), STORY_ROWS_MAX):
        name, _, said = row.partition("  ")
        if said and name:
            yield text.line(name), text.line(said.strip())


def _excerpt(path: Path, *, end: bool = False) -> str:
    """The beginning of a file, or its end; nothing when it is not there."""
    file = _open(path)
    if file is None:
        return ""
    with file:
        if end:
            file.seek(max(0, file.seek(0, 2) - EXCERPT_MAX))
        return file.read(EXCERPT_MAX).decode("utf-8", "replace")


def _last_lines(console: str) -> str:
    return "\n".join(console.split("\n")[-CONSOLE_LINES:])
