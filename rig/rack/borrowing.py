"""Boards from labgrid for those who want a board: kyu soak --place, pytest --board=labgrid.

Rules     labgrid is asked for only by who wants a board of it; who does not need not have it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rig.board.bench_config import BenchConfig
from rig.errors import UserError
from rig.rack import mapping
from rig.rack.campaign import Run, Say, campaign
from rig.rack.client import LabgridClient
from rig.rack.rack import Rack
from rig.report.summary import Summary
from rig.wire import host_interface

LABGRID = "labgrid"


class Lent:
    """A rack and the first board of it."""

    def __init__(self, rack: Rack, option: Callable[[str], Any]) -> None:
        self._rack, self._option = rack, option
        self.first = self._another()

    def _another(self) -> BenchConfig:
        file = self._option("board_config")
        place = self._rack.borrow()
        return mapping.bench(place, self._rack.client, Path(file) if file else None, self._option)

    def campaign(self, run: Run, say: Say) -> Summary:
        def another() -> BenchConfig:
            """A place that is set up wrongly ends no campaign: there are others."""
            while True:
                try:
                    board = self._another()
                    host_interface.find(board.host_iface, board.board_ip).close()
                except UserError as wrong:
                    say(f"passed over: {wrong}")
                else:
                    return board

        return campaign(self._rack, self.first, another, run, say)


@contextlib.contextmanager
def rack(board: str, option: Callable[[str], Any]) -> Iterator[Lent | None]:
    """None for any board but labgrid's. What was borrowed is given back in the end.

    Raises UserError for what is wrong or missing, RigError for what is not to be had now.
    """
    asked = option("place")
    if board != LABGRID:
        if asked:
            raise UserError(f"a {board} board has none", where="--place", mend="or leave --board")
        yield None
        return
    client = LabgridClient(option("coordinator") or "")
    wait_s = float(option("place_wait") or 0)
    with Rack(client, asked or os.environ.get("LG_PLACE", ""), _say, wait_s=wait_s) as boards:
        yield Lent(boards, option)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more: that keeps nothing borrowed
        print(f"-- {line}", file=sys.stderr, flush=True)
