"""What a run folder says of a run that is taken up again.

Rules     transfers.jsonl tells what the traffic saw, failures/ what it was judged to be. A bad
          transfer that no failure tells of is one over which the run was killed before there was a
          verdict: a failure all the same. But for a run that ended because the rig or its host
          failed: its bad transfers say nothing of the board, and are made up for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig import journal
from rig.errors import UserError
from rig.journal import TransferLine
from rig.report.summary import Tally
from rig.verdict import Cause

_CAUSES = {cause.value: cause for cause in Cause}


@dataclass(frozen=True, slots=True)
class Past:
    """With which transfer and which failure it goes on, and for how long its traffic ran, in s."""

    next: int = 1
    next_failure: int = 1
    seconds: float = 0.0


def take_up(folder: Path, tally: Tally, parallel: int) -> Past:
    """Adds to `tally` what was done and seen."""
    told = dict(_failures(folder / journal.FAILURES))
    for number in told:
        tally.add_failure(told[number].cause)
    of_the_board = {n for one in told.values() if one.cause is not Cause.RIG for n in one.transfers}
    of_the_rig = {n for one in told.values() for n in one.transfers} - of_the_board
    excused_until = _ended_by_the_rig(folder)
    after, seconds, killed_over = 1, 0.0, Cause.RIG
    for position, line in enumerate(journal.read_transfers(folder), 1):
        after = max(after, line.n + 1)
        tally.attempted += 1
        if line.ok:
            tally.add_ok(line.ms, line.bytes)
            seconds += line.ms / 1000 / parallel
        elif line.n in of_the_board:
            continue
        elif line.n in of_the_rig or position <= excused_until or _cause(line) is Cause.RIG:
            tally.excused += 1
        elif killed_over is Cause.RIG:
            killed_over = _cause(line)
    if killed_over is not Cause.RIG:
        tally.add_failure(killed_over)  # once, however many transfers it had cut short
    return Past(after, max(told, default=0) + 1, seconds)


@dataclass(frozen=True, slots=True)
class _Told:
    """A folder of failures/: what of, and the transfers that it cut short."""

    cause: Cause
    transfers: frozenset[int]


def _failures(folder: Path) -> Iterator[tuple[int, _Told]]:
    for one in sorted(folder.glob("*-*")) if folder.is_dir() else ():
        number, _, cause = one.name.partition("-")
        if number.isdecimal() and cause in _CAUSES:
            yield int(number), _Told(_CAUSES[cause], frozenset(_transfers(one)))


def _transfers(failure: Path) -> Iterator[int]:
    try:
        listed = journal.read_json(failure / "transfer.json").get("transfers")
    except UserError:
        return
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("n"), int):
            yield one["n"]


def _ended_by_the_rig(folder: Path) -> int:
    """So many lines of the journal were there when the rig's failure ended it; else 0."""
    try:
        summary = journal.read_json(folder / journal.SUMMARY)
    except UserError:
        return 0
    attempted = summary.get("transfers_attempted")
    ended = summary.get("cause") == Cause.RIG.value and isinstance(attempted, int)
    return attempted if ended and isinstance(attempted, int) else 0


def _cause(line: TransferLine) -> Cause:
    return _CAUSES.get(line.cause, Cause.RIG)
