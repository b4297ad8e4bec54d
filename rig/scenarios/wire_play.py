"""Plays what rig/hostile has on a WireStage, and holds it to the common rule.

Rules     As rig/hostile/play.py: the stated reaction and nothing else, the counter goes up. The
          rule: a clean echo works, and no pool has lent out more than before.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyroute2 import IPRoute

from kyusim.native import big_pattern
from rig.hostile.case import Case, Shot, Story
from rig.hostile.stage import MS, texts
from rig.scenarios.wire_stage import ADDRESS, POOLS, WireStage
from rig.wire.protocol import WANGDOODLE
from rig.wire.tap import DEVICE

#: Who fetches beside a case, by the host's own TCP.
CLIENT = "10.0.0.254"
PATIENCE_S = 30.0
#: Not: neighbours, who are remembered for a while.
RESTING = frozenset(POOLS) - {"neighbours_used"}


def shots(case: Case, *, long: bool) -> tuple[Shot, ...]:
    return tuple(shot for shot in case.shots if not shot.off_wire and shot.long == long)


def stories(case: Case, *, long: bool) -> tuple[Story, ...]:
    return tuple(story for story in case.stories if not story.off_wire and story.long == long)


def pools(stage: WireStage, *, without: str = "") -> dict[str, int]:
    now = stage.counters()
    return {name: now[name] for name in RESTING - {without}}


def at_rest_again(stage: WireStage, at_rest: dict[str, int]) -> None:
    stage.echo()
    ends = time.monotonic() + 10
    while any((now := stage.counters())[name] > count for name, count in at_rest.items()):
        assert time.monotonic() < ends, (at_rest, now)
        time.sleep(0.02)


def play_shots(stage: WireStage, some: tuple[Shot, ...]) -> None:
    before = stage.counters()
    wanted: dict[str, int] = {}
    for shot in some:
        conn = shot.at(stage) if shot.at else None
        if shot.long:
            stage.run_for(shot.pause_us)
            stage.introduce()
        frames = list(shot.frames(stage, conn))
        stage.hear(0)
        stage.send(*frames)
        answers = len(frames) if shot.some else len(shot.answers)
        # All of them are waited for on a busy host too; how many of `some` come nobody knows.
        patience = (100 if shot.some else 3_000) * MS
        came = stage.hear_until(answers, patience) if answers else stage.hear(10 * MS)
        said = texts(stage, came)
        if shot.some:
            assert said
            assert set(said) <= set(shot.answers), said
        else:
            assert said == list(shot.answers), (shot.name, said)
        if shot.check is not None:
            shot.check(stage, conn, came)
        count = len(frames) if shot.count is None else shot.count
        wanted[shot.counter] = wanted.get(shot.counter, 0) + count
        if conn is not None:
            conn.take(came)
            conn.abort()
    after = stage.counters()
    grown = {name: after[name] - before[name] for name in wanted}
    assert all(grown[name] >= count for name, count in wanted.items()), (wanted, grown)


def play_stories(stage: WireStage, some: tuple[Story, ...]) -> None:
    for story in some:
        stage.drop()
        story.play(stage)


@contextmanager
def busy(stage: WireStage) -> Iterator[None]:
    """Somebody fetches meanwhile; it must come whole, and once more afterwards."""
    with IPRoute() as ip:
        tap = ip.link_lookup(ifname=DEVICE)[0]
        ip.addr("add", index=tap, address=CLIENT, prefixlen=24)
        try:
            came: list[bytes] = []
            fetching = threading.Thread(target=lambda: came.append(_fetch()))
            stage.busy = True
            fetching.start()
            yield
            fetching.join(PATIENCE_S)
            came.append(_fetch())
            assert came == [big_pattern(), big_pattern()], [len(text) for text in came]
        finally:
            stage.busy = False
            ip.addr("del", index=tap, address=CLIENT, prefixlen=24)


def _fetch() -> bytes:
    text = bytearray()
    where, client = (ADDRESS, WANGDOODLE), (CLIENT, 0)
    with socket.create_connection(where, timeout=PATIENCE_S, source_address=client) as sock:
        sock.sendall(b"big\n")
        while more := sock.recv(65536):
            text += more
    return bytes(text)
