"""Transfers by the million in the simulator, over a wire that loses frames.

Rules     every byte is compared; afterwards every pool is where it was. One world a process, one
          process a core; the seeds of the parts come from the seed of the whole. Results come in
          the order of the parts, however many cores or machines (cluster.py) there are.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from kyusim import FatePlan, FirmwarePanic, World, s
from kyusim.errors import NotDone
from rig.sim.trial import POOLS, REST_US, counters_of

#: A world is left after so many transfers: a failure replays from its beginning.
PER_WORLD = 1000


@dataclass(frozen=True, slots=True)
class Part:
    seed: int
    transfers: int
    loss: float


@dataclass(frozen=True, slots=True)
class Result:
    """`at_us`, `events`, `hash`: of the world, where it ended."""

    part: Part
    transfers: int
    failure: str
    at_us: int
    events: int
    hash: int

    def as_json(self) -> dict[str, Any]:
        """The same wherever it ran."""
        more = {"done": self.transfers, "failure": self.failure, "at_us": self.at_us}
        return asdict(self.part) | more | {"events": self.events, "hash": f"{self.hash:016x}"}


def run_part(part: Part) -> Result:
    """One world: a board, a client, `transfers` one after the other."""
    try:
        return _run_part(part)
    finally:
        gc.collect()  # a world and its boards refer to each other, and are large


def _run_part(part: Part) -> Result:
    world = World(part.seed)
    board, client = world.board("board"), world.board("client")
    plan = FatePlan(delay_us=50, loss=part.loss)
    world.wire(board, client, plan, plan)
    world.run_for(1 * s)
    before = counters_of(board)
    task = client.fetch_big(board, part.transfers)
    try:
        task.finish()
        world.run_for(REST_US)
    except (FirmwarePanic, NotDone) as error:
        return _result(part, world, task.transfers, str(error))
    now = counters_of(board)
    leaked = [
        f"{p} +{now[f'{p}_used'] - before[f'{p}_used']}"
        for p in POOLS
        if now[f"{p}_used"] != before[f"{p}_used"]
    ]
    return _result(part, world, task.transfers, f"pools: {', '.join(leaked)}" if leaked else "")


def _result(part: Part, world: World, transfers: int, failure: str) -> Result:
    return Result(part, transfers, failure, world.now_us, world.events(), world.hash())


def parts_of(transfers: int, seed: int, loss: float) -> list[Part]:
    counts = [PER_WORLD] * (transfers // PER_WORLD)
    if transfers % PER_WORLD:
        counts.append(transfers % PER_WORLD)
    return [Part(seed + n, count, loss) for n, count in enumerate(counts)]


#: Like the built-in map: results in the order of the parts.
Spread = Callable[[Callable[[Part], Result], list[Part]], Generator[Result]]


def soak(
    transfers: int, seed: int, loss: float, spread: Spread, say: Callable[[str], None]
) -> list[Result]:
    """Runs all parts; stops at the first failure."""
    began = time.monotonic()
    results: list[Result] = []
    done = 0
    with closing(spread(run_part, parts_of(transfers, seed, loss))) as ending:
        for result in ending:
            results.append(result)
            done += result.transfers
            rate = done / max(time.monotonic() - began, 1e-9)
            say(f"{done}/{transfers} transfers, {rate:.0f} per second")
            if result.failure:
                break
    return results


def here(processes: int) -> Spread:
    """On this machine."""

    def spread(work: Callable[[Part], Result], parts: list[Part]) -> Generator[Result]:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            yield from pool.imap(work, parts)

    return spread
