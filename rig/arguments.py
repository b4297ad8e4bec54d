"""What is typed on the command line, where click does not look closely enough."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from rig.errors import UserError

Command = TypeVar("Command", bound=Callable[..., Any])

#: What --resume can take; all else stands in the run.
RESUMABLE = ("transfers", "hours", "keep_going", "quiet", "metrics", "history", "resume_dir")
#: Options that not all boards read, and which do.
_OF_BOARDS = {
    "host_port": ("qemu",),
    "serial": ("bench",),
    "baud": ("bench", "labgrid"),
    "host_iface": ("bench", "labgrid"),
    "board_ip": ("bench", "labgrid"),
    "board_config": ("bench", "labgrid"),
    "place": ("labgrid",),
    "coordinator": ("labgrid",),
    "place_wait": ("labgrid",),
}


class Finite(click.FloatRange):
    """A number within bounds; `nan` is within any, and `inf` hours are never over."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number to count with.", param, ctx)
        return number


class NewFile(click.Path):
    """Where a result will be written: looked at before the work, whose result it would lose."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        file = super().convert(value, param, ctx)
        assert isinstance(file, Path)
        if not file.exists() and not os.access(file.parent, os.W_OK | os.X_OK):
            self.fail(f"{str(file.parent)!r} is no folder that can be written to.", param, ctx)
        return file


def json_option(text: str) -> Callable[[Command], Command]:
    """The parameter is `json_file`, for write_json()."""
    return click.option("--json", "json_file", type=NewFile(), help=text)


def write_json(file: Path | None, table: Mapping[str, Any]) -> None:
    """Last of all, when everything has been printed. None: nobody wants it. Raises UserError."""
    if file is None:
        return
    try:
        file.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write it: {error.strerror}", where=str(file)) from None


def given() -> dict[str, str]:
    """What stands on the line of this command, neither a default nor of the environment: by its
    name, as it is written.
    """
    context = click.get_current_context()
    return {
        one.name: one.opts[0] if isinstance(one, click.Option) else one.human_readable_name
        for one in context.command.params
        if one.name and context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE
    }


def check_resume(said: Mapping[str, str]) -> None:
    """Raises UserError for what would be passed over."""
    others = [option for name, option in said.items() if name not in RESUMABLE]
    if others:
        raise UserError(
            f"the run's own options hold, and not {', '.join(others)}",
            where="--resume",
            mend="leave that out, or begin a new run",
        )


def lend(said: Collection[str], options: dict[str, Any]) -> None:
    """--place alone says which board is meant."""
    if "place" in said and "board" not in said:
        options["board"] = "labgrid"


def check_board(said: Mapping[str, str], board: str) -> None:
    """Raises UserError for an option that this board would pass over."""
    from rig.assembly import BOARDS

    if board not in BOARDS:
        return  # which is a mistake of its own
    stray = [name for name in said if board not in _OF_BOARDS.get(name, (board,))]
    if stray:
        readers = _OF_BOARDS[stray[0]]
        raise UserError(
            f"a {board} board has none",
            where=", ".join(said[name] for name in stray),
            mend=f"take --board {readers[0]}, or leave it out",
        )
