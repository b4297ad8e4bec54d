"""What is typed on the command line, where click does not look closely enough."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import click
from click.core import ParameterSource

from rig.errors import UserError

#: What --resume can take; all else stands in the run.
RESUMABLE = ("transfers", "hours", "keep_going", "quiet", "metrics", "history", "resume_dir")
#: Options of real boards, and which boards read them.
_OF_BOARDS = {
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
