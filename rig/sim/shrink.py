"""A failing plan made small: fewer faults of the wire, fewer pre-emptions, fewer bytes.

Rules     deterministic: the same plan and the same `fails` give the same result. What comes back
          fails for the same cause as what went in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from rig.sim.plan import Plan

Item = TypeVar("Item")


def fewer(items: Sequence[Item], fails: Callable[[tuple[Item, ...]], bool]) -> tuple[Item, ...]:
    """Delta debugging: leaves out pieces, halving them down to single items."""
    left = tuple(items)
    if not left or fails(()):
        return ()
    piece = max(len(left) // 2, 1)
    while True:
        shorter, at = False, 0
        while at < len(left):
            rest = left[:at] + left[at + piece :]
            if len(rest) < len(left) and fails(rest):
                left, shorter = rest, True
            else:
                at += piece
        if piece == 1 and not shorter:
            return left
        if not shorter or piece > len(left):
            piece = max(piece // 2, 1)


def smaller(number: int, least: int, fails: Callable[[int], bool]) -> int:
    """A small number that still fails, halving the distance to `least`."""
    while number > least:
        half = least + (number - least) // 2
        if not fails(half):
            return number
        number = half
    return number


def shrink(plan: Plan, fails: Callable[[Plan], bool], seconds: float = 30.0) -> Plan:
    """The smallest plan found within `seconds` for which `fails` holds, as it does for `plan`.

    Its choices and its faults must be lists already. The time limit makes the result depend on
    the machine; a limit that is not reached does not.
    """
    end = time.monotonic() + seconds

    def still(candidate: Plan) -> bool:
        return time.monotonic() < end and fails(candidate)

    assert plan.recorded
    if plan.acts:
        return _fewer_acts(plan, still)
    plan = _fewer_faults(plan, still)
    plan = _less_work(plan, still)
    plan = plan.with_choices(fewer(plan.choice_list(), lambda some: still(plan.with_choices(some))))
    # With a simpler schedule less of the rest is needed.
    return _less_work(_fewer_faults(plan, still), still)


def _fewer_acts(plan: Plan, still: Callable[[Plan], bool]) -> Plan:
    """And of the talks that are left, fewer calls."""
    plan = plan.with_acts(fewer(plan.act_list(), lambda some: still(plan.with_acts(some))))
    for n, act in enumerate(plan.act_list()):
        if act.kind == "talk":
            plan = _fewer_calls(plan, n, still)
    return plan


def _fewer_calls(plan: Plan, talk: int, still: Callable[[Plan], bool]) -> Plan:
    acts = plan.act_list()
    *calls, ending = acts[talk].calls

    def with_calls(some: tuple[str, ...]) -> Plan:
        act = replace(acts[talk], arguments=(".".join([*some, ending]),))
        return plan.with_acts((*acts[:talk], act, *acts[talk + 1 :]))

    return with_calls(fewer(calls, lambda some: still(with_calls(some))))


def _fewer_faults(plan: Plan, still: Callable[[Plan], bool]) -> Plan:
    plan = plan.with_faults(fewer(plan.fault_list(), lambda some: still(plan.with_faults(some))))
    if plan.rate_bytes_per_s and still(plan.without("rate_bytes_per_s")):
        plan = plan.without("rate_bytes_per_s")
    return plan


def _less_work(plan: Plan, still: Callable[[Plan], bool]) -> Plan:
    for name in ("transfers", "clients", "noise", "burst", "size"):
        if name == "size" and plan.chunk == 0:
            continue
        number = getattr(plan, name)
        least = 1 if number else 0
        plan = _with(plan, name, smaller(number, least, _still_with(plan, name, still)))
    return plan


def _with(plan: Plan, name: str, number: int) -> Plan:
    changes: dict[str, Any] = {name: number}
    return replace(plan, **changes)


def _still_with(plan: Plan, name: str, still: Callable[[Plan], bool]) -> Callable[[int], bool]:
    return lambda number: still(_with(plan, name, number))
