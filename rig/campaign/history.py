"""What many nights add up to: runs, failures by their cause, and whether it got better.

Rules     pure but for `adopt` and `from_folder`, which read run folders. A failure is counted once,
          however many transfers it cut short: they did not fail by themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.campaign.database import RUNNING, Database, FailureRow, RunRow
from rig.console.crash import NO_CRASH
from rig.errors import UserError
from rig.report import material
from rig.report.compare import Comparison, Rate, compare
from rig.report.text import escaped
from rig.signature import signature
from rig.verdict import Cause, failed
from rig.wire.faults import brief

INTERRUPTED = "interrupted"
#: Verdicts of runs in which a failure would have been seen.
_TELLING = ("passed", "failed", INTERRUPTED, RUNNING)


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that was seen, once or often. Times are those of its runs' beginnings."""

    signature: str
    title: str
    cause: str
    times: int
    runs: int
    first: str
    last: str
    builds: tuple[str, ...]
    latest: str  # folder of its evidence


@dataclass(frozen=True, slots=True)
class Setting:
    """Runs of the same setting can be compared, whatever the image."""

    scenario: str
    board: str
    wire: str
    faults: str
    bootargs: str

    def __str__(self) -> str:
        told = [f"{self.scenario} on {self.board}"]
        told += [f"wire: {brief(self.faults)}"] if self.faults else []
        told += [f"bootargs: {self.bootargs}"] if self.bootargs else []
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Record:
    """What an image did in a setting, over all its runs; `last` is when the last of them began."""

    setting: Setting
    build: str
    runs: int
    rate: Rate
    last: str


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the file holds, oldest first."""

    runs: tuple[RunRow, ...]
    failures: tuple[FailureRow, ...]

    def known(self) -> list[Known]:
        """The latest seen first."""
        by_id = {run.id: run for run in self.runs}
        groups: dict[str, list[FailureRow]] = defaultdict(list)
        for failure in self.failures:
            groups[failure.signature].append(failure)
        found = [_known(rows, by_id) for rows in groups.values()]
        return sorted(found, key=lambda one: (one.last, one.times), reverse=True)

    def records(self) -> list[Record]:
        """By setting and image, the latest first."""
        failures = Counter(failure.run_id for failure in self.failures)
        groups: dict[tuple[Setting, str], list[RunRow]] = defaultdict(list)
        for run in self.runs:
            if run.verdict in _TELLING and run.attempted:
                groups[setting_of(run), run.build].append(run)
        found = [_record(key, runs, failures) for key, runs in groups.items()]
        return sorted(found, key=lambda one: one.last, reverse=True)


def setting_of(run: RunRow) -> Setting:
    return Setting(run.scenario, run.board, run.wire, run.faults, run.bootargs)


def _known(rows: Sequence[FailureRow], by_id: dict[int, RunRow]) -> Known:
    runs = sorted((by_id[row.run_id] for row in rows), key=lambda run: run.started)
    last = max(rows, key=lambda row: (by_id[row.run_id].started, row.number))
    evidence = Path(by_id[last.run_id].folder) / "failures" / last.evidence
    return Known(
        last.signature,
        last.title,
        last.cause,
        len(rows),
        len({row.run_id for row in rows}),
        runs[0].started,
        runs[-1].started,
        tuple(dict.fromkeys(run.build for run in runs)),
        str(evidence),
    )


def _record(key: tuple[Setting, str], runs: Sequence[RunRow], failures: Counter[int]) -> Record:
    attempted = sum(run.attempted for run in runs)
    seen = min(sum(failures[run.id] for run in runs), attempted)
    return Record(*key, len(runs), Rate(seen, attempted), max(run.started for run in runs))


def read(database: Database) -> History:
    runs, failures = database.everything()
    return History(tuple(runs), tuple(failures))


# What a run adds to it


def seen_before(history: History, key: str, run_folder: str) -> str:
    """Of a signature, for the one who reads of it this morning."""
    runs = {run.id: run for run in history.runs if run.folder != run_folder}
    rows = [row for row in history.failures if row.signature == key and row.run_id in runs]
    if not rows:
        return "never before"
    known = _known(rows, runs)
    times = "once" if known.times == 1 else f"{known.times} times in {_count(known.runs, 'run')}"
    return f"{times} since {day(known.first)}, the last time {day(known.last)}"


def against_before(history: History, run_folder: str) -> tuple[Record, Record, Comparison] | None:
    """This run's image against the one before it in the same setting; None: there was none."""
    mine = next((run for run in history.runs if run.folder == run_folder), None)
    if mine is None:
        return None
    alike = [one for one in history.records() if one.setting == setting_of(mine)]
    now = next((one for one in alike if one.build == mine.build), None)
    before = next((one for one in alike if one.build != mine.build), None)
    if now is None or before is None:
        return None
    return before, now, compare(before.rate, now.rate)


# Runs that others left


def adopt(database: Database) -> list[RunRow]:
    """Closes the rows of runs that were killed, from their folders."""
    orphans = database.orphans()
    for orphan in orphans:
        try:
            database.put(*from_folder(Path(orphan.folder)))
        except UserError as error:
            database.update(orphan.id, verdict=INTERRUPTED, detail=str(error))
    return orphans


def from_folder(folder: Path) -> tuple[RunRow, list[FailureRow]]:
    """Raises UserError when it is no run folder, or a damaged one."""
    found = material.load(folder)
    run, figures = found.run, found.figures
    verdict = figures.verdict.value if figures.verdict and not figures.interrupted else INTERRUPTED
    row = RunRow(
        folder=str(folder.resolve()),
        started=run.started or datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(),
        scenario=run.scenario,
        board=run.option("board"),
        wire=run.wire,
        faults=run.option("faults") or (figures.faults.plan if figures.faults else ""),
        bootargs=run.option("bootargs"),
        seed=run.option("seed") or "0",
        build=figures.build or run.image.get("build_id", ""),
        image=run.image.get("sha256", ""),
        verdict=verdict,
        cause=figures.cause.value if figures.cause else "",
        detail=figures.detail,
        attempted=figures.transfers_attempted,
        good=figures.transfers_ok,
        seconds=figures.seconds,
        p50_ms=figures.transfer_ms.p50,
        p99_ms=figures.transfer_ms.p99,
    )
    return row, [_failure_row(one) for one in found.failures if one.cause != Cause.RIG.value]


def _failure_row(one: material.Failure) -> FailureRow:
    key, title = one.signature, one.title
    if not key:  # of a folder from before there were signatures
        verdict = failed(Cause(one.cause), 0.0, one.detail, one.function)
        made = signature(verdict, NO_CRASH)
        key, title = made.key, made.title
    return FailureRow(int(one.name.partition("-")[0]), one.cause, key, title, one.name)


# For people and programs


def day(iso: str) -> str:
    """To the minute, as UTC."""
    return iso[:16].replace("T", " ")


def as_json(history: History) -> dict[str, Any]:
    return {
        "runs": [asdict(run) for run in history.runs],
        "failures": [asdict(one) for one in history.known()],
        "rates": [_rate_json(one) for one in history.records()],
    }


def _rate_json(one: Record) -> dict[str, Any]:
    low, high = one.rate.bounds
    return {
        **asdict(one.setting),
        "build": one.build,
        "runs": one.runs,
        "failed": one.rate.failed,
        "attempted": one.rate.attempted,
        "rate_95": [low, high],
    }


def render(history: History, *, last: int) -> str:
    """Runs, failures, rates: three tables of plain text."""
    if not history.runs:
        return "no run yet"
    sections = [
        ("runs", [_run_line(run) for run in reversed(history.runs[-last:])]),
        ("failures", [line for one in history.known() for line in _known_lines(one)]),
        ("images", [_record_line(one) for one in history.records()]),
    ]
    return "\n\n".join("\n".join([head, *map(escaped, lines)]) for head, lines in sections if lines)


def _run_line(run: RunRow) -> str:
    cause = f" ({run.cause})" if run.cause else ""
    return (
        f"  {day(run.started)}  {run.scenario:<12} {run.build[:12] or '?':<12} "
        f"{run.verdict + cause:<22} {run.good:>9,} of {run.attempted:<9,} {run.folder}"
    )


def _known_lines(one: Known) -> Iterable[str]:
    times = "once" if one.times == 1 else f"{one.times} times in {_count(one.runs, 'run')}"
    yield f"  {one.signature}  {one.title}"
    yield (
        f"            {times}, first {day(one.first)}, last {day(one.last)}, "
        f"in {_count(len(one.builds), 'image')}; {one.latest}"
    )


def _record_line(one: Record) -> str:
    return (
        f"  {one.build[:12] or '?':<12} {one.setting!s:<24} {_count(one.runs, 'run')}, "
        f"failed {one.rate}"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
