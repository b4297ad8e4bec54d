"""kyu history: what all nights together say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rig.errors import UserError

if TYPE_CHECKING:
    from rig.campaign.database import Database

_PATH = click.Path(path_type=Path)


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
    if not file.exists():
        raise UserError(
            f"there is no {file}", where="--history", mend="kyu soak makes it, or kyu history add"
        )
    from rig.campaign import history as histories

    database = _open(file)
    histories.adopt(database)
    found = histories.read(database)
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


def _open(file: Path) -> Database:
    from rig.campaign.database import Database

    return Database(file)
