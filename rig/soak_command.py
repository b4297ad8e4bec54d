"""kyu soak, from checked options to an exit status."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rig import hostload, interrupts, journal, options, run_info
from rig.assembly import BoardChoice, assemble, bench_of, check_board, wire_for
from rig.board import bootargs
from rig.board import image as images
from rig.campaign import history as histories
from rig.campaign import recorder as recording
from rig.campaign.database import NAME, Database
from rig.campaign.recorder import Recorder
from rig.campaign.session import powered
from rig.campaign.soak import Plan, Soak
from rig.errors import RigError, UserError
from rig.hostload import HostRecord
from rig.journal import RunFolder
from rig.options import SoakOptions
from rig.report import progress
from rig.report.live import Live, View
from rig.report.summary import Summary, Tally, headline, render
from rig.traffic.pattern import native
from rig.traffic.wangdoodle import ON_A_BAD_WIRE, Patience
from rig.verdict import Cause, inconclusive
from rig.wire.choose import choose_faulty
from rig.wire.protocol import Wire

INTERRUPTED = 130


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
    folder = out or Path("runs") / f"{run_info.stamp()}-{'+'.join(wanted.scenarios)}"
    return _run(wanted, folder, resume=False, quiet=quiet, history_file=history, metrics=metrics)


def resume(
    path: Path,
    *,
    transfers: int | None,
    hours: float | None,
    quiet: bool = False,
    history: Path | None = None,
    metrics: str = "",
) -> int:
    """Takes up an interrupted run where its journal ends."""
    document = journal.read_json(path / journal.RUN)
    wanted = options.from_json(document.get("options", {}), path / journal.RUN)
    if transfers is not None or hours is not None:
        raw = wanted.as_json() | {"transfers": transfers, "hours": hours}
        wanted = options.from_json(raw, path / journal.RUN)
    return _run(wanted, path, resume=True, quiet=quiet, history_file=history, metrics=metrics)


def _run(
    wanted: SoakOptions,
    path: Path,
    *,
    resume: bool,
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
        return _simulated(wanted, plan, path, resume=resume, quiet=quiet, history_file=history_file)
    check_board(wanted.board)
    bootargs.page(bootargs.merge({}, wanted.bootargs))
    weather = options.weather(wanted)
    bench = bench_of(wanted.board, wanted.board_config, partial(getattr, wanted))
    if bench is not None and weather:
        raise UserError("the bench's wire has none", where="--faults", mend="take none")
    image = images.find(Path(wanted.image) if wanted.image else None)
    source = native()
    view = View({"scenario": "+".join(wanted.scenarios), "seed": str(wanted.seed)})
    live = Live(metrics, view) if metrics else None
    database = Database(history_file or path.resolve().parent / NAME)
    folder = RunFolder(path, resume=resume)
    interrupts.install()
    with contextlib.closing(folder), contextlib.closing(database), _closing(live):
        try:
            # Before the display: a user namespace cannot be entered once it has its thread.
            harmful = choose_faulty(wanted.wire, weather, wanted.seed) if weather else None
            wire: Wire = harmful or wire_for(bench, wanted.wire, wanted.host_port)
            options.check_needs(wanted, wire.name)
            document = run_info.document(wanted.as_json(), image, wire=wire.name, why=wire.why)
            folder.json(journal.RUN, document)
        except RigError as fault:
            return _finish(folder, _unable(fault), quiet=quiet)
        goal = progress.Goal(plan.transfers, plan.deadline_s)
        with contextlib.closing(wire), progress.display(goal, quiet=quiet) as display:
            why = f" ({wire.why})" if wire.why else ""
            display.note(
                f"board {wanted.board}, wire {wire.name}{why}, seed {plan.seed}, run {path}"
            )
            recorder = _recorder(database, path, document, str(weather or ""), display.note)
            choice = BoardChoice(
                wanted.board, image, wanted.bootargs, wanted.seed, wanted.host_port, bench
            )
            patience = ON_A_BAD_WIRE if harmful else Patience()
            host = HostRecord(path / hostload.FILE, harmful.harmed if harmful else lambda: 0)
            with host, powered(assemble(choice, wire, folder=folder, patience=patience)) as session:
                run = Soak(session, folder, plan, source, display, harmful, recorder, host)
                if live is not None:
                    run.show(view)
                    live.serve()
                    display.note(f"metrics at {live.url}")
                if resume:
                    run.resume()
                summary = run.run()
        recorder.end(summary)
        return _finish(folder, summary, recorder, quiet=quiet)


def _simulated(
    wanted: SoakOptions,
    plan: Plan,
    path: Path,
    *,
    resume: bool,
    quiet: bool,
    history_file: Path | None,
) -> int:
    """In this process, in virtual time."""
    native()  # or a clear word
    from kyusim import _sim
    from rig.sim.soaking import SimulatedSoak

    options.check_simulated(wanted)
    weather = options.weather(wanted)
    database = Database(history_file or path.resolve().parent / NAME)
    folder = RunFolder(path, resume=resume)
    interrupts.install()
    with contextlib.closing(folder), contextlib.closing(database):
        document = run_info.document(wanted.as_json(), Path(_sim.__file__), wire="simulated")
        folder.json(journal.RUN, document)
        goal = progress.Goal(plan.transfers, plan.deadline_s)
        with progress.display(goal, quiet=quiet) as display:
            display.note(f"board sim, virtual time, seed {plan.seed}, run {path}")
            recorder = _recorder(database, path, document, str(weather or ""), display.note)
            run = SimulatedSoak(folder, plan, weather, display, recorder)
            if resume:
                run.resume()
            summary = run.run()
        recorder.end(summary)
        return _finish(folder, summary, recorder, quiet=quiet)


def _recorder(
    database: Database,
    path: Path,
    document: dict[str, Any],
    faults: str,
    say: Callable[[str], None],
) -> Recorder:
    """Before this run begins, those that were killed are closed."""
    with contextlib.suppress(RigError):
        for orphan in histories.adopt(database):
            say(f"the run {orphan.folder} was killed: it is in the history as far as it came")
    return Recorder(database, recording.row(path, document, faults), say)


def _closing(live: Live | None) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext() if live is None else contextlib.closing(live)


def _unable(fault: RigError) -> Summary:
    """The run never came to a board."""
    tally = Tally()
    tally.add_failure(Cause.RIG)
    return Summary(inconclusive(0.0, str(fault)), tally, 0.0)


def _finish(
    folder: RunFolder, summary: Summary, recorder: Recorder | None = None, *, quiet: bool = False
) -> int:
    status = INTERRUPTED if summary.interrupted else summary.verdict.exit_status
    print(headline(summary.verdict) if quiet else render(summary), flush=True)
    if recorder is not None and not quiet:
        for line in recorder.news():
            print(f"  {line}", flush=True)
    try:
        folder.json(journal.SUMMARY, summary.as_json())
    except RigError as fault:
        print(f"kyu: {fault}", file=sys.stderr)
        return INTERRUPTED if summary.interrupted else 3
    report = _report(folder.path)
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
