"""The wire of a plan, as `kyusim` takes it, and what a run made of it, as the plan takes it.

Rules     a run with the faults that another one recorded is that run: same hash.
"""

from __future__ import annotations

from kyusim import Fate, FatePlan, Fates, World
from kyusim.world import Host
from rig.sim.faults import Fault
from rig.sim.plan import Plan

TOWARDS_BOARD, TOWARDS_CLIENT = "a", "b"


def fates_of(plan: Plan, towards: str) -> Fates:
    """Of the frames in one direction."""
    if plan.fates:
        mine = {f.number: f for f in plan.fault_list() if f.towards == towards}
        plain = Fate(delay_us=plan.delay_us)
        fates = [plain] * (max(mine, default=-1) + 1)
        for number, fault in mine.items():
            fates[number] = _fate(fault, plan)
        return Fates.given(fates, _quiet(plan))
    return Fates.from_seed(weather(plan), plan.seed * 2 + (towards == TOWARDS_BOARD))


def faults_of(world: World, plan: Plan, board: Host, client: Host) -> tuple[Fault, ...]:
    """What the wire between the two has done so far, fault by fault."""
    return tuple(
        _fault(towards, number, fate, plan)
        for towards, host in ((TOWARDS_BOARD, board), (TOWARDS_CLIENT, client))
        for number, fate in world.departures(host)
    )


def _quiet(plan: Plan) -> FatePlan:
    return FatePlan(delay_us=plan.delay_us, rate_bytes_per_s=plan.rate_bytes_per_s)


def _fate(fault: Fault, plan: Plan) -> Fate:
    return Fate(
        drop=fault.drop,
        delay_us=plan.delay_us + fault.late_us,
        corrupt_bit=fault.bit,
        truncate_to=fault.cut,
        duplicate=fault.dup_us >= 0,
        duplicate_delay_us=plan.delay_us + fault.dup_us if fault.dup_us >= 0 else 0,
    )


def _fault(towards: str, number: int, fate: Fate, plan: Plan) -> Fault:
    if fate.drop:  # what else was drawn for it does not matter
        return Fault(towards, number, drop=True)
    return Fault(
        towards,
        number,
        late_us=fate.delay_us - plan.delay_us,
        bit=fate.corrupt_bit,
        cut=fate.truncate_to,
        dup_us=fate.duplicate_delay_us - plan.delay_us if fate.duplicate else -1,
    )


def weather(plan: Plan) -> FatePlan:
    """What the plan says of the wire, to be drawn from a seed."""
    return FatePlan(
        delay_us=plan.delay_us,
        rate_bytes_per_s=plan.rate_bytes_per_s,
        jitter_us=plan.jitter_us,
        loss=plan.loss,
        burst_start=plan.burst_start,
        burst_end=plan.burst_end,
        duplicate=plan.duplicate,
        reorder=plan.reorder,
        corrupt=plan.corrupt,
        truncate=plan.truncate,
        flaps=plan.flap_list(),
    )
