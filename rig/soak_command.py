"""kyu soak, from checked options to an exit status."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rig import hostload, interrupts, journal, options, outlet, run_info
from rig.assembly import BoardChoice, assemble, bench_of, check_board, wire_for
from rig.board import bootargs
from rig.board import image as images
from rig.board.bench_config import BenchConfig
from rig.campaign import history as histories
from rig.campaign import recorder as recording
from rig.campaign.database import NAME, Database
from rig.campaign.past import take_up
from rig.campaign.recorder import Recorder
from rig.campaign.session import powered
from rig.campaign.soak import Plan, Soak
from rig.console.events import RigNote
from rig.errors import RigError, UserError
from rig.hostload import HostRecord
from rig.journal import RunFolder
from rig.options import SoakOptions
from rig.rack import borrowing
from rig.report import progress
from rig.report.live import Live, View
from rig.report.summary import Summary, Tally, headline, render
from rig.report.text import escaped
from rig.traffic.pattern import native
from rig.traffic.wangdoodle import ON_A_BAD_WIRE, Patience
from rig.verdict import Cause, Outcome, Verdict, inconclusive
from rig.wire.bridged import BridgedWire
from rig.wire.choose import choose_faulty
from rig.wire.protocol import Wire

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run is written. `named`: by the user; else another rig may take the name first."""

    path: Path
    resume: bool = False
    named: bool = True

    def open(self) -> RunFolder:
        """Raises UserError."""
        path = self.path if self.named else run_info.claim(self.path)
        return RunFolder(path, resume=self.resume)


def soak(
    wanted: SoakOptions,
    out: Path | None,
    *,
    quiet: bool = False,
    history: Path | None = None,
    metrics: str = "",
) -> int:
    """A new run. Raises UserError before anything is started.

    `history`: the file of all runs; without it the one beside the run folder.
    `metrics`: [ADDRESS:]PORT where the run can be watched; empty: nowhere.
    """
    default = Path("runs") / run_info.folder_name(wanted.scenarios)
    place = _Place(out or default, named=out is not None)
    return _run(wanted, place, quiet=quiet, history_file=history, metrics=metrics)


def resume(
    path: Path,
    *,
    transfers: int | None,
    hours: float | None,
    keep_going: bool = False,
    quiet: bool = False,
    history: Path | None = None,
    metrics: str = "",
) -> int:
    """Takes up an interrupted run where its journal ends. What is given holds from then on."""
    document = journal.read_json(path / journal.RUN)
    wanted = options.from_json(document.get("options", {}), path / journal.RUN)
    anew: dict[str, Any] = {}
    if transfers is not None or hours is not None:
        anew |= {"transfers": transfers, "hours": hours}
    if keep_going:
        anew["keep_going"] = True
    if anew:
        wanted = options.from_json(wanted.as_json() | anew, path / journal.RUN)
    place = _Place(path, resume=True)
    return _run(wanted, place, quiet=quiet, history_file=history, metrics=metrics)


def _run(
    wanted: SoakOptions,
    place: _Place,
    *,
    quiet: bool,
    history_file: Path | None,
    metrics: str,
) -> int:
    plan = options.plan(wanted)
    if wanted.board == "sim":
        if metrics:
            raise UserError(
                "a simulated run has no endpoint", where="--metrics", mend="leave it out"
            )
        with outlet.unbreakable():
            return _simulated(wanted, plan, place, quiet=quiet, history_file=history_file)
    check_board(wanted.board)
    bootargs.page(bootargs.merge({}, wanted.bootargs))
    interrupts.install()
    with outlet.unbreakable(), borrowing.rack(wanted.board, partial(getattr, wanted)) as lent:
        job = _Job(wanted, plan, place, lent=lent, metrics=metrics)
        return job.run(history_file, quiet=quiet)


class _Job:
    """A run on a board in real time, or on one after the other."""

    def __init__(
        self,
        wanted: SoakOptions,
        plan: Plan,
        place: _Place,
        *,
        lent: borrowing.Lent | None,
        metrics: str,
    ) -> None:
        """Raises UserError before anything is made."""
        self._wanted, self._plan, self._place = wanted, plan, place
        self._lent = lent
        self._weather = options.weather(wanted)
        own = bench_of(wanted.board, wanted.board_config, partial(getattr, wanted))
        self._bench = lent.first if lent is not None else own
        if self._bench is not None and self._weather:
            raise UserError("the bench's wire has none", where="--faults", mend="take none")
        self._image = images.find(Path(wanted.image) if wanted.image else None)
        self._source = native()
        self._view = View({"scenario": "+".join(wanted.scenarios), "seed": str(wanted.seed)})
        self._live = Live(metrics, self._view) if metrics else None
        self._harmful: BridgedWire | None = None

    def run(self, history_file: Path | None, *, quiet: bool) -> int:
        wanted, place = self._wanted, self._place
        self._folder = folder = place.open()
        path = folder.path
        past = _History(history_file or path.resolve().parent / NAME)
        with contextlib.closing(folder), contextlib.closing(past), _closing(self._live):
            try:
                # Before the display: a user namespace cannot be entered once it has its thread.
                wire = self._wire()
                options.check_needs(wanted, wire.name)
                document = run_info.document(
                    wanted.as_json(), self._image, wire=wire.name, why=wire.why
                )
                if place.resume:
                    document = run_info.taken_up(_run_document(path), document, path)
                folder.json(journal.RUN, document)
            except RigError as fault:
                return _finish(folder, _unable(fault), quiet=quiet)
            with contextlib.closing(wire), _accounted(folder):
                summary = self._watched(wire, document, past, quiet=quiet)
            return _finish(folder, summary, self._recorder, quiet=quiet)

    def _watched(
        self, wire: Wire, document: dict[str, Any], past: _History, *, quiet: bool
    ) -> Summary:
        wanted, path, plan = self._wanted, self._folder.path, self._plan
        goal = progress.Goal(plan.transfers, plan.deadline_s)
        with progress.display(goal, quiet=quiet) as display:
            why = f" ({wire.why})" if wire.why else ""
            display.note(
                f"board {wanted.board}, wire {wire.name}{why}, seed {plan.seed}, run {path}"
            )
            self._display = display
            self._recorder = past.recorder(path, document, str(self._weather or ""), display.note)
            harmed = self._harmful.harmed if self._harmful else lambda: 0
            with HostRecord(path / hostload.FILE, harmed) as host:
                return self._boards(wire, host)

    def _wire(self) -> Wire:
        wanted = self._wanted
        if self._weather:
            self._harmful = choose_faulty(
                wanted.wire, self._weather, wanted.seed, host_port=wanted.host_port
            )
            return self._harmful
        return wire_for(self._bench, wanted.wire, wanted.host_port)

    def _boards(self, wire: Wire, host: HostRecord) -> Summary:
        if self._lent is None:
            return self._board(wire, self._bench, host)

        def on(bench: BenchConfig, others: bool) -> Summary:
            if not others:
                return self._board(wire, bench, host)
            with contextlib.closing(wire_for(bench, self._wanted.wire)) as its_wire:
                return self._board(its_wire, bench, host, again=True)

        return self._lent.campaign(on, self._say)

    def _say(self, text: str) -> None:
        """For the people there, and for the run's record."""
        self._display.note(text)
        self._folder.event(RigNote(0.0, text))

    def _board(
        self, wire: Wire, bench: BenchConfig | None, host: HostRecord, *, again: bool = False
    ) -> Summary:
        """`again`: other boards have done a part of it."""
        wanted, plan, folder, live = self._wanted, self._plan, self._folder, self._live
        choice = BoardChoice(wanted.board, self._image, wanted.bootargs, wanted.seed, bench)
        patience = ON_A_BAD_WIRE if self._harmful else Patience()
        with powered(assemble(choice, wire, folder=folder, patience=patience)) as session:
            run = Soak(
                session,
                folder,
                plan,
                self._source,
                self._display,
                self._harmful,
                self._recorder,
                host,
            )
            if live is not None:
                run.show(self._view)
                if not again:
                    live.serve()
                    self._display.note(f"metrics at {live.url}")
            if self._place.resume or again:
                run.resume()
            return run.run()


def _simulated(
    wanted: SoakOptions,
    plan: Plan,
    place: _Place,
    *,
    quiet: bool,
    history_file: Path | None,
) -> int:
    """In this process, in virtual time."""
    native()  # or a clear word
    from kyusim import _sim
    from rig.sim.soaking import SimulatedSoak

    options.check_simulated(wanted)
    weather = options.weather(wanted)
    folder = place.open()
    path = folder.path
    past = _History(history_file or path.resolve().parent / NAME)
    interrupts.install()
    with contextlib.closing(folder), contextlib.closing(past):
        document = run_info.document(wanted.as_json(), Path(_sim.__file__), wire="simulated")
        if place.resume:
            document = run_info.taken_up(_run_document(path), document, path)
        folder.json(journal.RUN, document)
        goal = progress.Goal(plan.transfers, plan.deadline_s)
        with _accounted(folder), progress.display(goal, quiet=quiet) as display:
            display.note(f"board sim, virtual time, seed {plan.seed}, run {path}")
            recorder = past.recorder(path, document, str(weather or ""), display.note)
            run = SimulatedSoak(folder, plan, weather, display, recorder)
            if place.resume:
                run.resume()
            summary = run.run()
        return _finish(folder, summary, recorder, quiet=quiet)


class _History:
    """The file of all runs, if it can be had: without it there is a run all the same."""

    def __init__(self, file: Path) -> None:
        self._database: Database | None = None
        self._trouble: RigError | UserError | None = None
        try:
            self._database = Database(file)
        except (RigError, UserError) as trouble:
            self._trouble = trouble

    def recorder(
        self, path: Path, document: dict[str, Any], faults: str, say: Callable[[str], None]
    ) -> Recorder:
        """Before this run begins, those that were killed are closed."""
        if self._database is not None:
            with contextlib.suppress(
                RigError, UserError
            ):  # the recorder meets the same, and says it
                for orphan in histories.adopt(self._database):
                    killed = f"the run {orphan.folder} was killed"
                    say(f"{killed}: it is in the history as far as it came")
        made = Recorder(self._database, recording.row(path, document, faults), say)
        if self._trouble is not None:
            made.give_up(self._trouble)
        return made

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


def _closing(live: Live | None) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext() if live is None else contextlib.closing(live)


def _run_document(path: Path) -> dict[str, Any]:
    return journal.read_json(path / journal.RUN)


def _unable(fault: RigError) -> Summary:
    """The run never came to a board."""
    tally = Tally()
    tally.add_failure(Cause.RIG)
    return Summary(inconclusive(0.0, str(fault)), tally, 0.0)


@contextlib.contextmanager
def _accounted(folder: RunFolder) -> Iterator[None]:
    """Whatever ends the run, there is a summary: of what the journal holds, where no other is."""
    try:
        yield
    except KeyboardInterrupt:
        interrupts.taken()
        verdict = Verdict(Outcome.INCONCLUSIVE, None, 0.0, "interrupted")
        _save(folder, Summary(verdict, _journalled(folder.path), 0.0, interrupted=True))
        raise
    except Exception as fault:
        known = isinstance(fault, RigError | UserError)
        told = str(fault) if known else f"{type(fault).__name__}: {fault}"
        tally = _journalled(folder.path)
        tally.add_failure(Cause.RIG)
        _save(folder, Summary(inconclusive(0.0, told), tally, 0.0))
        raise


def _journalled(path: Path) -> Tally:
    tally = Tally()
    take_up(path, tally, parallel=1)
    return tally


def _save(folder: RunFolder, summary: Summary) -> None:
    with contextlib.suppress(RigError):  # the one that is on its way says more
        folder.json(journal.SUMMARY, summary.as_json())
    _report(folder.path)


def _finish(
    folder: RunFolder, summary: Summary, recorder: Recorder | None = None, *, quiet: bool = False
) -> int:
    """First what stays, then what is said of it; the history has all runs to go through."""
    status = INTERRUPTED if summary.interrupted else summary.verdict.exit_status
    trouble: RigError | None = None
    try:
        folder.json(journal.SUMMARY, summary.as_json())
    except RigError as fault:
        trouble = fault
    print(headline(summary.verdict) if quiet else render(summary), flush=True)
    report = "" if trouble else _report(folder.path)
    if recorder is not None:
        recorder.end(summary)
    if trouble is not None:
        print(f"kyu: {trouble}", file=sys.stderr)
        return INTERRUPTED if summary.interrupted else 3
    if recorder is not None and not quiet:
        for line in recorder.news():
            print(f"  {escaped(line)}", flush=True)
    if not quiet:
        print(f"  run        {folder.path}", flush=True)
        print(f"  report     {report}", flush=True)
    return status


def _report(folder: Path) -> str:
    """Where it is, or why there is none. The run is over: nothing here may change its status."""
    try:
        from rig.report import files

        files.make(folder)
    except (Exception, KeyboardInterrupt) as error:
        what = " ".join(str(error).split()) or type(error).__name__
        return f"warning: not written: {what}; kyu report {folder} tries again"
    return str(folder / files.HTML)
