"""kyu soak, from checked options to an exit status."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from rig import journal, options, run_info
from rig.assembly import BoardChoice, assemble, check_board
from rig.board import image as images
from rig.campaign.soak import Plan, Soak
from rig.errors import RigError
from rig.journal import RunFolder
from rig.options import SoakOptions
from rig.report import progress
from rig.report.progress import Display
from rig.report.summary import Summary, Tally, render
from rig.traffic.pattern import Native, native
from rig.verdict import inconclusive
from rig.wire.choose import choose

INTERRUPTED = 130


def soak(wanted: SoakOptions, out: Path | None) -> int:
    """A new run. Raises UserError before anything is started."""
    folder = out or Path("runs") / f"{run_info.stamp()}-{'+'.join(wanted.scenarios)}"
    return _run(wanted, folder, resume=False)


def resume(path: Path, *, transfers: int | None, hours: float | None) -> int:
    """Takes up an interrupted run where its journal ends."""
    document = journal.read_json(path / journal.RUN)
    wanted = options.from_json(document.get("options", {}), path / journal.RUN)
    if transfers is not None or hours is not None:
        raw = wanted.as_json() | {"transfers": transfers, "hours": hours}
        wanted = options.from_json(raw, path / journal.RUN)
    return _run(wanted, path, resume=True)


def _run(wanted: SoakOptions, path: Path, *, resume: bool) -> int:
    plan = options.plan(wanted)
    check_board(wanted.board)
    image = images.find(Path(wanted.image) if wanted.image else None)
    source = native()
    folder = RunFolder(path, resume=resume)
    for request in (signal.SIGTERM, signal.SIGHUP):  # a shutdown, a terminal that was closed
        signal.signal(request, _interrupt)
    try:
        with progress.display(plan.transfers) as display:
            summary = _soak(wanted, plan, image, source, folder, display, resume=resume)
        return _finish(folder, summary)
    finally:
        folder.close()


def _soak(
    wanted: SoakOptions,
    plan: Plan,
    image: Path,
    source: Native,
    folder: RunFolder,
    display: Display,
    *,
    resume: bool,
) -> Summary:
    try:
        wire = choose(wanted.wire, host_port=wanted.host_port)
        document = run_info.document(wanted.as_json(), image, wire=wire.name, wire_why=wire.why)
        folder.json(journal.RUN, document)
    except RigError as fault:
        return Summary(inconclusive(0.0, str(fault)), Tally(), 0.0)
    why = f" ({wire.why})" if wire.why else ""
    display.note(
        f"board {wanted.board}, wire {wire.name}{why}, seed {plan.seed}, run {folder.path}"
    )
    choice = BoardChoice(wanted.board, image, wanted.bootargs, wanted.seed, wanted.host_port)
    session = assemble(choice, wire, folder=folder)
    run = Soak(session, folder, plan, source, display)
    if resume:
        run.resume()
    try:
        return run.run()
    finally:
        session.power_off()
        wire.close()


def _finish(folder: RunFolder, summary: Summary) -> int:
    status = INTERRUPTED if summary.interrupted else summary.verdict.exit_status
    print(render(summary), flush=True)
    try:
        folder.json(journal.SUMMARY, summary.as_json())
    except RigError as fault:
        print(f"kyu: {fault}", file=sys.stderr)
        return INTERRUPTED if summary.interrupted else 3
    print(f"  run        {folder.path}", flush=True)
    return status


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
