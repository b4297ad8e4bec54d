"""Keeps the row of a run up to date while it goes on.

Rules     the history must never cost a run: the first trouble is said, and recording ends. What was
          missed is in the run folder, and `kyu history add` brings it in.
Context   the thread that drives the board.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.campaign import history
from rig.campaign.database import Database, FailureRow, RunRow, me
from rig.errors import RigError, UserError
from rig.report import compare as comparing
from rig.report.summary import Summary, Tally
from rig.signature import Signature
from rig.verdict import Cause

#: A second of transfers is what a kill -9 may cost the row; the journal loses none.
PERIOD_S = 1.0


class Recorder:
    """`say` tells the person at the terminal, once."""

    def __init__(self, database: Database | None, run: RunRow, say: Callable[[str], None]) -> None:
        """Without a database nothing is recorded, and nothing said: see give_up()."""
        self._say = say
        self._database = database
        self._folder = run.folder
        self._run_id = 0
        self._last = 0.0
        run_id = self._do(lambda database: database.begin(run))
        self._run_id = run_id or 0

    def progress(self, tally: Tally, *, build: str = "") -> None:
        now = time.monotonic()
        if now - self._last < PERIOD_S:
            return
        self._last = now
        told: dict[str, Any] = {"attempted": tally.attempted, "good": tally.ok}
        if build:
            told["build"] = build
        self._do(lambda database: database.update(self._run_id, **told))

    def seen(self, found: Signature) -> str:
        """Whether the same was seen in an earlier run; nothing when that cannot be told."""
        if self._database is None:
            return ""
        try:
            return history.seen_before(history.read(self._database), found.key, self._folder)
        except UserError:
            return ""

    def news(self) -> list[str]:
        """How this image does against the one before it: for the end of a run."""
        if self._database is None:
            return []
        try:
            told = history.against_before(history.read(self._database), self._folder)
        except UserError:
            return []
        if told is None:
            return []
        before, _, found = told
        return [
            f"with the image before it ({before.build[:12]}, {before.runs} runs) and all of this:",
            *comparing.render(found).splitlines(),
        ]

    def failure(self, number: int, cause: Cause, found: Signature, evidence: Path) -> None:
        row = FailureRow(number, cause.value, found.key, found.title, evidence.name)
        self._do(lambda database: database.failure(self._run_id, row))

    def end(self, summary: Summary) -> None:
        facts, verdict = summary.as_json(), summary.verdict
        told = {
            "verdict": "interrupted" if summary.interrupted else verdict.outcome.value,
            "cause": facts["cause"] or "",
            "detail": facts["detail"],
            "attempted": facts["transfers_attempted"],
            "good": facts["transfers_ok"],
            "seconds": facts["seconds"],
            "p50_ms": facts["transfer_ms"]["p50"],
            "p99_ms": facts["transfer_ms"]["p99"],
        }
        if facts.get("build"):
            told["build"] = facts["build"]
        self._do(lambda database: database.update(self._run_id, **told))

    def _do(self, work: Callable[[Database], int | None]) -> int | None:
        if self._database is None:
            return None
        try:
            return work(self._database)
        except (RigError, UserError) as error:
            self.give_up(error)
            return None

    def give_up(self, why: RigError | UserError) -> None:
        self._database = None
        self._say(f"warning: {why}; the run goes on, and kyu history add RUN brings it in")


def row(folder: Path, document: dict[str, Any], faults: str) -> RunRow:
    """From what run.json holds."""
    options, image = document["options"], document["image"]
    return RunRow(
        folder=str(folder.resolve()),
        started=document["started"],
        scenario="+".join(options["scenarios"]),
        board=options["board"],
        wire=document.get("wire", ""),
        faults=faults,
        bootargs=options["bootargs"],
        seed=str(options["seed"]),
        build=image["build_id"],
        image=image["sha256"],
        writer=me(),
    )
