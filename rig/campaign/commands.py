"""kyu history: what all nights together say. kyu bisect: which commit brought a failure."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rig.arguments import Finite
from rig.errors import RigError, UserError, looked_for

if TYPE_CHECKING:
    from rig.campaign.database import Database

_PATH = click.Path(path_type=Path)
ROUNDS = 20


@click.group(invoke_without_command=True)
@click.option(
    "--history",
    "file",
    type=_PATH,
    envvar="KYU_HISTORY",
    default=Path("runs/history.sqlite"),
    show_default=True,
    help="The file of all runs.",
)
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="Runs.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
@click.pass_context
def history(context: click.Context, file: Path, last: int, *, as_json: bool) -> None:
    """Runs across nights, failures by their cause, and how often each image fails.

    Failures of the same cause have the same signature, in whatever image: who waits for whom, or
    the innermost functions, never addresses.
    """
    context.obj = file
    if context.invoked_subcommand is not None:
        return
    with looked_for(file):
        there = file.exists()
    if not there:
        raise UserError(
            f"there is no {file}", where="--history", mend="kyu soak makes it, or kyu history add"
        )
    from rig.campaign import history as histories

    found = histories.read(_adopted(file))
    text = json.dumps(histories.as_json(found)) if as_json else histories.render(found, last=last)
    click.echo(text)


@history.command()
@click.argument("folders", type=_PATH, nargs=-1, required=True, metavar="RUN...")
@click.pass_obj
def add(file: Path, folders: tuple[Path, ...]) -> None:
    """Bring run folders in: from another machine, or whose rows were lost."""
    from rig.campaign import history as histories

    found = [histories.from_folder(folder) for folder in folders]
    database = _open(file)
    for row, failures in found:
        database.put(row, failures)
        click.echo(f"{row.folder}: {row.verdict}, {row.good} of {row.attempted}")


@click.command()
@click.argument("good")
@click.argument("bad")
@click.option("--scenario", default="soak", show_default=True, help="What is run of each image.")
@click.option(
    "--transfers",
    "longest",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="The longest trial.",
)
@click.option(
    "--confidence",
    type=Finite(0.5, 0.999),
    default=0.95,
    show_default=True,
    help="How probable a commit must be before it is called the first bad one.",
)
@click.option(
    "--run",
    "command",
    default="",
    metavar="COMMAND",
    help="Instead of building and soaking: 0 good, 125 cannot be tried, else bad. It runs in the "
    "commit's sources, and $KYU_TRANSFERS says for how long.",
)
@click.option("--out", type=_PATH, default=Path("runs/bisect"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The result for programs.")
@click.argument("soak", nargs=-1, type=click.UNPROCESSED, metavar="[-- SOAK OPTIONS]")
def bisect(*, as_json: bool, **rest: Any) -> int:
    """Which commit after GOOD, up to BAD, brought a failure that comes only now and then?

    Each trial builds an image and soaks it. Which commit is tried next, and for how long, is what
    teaches most: the result is a probability, not a count of good runs. Called again with the same
    --out, it goes on. Ends with 0 when it is decided, with 3 when not.
    """
    from rig.campaign import bisecting

    told = bisecting.bisect(bisecting.Options(**rest), lambda line: click.echo(line, err=as_json))
    click.echo(json.dumps(told) if as_json else "\n".join(bisecting.render(told)))
    return 0 if told["decided"] else bisecting.RIG


@click.command()
@click.option("--rounds", "count", type=click.IntRange(min=1), help="How many. [default: 20]")
@click.option("--minutes", type=Finite(min=0, min_open=True), help="Instead: how long.")
@click.option("--busy", is_flag=True, help="Keep every core of the host at work beside it.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--image", type=_PATH, help="With planted failures. [default: build/defects/kyu.elf]")
@click.option("--json", "as_json", is_flag=True, help="The result for programs.")
def selftest(
    *, count: int | None, minutes: float | None, busy: bool, seed: int, image: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Does the rig find what is planted, with its right cause, and nothing else?

    Rounds are drawn from the seed: boards with planted failures, and clean ones under all kinds of
    traffic and on bad wires. Ends with 1 when a failure was missed or a clean board was blamed.
    """

    from rig import interrupts, run_info
    from rig.board import image as images
    from rig.campaign import selftest as testing

    if count is not None and minutes is not None:
        raise UserError("--rounds and --minutes exclude each other", mend="give one of them")
    found = images.find(image, images.DEFECTS)
    load = testing.busy_host() if busy else contextlib.nullcontext()
    place = Path("runs") / f"{run_info.stamp()}-selftest"
    interrupts.install()
    with load:
        total = testing.run(
            found,
            place,
            seed=seed,
            count=None if minutes is not None else count or ROUNDS,
            seconds=None if minutes is None else minutes * 60,
            say=lambda line: click.echo(line, err=as_json),
        )
    with contextlib.suppress(OSError):
        place.rmdir()  # nothing was wrong
    click.echo(json.dumps(total.as_json()) if as_json else total.render())
    if total.interrupted:
        return 130
    return 0 if total.good else 1


def _open(file: Path) -> Database:
    from rig.campaign.database import Database

    return Database(file)


def _adopted(file: Path) -> Database:
    """Killed runs are closed by whoever may; to look, it is enough to read."""
    from rig.campaign.database import Database
    from rig.campaign.history import adopt

    try:
        database = Database(file)
    except (RigError, UserError) as trouble:
        try:
            return Database(file, to_read=True)
        except UserError:
            raise trouble from None
    with contextlib.suppress(RigError):
        adopt(database)
    return database
