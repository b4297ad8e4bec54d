"""What hostile segments cost the processor: case 41.

Rules     The board counts its own instructions: under -icount each takes 16 ns of its time, and
          what is not the idle thread's was work (rig/bench/network.py). Frames that a full ring
          has lost cost nothing and are not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from rig.bench.network import ICOUNT, NS_PER_INSTRUCTION
from rig.board import image as images
from rig.hostile.stage import MS, established
from rig.pytest_plugin import Keeper
from rig.scenarios.plain_board import PlainBoard, running
from rig.scenarios.wire_stage import BOOT, PROMPT, WireStage

SEGMENTS = 1_500
WINDOW = 65_535


@pytest.fixture
def counting(boards: Keeper) -> Iterator[WireStage]:
    if boards.choice.board != "qemu" or boards.wire.name != "tap":
        pytest.skip("wants an emulated board on a tap: raw frames are sent there")
    boards.off()
    board = PlainBoard(images.find(None), boards.wire, BOOT, options=ICOUNT)
    with running(board):
        board.await_text(PROMPT)
        stage = WireStage(board, counting=True)
        try:
            yield stage
        finally:
            stage.close()


def busy_us(stage: WireStage) -> float:
    idle = re.search(r"cpu (\d+) us", stage.ask("u idle"))
    up = re.search(r"up (\d+\.\d+) s", stage.ask("s"))
    assert idle is not None
    assert up is not None
    return float(up[1]) * 1e6 - int(idle[1])


def instructions_each(stage: WireStage, frames: Sequence[bytes]) -> float:
    """Of a segment that has arrived; what asking costs is taken off."""
    received = "tcp_segments_received"
    had, before = stage.counters()[received], busy_us(stage)
    asking = busy_us(stage) - before
    before = busy_us(stage)
    stage.in_step(frames)  # at its own pace: what comes together costs less
    stage.run_for(100 * MS)
    worked = busy_us(stage) - before - asking
    arrived = stage.counters()[received] - had
    assert arrived > len(frames) // 2, f"{arrived} of {len(frames)} have come"
    return worked * 1000 / NS_PER_INSTRUCTION / arrived


def test_holes_cost_less_than_twice_what_text_in_order_does(counting: WireStage) -> None:
    """Single bytes all over the window, as many as there are pieces and many more; the last of them
    cost what the first did."""
    conn = established(counting)
    # The byte before is repeated, so that each is answered at once, as each hole is.
    in_order = [conn.segment("A", b"ii", seq=i - 1) for i in range(1, SEGMENTS)]
    counting.send(conn.segment("A", b"i"))
    plain = instructions_each(counting, in_order)
    conn.abort()
    conn = established(counting)
    step = WINDOW // SEGMENTS
    holes = [conn.segment("A", b"h", seq=1 + i * step) for i in range(SEGMENTS)]
    first = instructions_each(counting, holes[: SEGMENTS // 2])
    last = instructions_each(counting, holes[SEGMENTS // 2 :])
    conn.abort()
    print(f"instructions a segment: {plain:.0f} in order, {first:.0f} and {last:.0f} with holes")
    assert max(first, last) < 2 * plain
    assert last < 1.5 * first, "linear"
