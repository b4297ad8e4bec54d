"""A campaign on places of a kind: when a board dies the run goes on with another that is free.

Rules     a board dies when the rig fails with it: no power, no U-Boot, no serial line. A board that
          fails is what a campaign is for, and is not given up for it. What became of each place is
          in the summary, and among the run's events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rig.board.bench_config import BenchConfig
from rig.errors import RigError
from rig.rack.rack import Rack
from rig.report.summary import Summary
from rig.verdict import Cause

#: (the board, were there others before it?) → what came of it.
Run = Callable[[BenchConfig, bool], Summary]
Say = Callable[[str], None]


def campaign(
    rack: Rack, first: BenchConfig, another: Callable[[], BenchConfig], run: Run, say: Say
) -> Summary:
    """`another`: raises RigError when there is none."""
    board, places = first, [{"place": first.place, "trouble": ""}]
    while True:
        summary = run(board, len(places) > 1)
        died = summary.verdict.cause is Cause.RIG and not summary.interrupted
        if died:
            places[-1]["trouble"] = summary.verdict.detail
            say(f"place {board.place} is given up: {summary.verdict.detail}")
        if died and rack.of_a_kind:
            try:
                board = another()
            except RigError as none:
                say(f"no other place: {none}")
            else:
                places.append({"place": board.place, "trouble": ""})
                say(f"the run goes on with place {board.place}")
                continue
        return replace(summary, facts=summary.facts | {"places": places})
