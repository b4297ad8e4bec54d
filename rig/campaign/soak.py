"""The soak: transfer after transfer until the number, the hour or a failure.

Context   the main thread; workers only transfer.
Rules     a run stops at the first failure unless told to keep going: then the board is restarted.
          Whatever ends the run (failure, Ctrl-C, full disk), a summary is made.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rig import evidence, interrupts, journal
from rig.campaign import past
from rig.campaign.ageing import Ageing
from rig.campaign.recorder import Recorder
from rig.campaign.session import Session
from rig.console.events import RigTrouble
from rig.drift import Alarm
from rig.errors import RigError, UserError
from rig.evidence import Exhibit
from rig.evidence_readme import often
from rig.hostload import HostRecord
from rig.journal import RunFolder
from rig.report.live import View
from rig.report.progress import BoardNow, Display
from rig.report.summary import Summary, Tally, headline
from rig.traffic.pattern import Native
from rig.traffic.pool import Job, Work, Workers
from rig.traffic.request import Result
from rig.verdict import Cause, Outcome, Verdict, inconclusive, overall
from rig.watch import WARNINGS_MAX
from rig.wire.bridged import BridgedWire
from rig.wire.recorded import DIGITS

#: Stalls that a starved host excuses, before a run that keeps going gives up.
EXCUSED_MAX = 10


@dataclass(frozen=True, slots=True)
class Leg:
    """A stretch of the run: `count` transfers of one scenario."""

    name: str
    count: int
    request: Callable[[int, int], Work]


@dataclass(frozen=True, slots=True)
class Plan:
    """`transfers` None: until `deadline_s` of wall clock from the start."""

    legs: tuple[Leg, ...]
    transfers: int | None
    deadline_s: float | None
    parallel: int
    seed: int
    keep_going: bool
    repeat: str = ""
    simulated: str = ""  # the same weather without a board

    def request(self, number: int) -> Work:
        """Numbers count from 1 over all legs; past the end the last leg goes on."""
        left = number
        for leg in self.legs[:-1]:
            if left <= leg.count:
                return leg.request(left, self.seed)
            left -= leg.count
        return self.legs[-1].request(left, self.seed)

    def lacking(self, attempted: int) -> str:
        """Why a run that ended by itself after so many is none that passed; empty: it may be."""
        wanted = self.transfers
        if attempted >= (wanted or 1):
            return ""
        return f"the run came to its end with {attempted} of {wanted or 'any'} transfers attempted"


class Soak:
    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        plan: Plan,
        native: Native,
        display: Display,
        wire: BridgedWire | None = None,
        recorder: Recorder | None = None,
        host: HostRecord | None = None,
    ) -> None:
        """`wire`: one that does harm, from the moment a board is ready. `host`: how busy it is."""
        self._host = host
        self._wire = wire
        self._recorder = recorder
        self._session = session
        self._folder = folder
        self._plan = plan
        self._native = native
        self._display = display
        display.see(self._board_now)
        self._tally = Tally()
        self._next = 1
        self._next_failure = 1
        self._all_out = False  # no job is left to hand out
        self._seconds = 0.0
        self._before = 0.0  # of the run's time, when it was taken up
        self._started = time.monotonic()
        self._boot_seconds: float | None = None
        self._bad: list[Result] = []
        self._alike: Counter[str] = Counter()
        self._warnings: deque[str] = deque(maxlen=WARNINGS_MAX)
        self._warned = 0
        self._alarms: list[Alarm] = []
        self._ageing = Ageing(session)
        self._build = ""

    def _board_now(self) -> BoardNow:
        watch = self._session.watch
        state = f"up {watch.up_ms / 1000:.0f} s" if watch.ready else "boots"
        silent = 0.0 if watch.heard_at is None else watch.observed - watch.heard_at
        if self._all_out and (left := self._session.workers_left):
            state += f", waits for the last {left}"
        if silent > 2:
            state += f", silent for {silent:.0f} s"
        if watch.symptom is not None:
            state += ", a transfer went wrong: what is the board's word?"
        if watch.warnings:
            state += f", {len(watch.warnings)} warnings, the last: {watch.warnings[-1]}"
        well = silent <= 2 and not watch.warnings and watch.symptom is None
        last = [one.text for one in list(self._session.tail)[-20:]]
        return BoardNow(state, [one for one in last if one and not one.startswith("@kyu ")], well)

    def show(self, view: View) -> None:
        """What an endpoint may tell while the run goes on."""
        session, host = self._session, self._host
        view.tally = self._tally
        view.watch, view.boots = lambda: session.watch, lambda: session.resets
        view.wire = None if self._wire is None else self._wire.told
        view.load = None if host is None else lambda: host.last

    def resume(self) -> None:
        """Takes up what the folder says was done. Before run()."""
        done = past.take_up(self._folder.path, self._tally, self._plan.parallel)
        self._next, self._next_failure = done.next, done.next_failure
        self._seconds = self._before = done.seconds

    def run(self) -> Summary:
        interrupted = False
        try:
            verdict = self._run()
        except KeyboardInterrupt:
            interrupts.taken()
            interrupted = True
            verdict = Verdict(Outcome.INCONCLUSIVE, None, self._session.clock.now(), "interrupted")
        except (RigError, UserError, OSError) as fault:
            verdict = inconclusive(self._session.clock.now(), str(fault))
            self._tally.add_failure(Cause.RIG)
        verdict = overall(verdict, self._tally.failures)
        try:
            self._session.power_off()
            self._collect(self._session.drain(), None)
        except (RigError, OSError) as fault:
            verdict = inconclusive(verdict.at, str(fault))
        self._display.update(self._tally, last=True)
        facts: dict[str, Any] = {"build": self._build, "seed": self._plan.seed}
        if self._wire is not None:
            told = {way: asdict(one) for way, one in self._wire.told().items()}
            facts["faults"] = {"plan": str(self._wire.plan), "seed": self._wire.seed, **told}
        facts["drift"] = [alarm.as_json() for alarm in self._alarms]
        return Summary(
            verdict,
            self._tally,
            self._seconds,
            self._boot_seconds,
            self._warnings_told(),
            interrupted,
            facts,
        )

    # The run

    def _run(self) -> Verdict:
        while True:
            verdict = self._boot() or self._traffic()
            self._take_warnings()
            if verdict is None:
                self._calm()
                self._ageing.tell()
                if lacking := self._plan.lacking(self._tally.attempted):
                    self._session.feed(RigTrouble(self._session.clock.now(), lacking))
                verdict = self._session.settle()
            blamed, verdict = verdict, self._excuse(verdict)
            self._alarms += self._ageing.alarms()
            if verdict.outcome is Outcome.FAILED:
                self._failed(verdict)
            elif verdict is not blamed:
                self._spoiled(verdict, blamed)
            else:
                if verdict.cause is Cause.RIG:
                    self._spoiled(verdict)
                return verdict
            if not self._goes_on():
                return verdict
            self._display.note("the board is restarted")

    def _excuse(self, verdict: Verdict) -> Verdict:
        looked = self._session.watch.looked
        if self._host is None:
            return verdict
        return self._host.excuse(verdict, looked.detail if looked else "")

    def _goes_on(self) -> bool:
        """After a failure, or a stall that proves nothing."""
        if not self._plan.keep_going or not self._session.watch.ready or self._over():
            return False
        return self._tally.failures[Cause.RIG.value] < EXCUSED_MAX

    def _boot(self) -> Verdict | None:
        self._calm()
        self._ageing = Ageing(self._session)
        verdict = self._session.boot()
        self._build = self._session.watch.build
        self._check_build()
        if verdict is None:
            seconds = self._session.clock.now()
            self._boot_seconds = self._boot_seconds or seconds
            self._display.note(
                f"ready after {seconds:.2f} s, build {self._build[:12] or 'unknown'}"
            )
            if self._wire is not None:
                self._wire.begin()
        return verdict

    def _check_build(self) -> None:
        """The file may be built anew during a night: its names are not those of a board that runs.

        Raises RigError.
        """
        known, runs = self._session.symbols.build_id, self._build
        if known and runs and not known.startswith(runs) and not runs.startswith(known):
            raise RigError(
                f"the board runs build {runs[:12]}, but the image was {known[:12]} when the run "
                "began: it was built anew meanwhile, or another one is on the board"
            )

    def _calm(self) -> None:
        if self._wire is not None:
            self._wire.calm()

    def _traffic(self) -> Verdict | None:
        """Transfers until there are no more, or until a verdict."""
        session, began = self._session, time.monotonic()
        workers = session.start_traffic(self._native, self._jobs(), self._plan.parallel)
        try:
            self._attend(workers)
        finally:
            self._seconds += time.monotonic() - began
        verdict = session.await_verdict() if session.watch.symptom else session.verdict
        session.stop_traffic()
        self._collect(session.drain(), verdict)
        return verdict

    def _attend(self, workers: Workers) -> None:
        session = self._session
        while session.verdict is None and session.watch.symptom is None:
            done = workers.done
            self._collect(session.pump(), None)
            self._ageing.look(self._tally)
            self._display.update(self._tally)
            if self._recorder is not None:
                self._recorder.progress(self._tally)
            if done:
                return
        workers.hold()
        self._display.update(self._tally, now=True)

    def _jobs(self) -> Iterator[Job]:
        """Numbers go on where they stopped; transfers that were never finished are made up for."""
        budget = None if self._plan.transfers is None else self._plan.transfers - self._tally.done
        self._all_out = False
        while (budget is None or budget > 0) and not self._late():
            number = self._next
            self._next += 1
            if budget is not None:
                budget -= 1
            self._mark(f"transfer {number} begins")
            yield number, self._plan.request(number)
        self._all_out = True

    def _late(self) -> bool:
        limit = self._plan.deadline_s
        return limit is not None and self._before + time.monotonic() - self._started > limit

    def _over(self) -> bool:
        done = self._plan.transfers is not None and self._tally.done >= self._plan.transfers
        return done or self._late()

    # What came of it

    def _collect(self, results: list[Result], verdict: Verdict | None) -> None:
        for result in results:
            if result.abandoned:
                if verdict is None or verdict.outcome is not Outcome.FAILED:
                    continue
                result = replace(result, cause=verdict.cause)
            self._tally.add(result)
            if not result.ok:
                self._bad.append(result)
            self._folder.transfer(result)
            self._mark(f"transfer {result.number}: {'good' if result.ok else result.detail}")

    def _mark(self, text: str) -> None:
        self._session.mark(text)

    def _failed(self, verdict: Verdict) -> None:
        assert verdict.cause is not None
        self._tally.add_failure(verdict.cause)
        number, kept, exhibit = self._keep(verdict)
        if self._recorder is not None:
            self._recorder.failure(number, verdict.cause, exhibit.signature, kept.folder)
        if self._plan.keep_going:
            self._display.note(headline(verdict))
        known = self._alike[exhibit.signature.key] > 1
        if exhibit.record.alarming and not known:
            self._display.note(evidence.traceback_text(exhibit.record, self._session.symbols))
        self._display.note(f"evidence: {kept}")

    def _spoiled(self, verdict: Verdict, blamed: Verdict | None = None) -> None:
        """By the rig or its host, which proves nothing. With evidence, and with the host's load:
        nobody has to believe us. `blamed`: what it would have been.
        """
        self._tally.add_failure(Cause.RIG)
        self._tally.excused += len(self._bad)
        if self._bad or blamed is not None:
            _, kept, _ = self._keep(verdict, blamed)
            self._display.note(f"{headline(verdict)}; evidence: {kept}")

    def _keep(
        self, verdict: Verdict, blamed: Verdict | None = None
    ) -> tuple[int, evidence.Kept, Exhibit]:
        """While the board still exists. `blamed`: what it would have been, but for the host."""
        session, watch = self._session, self._session.watch
        cause = (blamed or verdict).cause
        board: dict[str, Any] = {"build": watch.build, "warnings": list(watch.warnings)}
        if blamed is not None:
            board["excused"] = asdict(blamed)
        exhibit = Exhibit(
            verdict,
            watch.telling_crash,
            [(line.at, line.text) for line in session.tail],
            self._bad,
            self._plan.repeat,
            board,
            session.look(f"after a failed run ({cause.value if cause else '?'})"),
            session.frames(),
            DIGITS,
            clock=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            host=() if self._host is None else self._host.shown,
            simulated=self._plan.simulated,
        )
        key = exhibit.signature.key
        self._alike[key] += 1
        nth = sum(self._tally.failures.values())
        exhibit = replace(exhibit, often=often(nth, self._alike[key], self._tally.ok))
        if self._recorder is not None:
            exhibit = replace(exhibit, seen=self._recorder.seen(exhibit.signature))
        number, self._next_failure = self._next_failure, self._next_failure + 1
        kept = evidence.write(
            self._folder.path / journal.FAILURES, number, exhibit, session.symbols
        )
        self._bad = []
        return number, kept, exhibit

    def _take_warnings(self) -> None:
        said = self._session.watch.warnings
        self._warnings.extend(said)
        self._warned += len(said)

    def _warnings_told(self) -> tuple[str, ...]:
        """The last of the night's, and how many there were before."""
        more = self._warned - len(self._warnings)
        return (*([f"{more:,} warnings before these"] if more else []), *self._warnings)
