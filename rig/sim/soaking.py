"""`kyu soak --board sim`: the same scenarios, weather and run folder, in virtual time.

Rules     a run follows from its seed: the plan that spoiled a real wire is drawn alike here
          (visits.py). A world lives until it fails; the next one has the next seed.
Time      transfers and their sum in virtual seconds; a deadline in the host's, for who waits.
Context   the main thread.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from kyusim import s
from kyusim.errors import FirmwarePanic
from rig import evidence, interrupts, journal
from rig.campaign import past
from rig.campaign.recorder import Recorder
from rig.campaign.soak import Plan
from rig.console.crash import NO_CRASH, CrashRecord
from rig.console.symbols import Symbols
from rig.errors import RigError
from rig.evidence_readme import often
from rig.journal import RunFolder
from rig.report.progress import BoardNow, Display
from rig.report.summary import Summary, Tally, headline
from rig.sim.trial import POOLS, REST_US, counters_of
from rig.sim.visits import Numbered, SimStage
from rig.traffic.pool import Work
from rig.traffic.request import Request, Result
from rig.traffic.visit import Visit
from rig.verdict import Cause, Outcome, Verdict, failed, inconclusive, overall, passed
from rig.watch import crash_cause, crash_detail
from rig.wire.faults import FaultPlan

#: Between two looks at the deadline, at Ctrl-C and at the display: so many visits of each client.
AT_ONCE = 4
TAIL_LINES = 400


class SimulatedSoak:
    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        weather: FaultPlan | None,
        display: Display,
        recorder: Recorder,
    ) -> None:
        self._folder = folder
        self._plan = plan
        self._weather = weather
        self._display = display
        self._recorder = recorder
        self._tally = Tally()
        self._next = 1
        self._next_failure = 1
        self._seconds = 0.0
        self._worlds = 0
        self._started = time.monotonic()
        self._requests: dict[int, Work] = {}
        self._bad: list[Result] = []
        self._alike: Counter[str] = Counter()
        self._kept = 0  # characters of this world's console
        self._torn_by: Cause | None = None
        self._stage: SimStage | None = None
        display.see(self._board_now)

    def resume(self) -> None:
        """Takes up what the folder's journal says was done. Before run()."""
        done = past.take_up(self._folder.path, self._tally, self._plan.parallel)
        self._next, self._next_failure = done.next, done.next_failure
        self._seconds = done.seconds

    def run(self) -> Summary:
        interrupted = False
        try:
            verdict = self._run()
        except KeyboardInterrupt:
            interrupts.taken()
            interrupted = True
            verdict = Verdict(Outcome.INCONCLUSIVE, None, self._now(), "interrupted")
        except RigError as fault:
            verdict = inconclusive(self._now(), str(fault))
            self._tally.add_failure(Cause.RIG)
        finally:
            self._leave()
        self._display.update(self._tally, last=True)
        facts: dict[str, Any] = {"seed": self._plan.seed, "virtual": True}
        return Summary(verdict, self._tally, self._seconds, None, (), interrupted, facts)

    # Worlds

    def _run(self) -> Verdict:
        while True:
            self._stage = stage = SimStage(self._weather, self._plan.seed + self._worlds)
            self._worlds += 1
            self._bad, self._torn_by = [], None
            self._requests.clear()
            self._display.note(
                f"a simulated board, world seed {self._plan.seed + self._worlds - 1}"
            )
            verdict, crash = self._traffic(stage)
            lacking = self._plan.lacking(self._tally.attempted)
            if verdict.outcome is Outcome.PASSED and lacking:
                raise RigError(lacking)
            if verdict.outcome is not Outcome.FAILED:
                return overall(verdict, self._tally.failures)
            self._failed(stage, verdict, crash)
            self._leave()
            if not self._plan.keep_going or self._over():
                return overall(verdict, self._tally.failures)

    def _traffic(self, stage: SimStage) -> tuple[Verdict, CrashRecord]:
        """Visits until there are no more, or until one has failed, or the board."""
        before, begun_us = counters_of(stage.board), stage.world.now_us
        try:
            while visits := list(islice(self._visits(), AT_ONCE * self._plan.parallel)):
                interrupts.check()
                stage.play(visits, self._plan.parallel, self._collect)
                lost = len(self._requests)
                self._requests.clear()
                self._keep_console(stage)
                self._display.update(self._tally)
                self._recorder.progress(self._tally)
                if self._bad:
                    return self._judge(self._bad[0]), NO_CRASH
                if lost:  # they would be made up for without an end
                    raise RigError(f"{lost} visits came to no end, and nobody knows why")
        except FirmwarePanic as panic:
            verdict = _of_panic(panic)
            self._torn_by = verdict.cause
            stage.end()  # what was under way was cut off by that
            return verdict, panic.record
        finally:
            self._seconds += (stage.world.now_us - begun_us) / s
        return self._at_rest(stage, before), NO_CRASH

    def _at_rest(self, stage: SimStage, before: dict[str, int]) -> Verdict:
        stage.world.run_for(REST_US)
        now = counters_of(stage.board)
        left = [f"{p} +{more}" for p in POOLS if (more := now[f"{p}_used"] - before[f"{p}_used"])]
        if left:
            told = f"{', '.join(left)} in use after {REST_US // s} s of rest"
            return failed(Cause.LEAK, self._now(), told)
        return passed(self._now())

    def _judge(self, bad: Result) -> Verdict:
        if bad.cause is None or bad.cause is Cause.RIG:
            raise RigError(bad.detail)
        return failed(bad.cause, self._now(), f"transfer {bad.number}: {bad.detail}")

    def _leave(self) -> None:
        """A world and its boards are large, and their threads must not outlive it."""
        stage, self._stage = self._stage, None
        if stage is not None:
            self._keep_console(stage)
            self._kept = 0
            stage.end()

    # Visits

    def _visits(self) -> Iterator[Numbered]:
        """Numbers go on where they stopped; visits that were never finished are made up for."""
        while not self._over():
            number, self._next = self._next, self._next + 1
            self._requests[number] = work = self._plan.request(number)
            visit = work if isinstance(work, Visit) else _visit(work, number, self._plan.seed)
            yield number, visit

    def _over(self) -> bool:
        """Counts what is asked for already."""
        limit, wanted = self._plan.deadline_s, self._plan.transfers
        late = limit is not None and time.monotonic() - self._started > limit
        asked = self._tally.done + len(self._requests)
        return late or (wanted is not None and asked >= wanted)

    def _collect(self, result: Result) -> None:
        result = replace(result, request=self._requests.pop(result.number))
        if result.abandoned:
            if self._torn_by is None:
                return
            result = replace(result, cause=self._torn_by)
        self._tally.add(result)
        if not result.ok:
            self._bad.append(result)
        self._folder.transfer(result)

    # What came of it

    def _failed(self, stage: SimStage, verdict: Verdict, crash: CrashRecord) -> None:
        assert verdict.cause is not None
        self._tally.add_failure(verdict.cause)
        at = stage.world.now_us / s
        lines = stage.board.console.replace("\r", "").splitlines()[-TAIL_LINES:]
        exhibit = evidence.Exhibit(
            verdict, crash, [(at, one) for one in lines], self._bad, self._plan.repeat, {}
        )
        number, self._next_failure = self._next_failure, self._next_failure + 1
        key = exhibit.signature.key
        self._alike[key] += 1
        exhibit = replace(
            exhibit,
            seen=self._recorder.seen(exhibit.signature),
            often=often(sum(self._tally.failures.values()), self._alike[key], self._tally.ok),
        )
        kept = evidence.write(self._folder.path / journal.FAILURES, number, exhibit, Symbols(None))
        self._recorder.failure(number, verdict.cause, exhibit.signature, kept.folder)
        if self._plan.keep_going:
            self._display.note(headline(verdict))
        self._display.note(f"evidence: {kept}")

    def _keep_console(self, stage: SimStage) -> None:
        said = stage.board.console
        try:
            self._folder.console.write(said[self._kept :].encode("latin-1", "replace"))
        except OSError as error:
            raise RigError(f"{journal.CONSOLE} cannot be written: {error.strerror}") from None
        self._kept = len(said)

    def _board_now(self) -> BoardNow:
        stage = self._stage
        if stage is None:
            return BoardNow("boots", [])
        last = [line for line in stage.board.console.splitlines()[-20:] if line]
        up = f"up {stage.world.now_us / s:,.0f} s of virtual time"
        return BoardNow(up, [line for line in last if not line.startswith("@kyu ")])

    def _now(self) -> float:
        return 0.0 if self._stage is None else self._stage.world.now_us / s


def _visit(request: Work, number: int, seed: int) -> Visit:
    assert isinstance(request, Request)
    return Visit(lambda guest: guest.transfer(request), seed, number, quick=True)


def _of_panic(panic: FirmwarePanic) -> Verdict:
    told = f"{panic.board}: {crash_detail(panic.record)}"
    return failed(crash_cause(panic.record), panic.at_us / s, told, panic.func)
