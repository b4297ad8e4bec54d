"""kyu sim …: the command line of the simulator.

Status    0 nothing found (explore, soak) or everything planted found (find); 1 otherwise.
"""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rig.arguments import Finite, NewFile, json_option, write_json
from rig.errors import UserError
from rig.report.text import escaped

if TYPE_CHECKING:
    from rig.sim.cluster import Cluster
    from rig.sim.plan import Plan
    from rig.sim.trial import Trial

PASSED, FAILED = 0, 1
_SEED = click.option("--seed", type=click.IntRange(min=0), help="[default: a fresh one]")
_SCHEDULER = click.option(
    "--scheduler", metavar="ADDRESS", help="Spread it over the Dask cluster there (docs/rack.md)."
)
#: Plans that travel to a worker of a cluster together: most take a few milliseconds.
PLANS_AT_ONCE = 4


@click.group()
def sim() -> None:
    """Looks for bugs in the simulator, shrinks what it finds, and replays it."""


def _fresh(seed: int | None) -> int:
    return seed if seed is not None else int.from_bytes(os.urandom(4), "big")


def _cluster(address: str | None) -> contextlib.AbstractContextManager[Cluster | None]:
    """None: all of it is done here."""
    if address is None:
        return contextlib.nullcontext()
    from rig.sim.cluster import Cluster

    return Cluster(address, _say)


def _say(line: str) -> None:
    click.echo(line, err=True)


@sim.command()
@_SEED
@click.option("--seconds", type=Finite(min=0), default=60.0, show_default=True)
@click.option("--runs", type=click.IntRange(min=1), default=1 << 30, help="At most so many runs.")
def explore(seed: int | None, seconds: float, runs: int) -> int:
    """Runs drawn loads under drawn schedules on the clean build, until something is wrong."""
    from rig.sim import find

    seed = _fresh(seed)
    result = find.search(seed, seconds, runs_max=runs)
    if result.trial is None:
        click.echo(f"nothing wrong in {result.runs} runs, {result.seconds:.0f} s (seed {seed})")
        return PASSED
    small = find.smallest(result.trial)
    assert small.finding is not None
    click.echo(f"{small.finding.cause}: {escaped(small.finding.detail)}")
    click.echo(f"kyu sim replay '{small.plan}'")
    return FAILED


@sim.command("find")
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Each of the mission's bugs.")
@click.option("--tries", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--seconds",
    type=Finite(min=0),
    default=60.0,
    show_default=True,
    help="The limit of one try.",
)
@json_option("Write the table here too.")
@_SEED
@_SCHEDULER
def find_command(
    name: str | None,
    every: bool,
    tries: int,
    seconds: float,
    json_file: Path | None,
    seed: int | None,
    scheduler: str | None,
) -> int:
    """Plants a bug of the mission and looks for it from fresh seeds."""
    from rig.sim import diagnose, find

    names = list(diagnose.EXPECTED)
    if not every:
        if name not in names:
            known = ", ".join(names)
            raise UserError(f"{name or 'nothing'!r} is none of {known}", where="kyu sim find")
        names = [name]
    seed = _fresh(seed)
    with _cluster(scheduler) as cluster:
        spread = find.here if cluster is None else partial(cluster.map, each=PLANS_AT_ONCE)
        rows = [
            find.table_row(bug, tries, seed + 1000 * n, seconds, _say, spread)
            for n, bug in enumerate(names)
        ]
    for row in rows:
        click.echo(
            f"{row['name']:<17} {row['found']}/{row['tries']} as {row['cause'] or '-'},"
            f" median {row['seconds_median']} s, most {row['seconds_max']} s"
        )
        click.echo(f"    {row['replay'] or 'not found'}")
    write_json(json_file, {"seed": seed, "defects": rows})
    return PASSED if all(row["found"] == row["tries"] for row in rows) else FAILED


@sim.command()
@click.argument("plan", nargs=-1, required=True)
@click.option("--shrink", "small", is_flag=True, help="Make the plan smaller first.")
@click.option("--bytes", "show_bytes", is_flag=True, help="Dump each frame too.")
@click.option(
    "--pcap",
    "capture",
    type=NewFile(),
    help="Write the frames that arrived here, for tcpdump and Wireshark.",
)
def replay(plan: tuple[str, ...], small: bool, show_bytes: bool, capture: Path | None) -> int:
    """Runs one plan again, the line that a failure printed, and logs every frame, every counter
    that moved, threads that stand still, choices and faults."""
    from rig.sim import find, trial
    from rig.sim.plan import parse

    what = parse(" ".join(plan))
    if small:
        failed = trial.run(what)
        if failed.finding is not None:
            what = find.smallest(failed).plan
            click.echo(f"kyu sim replay '{what}'")
    tried = _logged(what, show_bytes, capture)
    click.echo(f"{tried.at_us} us, {tried.events} events, hash {tried.hash:016x}")
    if tried.finding is None:
        click.echo("nothing wrong")
        return PASSED
    click.echo(f"{tried.finding.cause}: {escaped(tried.finding.detail)}")
    return FAILED


def _logged(plan: Plan, show_bytes: bool, capture: Path | None) -> Trial:
    from rig.sim import pcap, trial
    from rig.sim.eventlog import Log

    if capture is None:
        return trial.run(plan, Log(click.echo, show_bytes))
    try:
        file = capture.open("wb")
    except OSError as error:
        raise UserError(
            f"cannot write {capture}: {error.strerror}", where="kyu sim replay --pcap"
        ) from None
    with file:
        pcap.write_header(file)
        return trial.run(plan, Log(click.echo, show_bytes, lambda p: pcap.write_frame(file, p)))


class _Percent(click.ParamType[float]):
    name = "P"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is neither 0.01 nor 1%", param, ctx)
        if not 0 <= number < 1:
            self.fail(f"{text!r} is no chance", param, ctx)
        return number


@sim.command()
@click.option("--transfers", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--loss", type=_Percent(), default="0", show_default=True, help="0.01 or 1%.")
@click.option("--processes", type=click.IntRange(1, 64), help="[default: one a core]")
@_SCHEDULER
@json_option("Write each world's end here too.")
@_SEED
def soak(
    transfers: int,
    loss: float,
    processes: int | None,
    scheduler: str | None,
    json_file: Path | None,
    seed: int | None,
) -> int:
    """Transfers of 200,000 bytes, each byte compared, pools at their baseline afterwards."""
    from rig.sim import soak as soaking

    if scheduler is not None and processes is not None:
        raise UserError("goes with one machine", where="--processes", mend="or leave --scheduler")
    seed, began = _fresh(seed), time.monotonic()
    with _cluster(scheduler) as cluster:
        spread = soaking.here(processes or os.cpu_count() or 1) if cluster is None else cluster.map
        results = soaking.soak(transfers, seed, loss, spread, _say)
    failed = next((result for result in results if result.failure), None)
    if failed is None:
        done, spent = sum(result.transfers for result in results), time.monotonic() - began
        click.echo(
            f"{done} transfers byte-exact in {spent:.1f} s, {done / spent:.0f} per second,"
            f" pools at baseline (seed {seed})"
        )
    else:
        part = failed.part
        click.echo(f"after {failed.transfers} transfers: {escaped(failed.failure)}")
        click.echo(
            f"kyu sim soak --transfers {part.transfers} --loss {part.loss}"
            f" --seed {part.seed} --processes 1"
        )
    write_json(json_file, {"seed": seed, "worlds": [result.as_json() for result in results]})
    return PASSED if failed is None else FAILED
