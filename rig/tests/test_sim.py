"""kyu sim without a simulator: plans as text, shrinking, telling causes apart."""

from __future__ import annotations

import pytest

from rig.errors import UserError
from rig.sim.diagnose import Observation, ThreadSeen, diagnose
from rig.sim.plan import Plan, parse
from rig.sim.shrink import fewer, shrink, smaller


def cause(**seen: object) -> str:
    finding = diagnose(Observation(**seen))  # type: ignore[arg-type]  # as a test names them
    return finding.cause if finding else ""


def test_a_plan_is_one_line_that_reads_back() -> None:
    for plan in (
        Plan(),
        Plan(seed=7, bug="lost-wakeup", clients=3, loss=0.01, choices="41:s2,77:t30"),
        Plan(noise=600, burst=64, drops="a12,b3", choices="pct:3:3:500:10"),
    ):
        assert parse(str(plan)) == plan
    assert str(Plan(seed=7)) == "seed=7"


@pytest.mark.parametrize("line", ["speed=3", "seed", "seed=seven", "loss=much"])
def test_what_is_no_plan_is_refused_in_one_line(line: str) -> None:
    with pytest.raises(UserError, match="kyu sim replay"):
        parse(line)


def test_shrinking_a_list_keeps_what_is_needed_together() -> None:
    tries = []

    def fails(some: tuple[int, ...]) -> bool:
        tries.append(some)
        return {3, 77} <= set(some)

    assert fewer(range(100), fails) == (3, 77)
    first = list(tries)
    tries.clear()
    assert fewer(range(100), fails) == (3, 77)
    assert tries == first, "deterministic"


def test_what_fails_without_anything_shrinks_to_nothing() -> None:
    assert fewer([1, 2, 3], lambda _: True) == ()
    assert smaller(100, 1, lambda _: True) == 1
    assert smaller(100, 1, lambda n: n >= 30) < 60


def test_a_plan_loses_clients_choices_and_losses_that_do_not_matter() -> None:
    plan = Plan(clients=4, transfers=8, drops="a1,a2,b3", choices="1:s1,2:n1,9:t3")

    def fails(candidate: Plan) -> bool:
        return "2:n1" in candidate.choices and "a2" in candidate.drops

    small = shrink(plan, fails)
    assert small == Plan(choices="2:n1", drops="a2")
    assert shrink(plan, fails) == small


def test_a_quiet_board_gives_no_finding() -> None:
    assert cause() == ""
    assert cause(leaked={"mbufs": 0, "clusters": -1}) == ""


def test_who_sleeps_with_the_lock_is_told_from_who_was_not_woken() -> None:
    sleeper = ThreadSeen("wang-1", "waiting", "semaphore disconnect", "net")
    net = ThreadSeen("net", "waiting", "mutex net", "")
    assert cause(stuck=True, threads=(net, sleeper)) == "sleeps-with-lock"
    sender = ThreadSeen("wang-1", "waiting", "condition send", "")
    assert cause(stuck=True, threads=(sender,), senders_asleep_on_empty=1) == "lost-wakeup"
    assert cause(stuck=True, threads=(sender,)) == "hang", "its buffer is full: it waits rightly"


def test_sockets_in_use_tell_lost_ones_from_kept_ones() -> None:
    lost = {"used": 3, "total": 300, "connections": 3}
    kept = {"used": 300, "total": 300, "connections": 4}
    many = {"used": 300, "total": 300, "connections": 300}
    assert cause(sockets_at_failure=lost) == "sockets-lost"
    assert cause(sockets_at_failure=kept) == "sockets-in-time-wait"
    assert cause(sockets_at_failure=many) == "refused"


def test_each_other_sign_has_its_own_cause() -> None:
    assert cause(hears=False, stuck=True) == "receiver-deaf"
    assert cause(wrong="byte 7") == "foreign-bytes"
    assert cause(checksum_drops=1) == "bad-checksum"
    assert cause(leaked={"clusters": 2}) == "buffers-leaked"
    assert cause(failed="connect: timed out") == "refused"
    assert cause(answers=False) == "mute"
