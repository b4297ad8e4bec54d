"""The history: one SQLite file across nights, in which every run and every failure is a row.

Rules     an index, not the truth: the run folders hold that, and `kyu history add` makes the rows
          anew from them. A row is written when the run begins, goes on with it, and is closed with
          it; one that a killed run left open is closed by the next who opens the file.
          Several rigs may write at once. What cannot be written is RigError, said once by Recorder.
          Whoever may only read the file can look at it all the same, and nothing is written then.
Context   the thread that opened it.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from rig.errors import RigError, UserError, looked_for

NAME = "history.sqlite"
VERSION = 1
BUSY_MS = 10_000
RUNNING = "running"


class _Words(sa.types.TypeDecorator[str]):
    """Text; a path in it may have bytes that are no UTF-8, and then it is kept as bytes."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: sa.Dialect) -> Any:
        try:
            (value or "").encode()
        except UnicodeEncodeError:
            return os.fsencode(value or "")
        return value

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> str | None:
        return os.fsdecode(value) if isinstance(value, bytes) else value


_METADATA = sa.MetaData()
_RUNS = sa.Table(
    "runs",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("folder", _Words, nullable=False, unique=True),
    sa.Column("started", _Words, nullable=False),
    sa.Column("scenario", _Words, nullable=False),
    sa.Column("board", _Words, nullable=False),
    sa.Column("wire", _Words, nullable=False),
    sa.Column("faults", _Words, nullable=False),
    sa.Column("bootargs", _Words, nullable=False),
    sa.Column("seed", _Words, nullable=False),
    sa.Column("build", _Words, nullable=False, index=True),
    sa.Column("image", _Words, nullable=False),
    sa.Column("writer", _Words, nullable=False),
    sa.Column("verdict", _Words, nullable=False),
    sa.Column("cause", _Words, nullable=False),
    sa.Column("detail", _Words, nullable=False),
    sa.Column("attempted", sa.Integer, nullable=False),
    sa.Column("good", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("p50_ms", sa.Float, nullable=False),
    sa.Column("p99_ms", sa.Float, nullable=False),
)
_FAILURES = sa.Table(
    "failures",
    _METADATA,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("cause", _Words, nullable=False),
    sa.Column("signature", _Words, nullable=False, index=True),
    sa.Column("title", _Words, nullable=False),
    sa.Column("evidence", _Words, nullable=False),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """`folder` is absolute, `started` UTC in ISO 8601, `writer` says which process has it open."""

    folder: str
    started: str
    scenario: str
    board: str = ""
    wire: str = ""
    faults: str = ""
    bootargs: str = ""
    seed: str = "0"
    build: str = ""
    image: str = ""
    writer: str = ""
    verdict: str = RUNNING
    cause: str = ""
    detail: str = ""
    attempted: int = 0
    good: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    id: int = 0


@dataclass(frozen=True, slots=True)
class FailureRow:
    """`number` counts in its run; `evidence` is the name of its folder."""

    number: int
    cause: str
    signature: str
    title: str
    evidence: str
    run_id: int = 0


class Database:
    """Raises UserError when the file is no history, RigError when it cannot be written."""

    def __init__(self, path: Path, *, to_read: bool = False) -> None:
        """`to_read`: as it is, also where it may not be written."""
        self.path = path
        with looked_for(path):
            if path.exists() and not path.is_file():  # SQLite would wait at a pipe without end
                raise UserError(f"{path} is no plain file", mend="name another history")
        if to_read:
            self._engine = self._readable()
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make {path.parent}: {error.strerror}") from None
        url = sa.URL.create("sqlite", database=str(path))
        self._engine = sa.create_engine(url, connect_args={"timeout": BUSY_MS / 1000})
        sa.event.listen(self._engine, "connect", _settle)
        self._make()

    def begin(self, run: RunRow) -> int:
        """A row for this folder: a new one, or the one that it had before it was resumed."""
        values = _values(run)
        with self._write() as link:
            found = link.execute(sa.select(_RUNS.c.id).where(_RUNS.c.folder == run.folder)).scalar()
            if found is None:
                return int(link.execute(_RUNS.insert().values(values)).lastrowid)
            link.execute(_RUNS.update().where(_RUNS.c.id == found).values(values))
            return int(found)

    def update(self, run_id: int, **values: Any) -> None:
        with self._write() as link:
            link.execute(_RUNS.update().where(_RUNS.c.id == run_id).values(values))

    def failure(self, run_id: int, failure: FailureRow) -> None:
        values = asdict(replace(failure, run_id=run_id))
        key = (_FAILURES.c.run_id == run_id) & (_FAILURES.c.number == failure.number)
        with self._write() as link:
            link.execute(_FAILURES.delete().where(key))
            link.execute(_FAILURES.insert().values(values))

    def put(self, run: RunRow, failures: list[FailureRow]) -> None:
        """A whole run at once, from its folder; what was known of it is replaced, also when it was
        known at a folder that is not there any more.
        """
        moved = [one.id for one in self.runs() if _moved(one, run)]
        run_id = self.begin(run)
        with self._write() as link:
            link.execute(_RUNS.delete().where(_RUNS.c.id.in_(moved)))
            link.execute(_FAILURES.delete().where(_FAILURES.c.run_id == run_id))
            for failure in failures:
                row = asdict(replace(failure, run_id=run_id))
                link.execute(_FAILURES.insert().values(row))

    def runs(self) -> list[RunRow]:
        """Oldest first."""
        with self._snapshot() as link:
            return _runs(link)

    def failures(self) -> list[FailureRow]:
        with self._snapshot() as link:
            return _failures(link)

    def everything(self) -> tuple[list[RunRow], list[FailureRow]]:
        """Of one moment: no failure is without its run, whatever others write meanwhile."""
        with self._snapshot() as link:
            return _runs(link), _failures(link)

    def orphans(self) -> list[RunRow]:
        """Runs whose writer has gone without a word."""
        return [run for run in self.runs() if run.verdict == RUNNING and not _alive(run.writer)]

    def close(self) -> None:
        self._engine.dispose()

    def _readable(self) -> sa.Engine:
        """Its newest rows, if the files beside it can be used or made; else those of the file
        itself. Without a writer that is all there is.
        """
        for way in ("mode=ro", "immutable=1"):
            uri = f"{self.path.resolve().as_uri()}?{way}"
            connect = partial(sqlite3.connect, uri, uri=True, timeout=BUSY_MS / 1000)
            engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
            try:
                with engine.connect() as link:
                    self._check_version(link)
                    link.execute(sa.select(_RUNS.c.id).limit(1))
            except SQLAlchemyError as error:
                trouble = error
            else:
                return engine
        raise UserError(f"{self.path} cannot be read: {_why(trouble)}")

    def _check_version(self, link: sa.Connection) -> None:
        version = link.exec_driver_sql("PRAGMA user_version").scalar() or 0
        if version > VERSION:
            raise UserError(
                f"{self.path} was written by a newer kyu (version {version})",
                mend=f"this one reads up to {VERSION}: update it, or name another file",
            )

    def _make(self) -> None:
        try:
            with self._engine.begin() as link:
                # Another rig may make the same file just now: one of the two makes the tables.
                link.exec_driver_sql("BEGIN IMMEDIATE")
                self._check_version(link)
                _METADATA.create_all(link)
                link.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        except DatabaseError as error:
            if "readonly" in str(error.orig) or "unable to open" in str(error.orig):
                raise UserError(f"{self.path} cannot be opened: {error.orig}") from None
            if "not a database" in str(error.orig) or "malformed" in str(error.orig):
                raise UserError(
                    f"{self.path} is no history of runs, or a damaged one",
                    mend="move it away; kyu history add RUN… makes it anew",
                ) from None
            raise RigError(f"{self.path} cannot be written: {error.orig}") from None

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as link:
                yield link
        except SQLAlchemyError as error:
            raise RigError(f"{self.path} cannot be written: {_why(error)}") from None

    @contextmanager
    def _snapshot(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as link:
                link.exec_driver_sql("BEGIN")  # Python's driver begins none for what only reads
                yield link
        except SQLAlchemyError as error:
            raise UserError(f"{self.path} cannot be read: {_why(error)}") from None


def _runs(link: sa.Connection) -> list[RunRow]:
    order = sa.select(_RUNS).order_by(_RUNS.c.started, _RUNS.c.id)
    return [RunRow(**row) for row in link.execute(order).mappings()]


def _failures(link: sa.Connection) -> list[FailureRow]:
    order = sa.select(_FAILURES).order_by(_FAILURES.c.run_id, _FAILURES.c.number)
    return [FailureRow(**row) for row in link.execute(order).mappings()]


def me() -> str:
    """This process: on which host, since which of its boots, as which number."""
    return f"{socket.gethostname()}:{_boot_id()}:{os.getpid()}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "?"


def _alive(writer: str) -> bool:
    """False only when it is known: a run on another host may well go on."""
    host, _, rest = writer.partition(":")
    boot, _, pid = rest.partition(":")
    if host != socket.gethostname():
        return bool(writer)
    return boot == _boot_id() and pid.isdigit() and Path(f"/proc/{pid}").exists()


#: Of a run, wherever its folder is. Two rigs may begin the same in the same second.
_SAME = attrgetter("started", "scenario", "board", "faults", "bootargs", "seed", "image")


def _moved(known: RunRow, run: RunRow) -> bool:
    if known.folder == run.folder:
        return False
    try:
        there = Path(known.folder).exists()
    except OSError:  # somebody else's, behind a folder that we may not enter
        return False
    return not there and bool(_SAME(known) == _SAME(run))


def _values(run: RunRow) -> dict[str, Any]:
    values = asdict(run)
    del values["id"]
    return values


def _settle(link: Any, _record: object) -> None:
    """Readers and writers do not wait for each other; a commit is on the disk when it returns."""
    _write_ahead(link)
    for order in ("synchronous = FULL", "foreign_keys = ON"):
        link.execute(f"PRAGMA {order}")


def _write_ahead(link: Any) -> None:
    """SQLite's own patience does not hold for this order: two who make a file would collide."""
    ends = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            link.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.01)
        else:
            return


def _why(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
