"""Drift and leaks: what creeps is told with its evidence, what only wavers is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.console import events as ev
from rig.console.grammar import Frame, make_frame
from rig.drift import SAMPLES_MAX, Course, Sample, alarms, sample, tau
from rig.verdict import Cause, Outcome, Verdict
from rig.watch import Watch, step

NIGHT_S = 3600.0


def course(
    shape: Callable[[float, random.Random], dict[str, float]], *, seconds: float = NIGHT_S
) -> list[Sample]:
    """A heartbeat a second; `shape` says what differs from a board at rest."""
    dice = random.Random(7)
    found = Course()
    for n in range(int(seconds)):
        told: dict[str, float] = {
            "mbufs": 256 + dice.randrange(40),  # what traffic borrows
            "clusters": 256 + dice.randrange(40),
            "sockets": 10 + dice.randrange(8),
            "rexmt": 0,
            "stack_left": 3000,
            "transfers": 400 * n,
            "ms": dice.lognormvariate(0.7, 0.3),
        }
        told |= shape(float(n), dice)
        found.add(Sample(float(n), **{k: v if k == "ms" else int(v) for k, v in told.items()}))  # type: ignore[arg-type]
    return found.samples


def named(samples: list[Sample]) -> dict[str, bool]:
    return {one.name: one.fails for one in alarms(samples)}


def test_a_board_at_work_raises_no_alarm() -> None:
    assert named(course(lambda _at, _dice: {})) == {}


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_nor_does_one_whose_load_comes_and_goes(dice: random.Random) -> None:
    level = [dice.uniform(0, 4000) for _ in range(60)]
    assert named(course(lambda at, _: {"mbufs": 256 + level[int(at) // 60]})) == {}


def test_nor_does_one_that_borrows_more_and_more_and_gives_it_back() -> None:
    assert named(course(lambda at, _: {"mbufs": 256 + (at % 10 == 0) * at})) == {}


def test_a_slow_leak_is_told_with_its_slope() -> None:
    """One buffer in two minutes, under traffic that borrows forty."""
    samples = course(lambda at, dice: {"mbufs": 256 + dice.randrange(40) + at / 120})
    (found,) = alarms(samples)
    assert (found.name, found.fails) == ("mbufs", True)
    assert len(found.points) == 12
    assert found.told.startswith("mbufs in use: 2")
    assert found.told.endswith("an hour")
    assert 25 < float(found.told.split()[-3]) < 35


@pytest.mark.parametrize("pool", ["mbufs", "clusters", "sockets"])
def test_every_pool_is_looked_at(pool: str) -> None:
    assert named(course(lambda at, _: {pool: 100 + at / 60})) == {pool: True}


def test_slower_transfers_and_more_losses_warn() -> None:
    samples = course(lambda at, dice: {"ms": 2 + at / 900 + dice.random() / 10})
    assert named(samples) == {"transfer_ms": False}
    samples = course(lambda at, _: {"rexmt": at * at / 40})
    assert named(samples) == {"rexmt": False}


def test_a_stack_that_grows_all_night_warns_and_one_that_was_deep_once_does_not() -> None:
    samples = course(lambda at, _: {"stack_left": 3000 - 100 * int(at / 500)})
    (found,) = alarms(samples)
    assert (found.name, found.fails) == ("stack_left", False)
    assert found.told.startswith("bytes left of a stack: 2900 to 2300, in ")
    assert named(course(lambda at, _: {"stack_left": 3000 - 900 * (at > 1000)})) == {}


def test_a_rise_that_does_not_matter_is_none() -> None:
    assert named(course(lambda at, _: {"sockets": 10 + (at > 1800) * 3})) == {}


def test_a_short_run_tells_nothing() -> None:
    assert named(course(lambda at, _: {"mbufs": 256 + at}, seconds=100)) == {}


def test_a_night_is_kept_in_bounds_and_evenly() -> None:
    samples = course(lambda _at, _dice: {}, seconds=30_000)
    assert len(samples) <= SAMPLES_MAX
    assert samples[-1].at > 29_980
    gaps = {b.at - a.at for a, b in pairwise(samples)}
    assert len(gaps) == 1


@pytest.mark.parametrize(
    ("values", "told"), [([1, 2, 3], 1.0), ([3, 2, 1], -1.0), ([1, 1], 0.0), ([], 0.0), ([5], 0.0)]
)  # fmt: skip
def test_tau(values: list[float], told: float) -> None:
    assert tau(values) == told


# Leaks, as the watch tells them


def beat(n: int, *, mbufs: int = 256, sockets: int = 10) -> str:
    pools = {"mbufs": f"{mbufs}/16384", "clusters": "256/4096", "sockets": f"{sockets}/320"}
    return make_frame("hb", seq=n, up_ms=n * 1000, transfers=n, **pools)


def watched(*events: str | float) -> tuple[Watch, Verdict | None]:
    """Lines a second apart; a number is the end of the traffic."""
    state, verdict = step(Watch(), ev.PowerOn(0.0))
    ready = make_frame("ready", services="wangdoodle:114", up_ms=1)
    for at, event in enumerate((ready, *events), 1):
        told: ev.Event = (
            ev.TrafficEnded(float(at)) if isinstance(event, float) else ev.Line(float(at), event)
        )
        state, verdict = step(state, told)
        if verdict is None:
            state, verdict = step(state, ev.Tick(at + 0.9, 1.0, 1.0))
        if verdict is not None:
            return state, verdict
    return state, None


END = 0.0


def test_pools_that_are_back_pass() -> None:
    _, verdict = watched(beat(1), beat(2, mbufs=700, sockets=14), END, beat(3))
    assert verdict is not None
    assert verdict.outcome is Outcome.PASSED


def test_a_connection_that_takes_its_time_is_waited_for() -> None:
    busy = [beat(n, mbufs=300, sockets=11) for n in range(2, 30)]
    assert watched(beat(1), END, *busy)[1] is None
    _, verdict = watched(beat(1), END, *busy, beat(30))
    assert verdict is not None
    assert verdict.outcome is Outcome.PASSED


def test_buffers_that_no_socket_holds_are_a_leak() -> None:
    _, verdict = watched(beat(1), END, *(beat(n, mbufs=259) for n in range(2, 9)))
    assert verdict is not None
    assert (verdict.cause, verdict.detail) == (
        Cause.LEAK,
        "after the traffic mbufs: 3 more in use than before it",
    )


def test_a_client_whose_reset_the_wire_has_lost_is_waited_for() -> None:
    silent = [beat(n, sockets=11) for n in range(2, 128)]
    assert watched(beat(1), END, *silent)[1] is None, "two minutes are its server's patience"
    _, verdict = watched(beat(1), END, *silent, beat(128))
    assert verdict is not None
    assert verdict.outcome is Outcome.PASSED


def test_sockets_that_never_go_are_one_too() -> None:
    _, verdict = watched(beat(1), END, *(beat(n, sockets=12) for n in range(2, 150)))
    assert verdict is not None
    assert verdict.cause is Cause.LEAK
    assert "sockets: 2 more" in verdict.detail


def test_a_board_that_does_not_tell_its_pools_is_not_blamed() -> None:
    assert sample(1.0, Frame("hb", {"mbufs": "many/16384"})) is None
    _, verdict = watched(make_frame("hb", seq=1, up_ms=1), END, make_frame("hb", seq=2, up_ms=2))
    assert verdict is not None
    assert verdict.outcome is Outcome.PASSED


def test_no_number_of_a_heartbeat_is_too_long_to_be_judged() -> None:
    pools = dict.fromkeys(("mbufs", "clusters", "sockets"), "1/10")
    long = dict.fromkeys(("stack_left", "rexmt", "transfers"), "9" * 400)
    beats = [sample(10.0 * n, Frame("hb", pools | long)) for n in range(40)]
    assert alarms([one for one in beats if one is not None]) == []


@given(st.dictionaries(st.sampled_from(["mbufs", "clusters", "sockets", "rexmt"]), st.text()))
def test_no_heartbeat_is_too_strange(fields: dict[str, str]) -> None:
    told = sample(1.0, Frame("hb", fields))
    assert told is None or told.mbufs >= 0
