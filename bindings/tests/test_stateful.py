"""Arbitrary interleavings of socket calls, faults and hostile segments, on several connections.

Rules     Hypothesis chooses the acts of a siege (rig/sim/siege.py tells what must hold), one after
          the other. A failure is a plan then, and shrinks as plans do (rig/sim/shrink.py).
Replay    What has failed is told with the line that plays it again without Hypothesis, to the
          event: `kyu sim replay 'seed=… acts=…'`.
"""

from __future__ import annotations

import shlex

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kyusim.world import ms, s
from rig import cli
from rig.sim import find, trial
from rig.sim.acts import Act
from rig.sim.diagnose import EXPECTED, Finding
from rig.sim.plan import Plan
from rig.sim.siege import FRAMES_KEPT, Siege

TALKS_MAX, FETCHES_MAX = 6, 2

wires = st.fixed_dictionaries(
    {
        "delay_us": st.sampled_from([50, 1_000, 40_000]),
        "jitter_us": st.sampled_from([0, 300]),
        "loss": st.sampled_from([0.0, 0.01, 0.1]),
        "duplicate": st.sampled_from([0.0, 0.05]),
        "reorder": st.sampled_from([0.0, 0.05]),
        "corrupt": st.sampled_from([0.0, 0.02]),
        "truncate": st.sampled_from([0.0, 0.01]),
    }
)
sizes = st.one_of(st.integers(1, 100), st.integers(1_000, 5_000), st.integers(50_000, 120_000))
calls = st.lists(
    st.one_of(
        sizes.map("s{}".format),
        st.integers(1, 5_000).map("r{}".format),
        st.integers(0, 3_000_000).map("z{}".format),
    ),
    min_size=1,
    max_size=5,
)
endings = st.sampled_from(["all", "close", "abort"])
boards = st.integers(0, 1)
frames = st.integers(0, FRAMES_KEPT - 1)
deltas = st.sampled_from([0, 1, -1, 1_460, -1_460, 100_000, 1 << 30, 1 << 31])


class Found(AssertionError):  # noqa: N818  reads well where it is raised
    """What was found, and how to see it again."""

    def __init__(self, plan: Plan, finding: Finding) -> None:
        super().__init__(f"{finding.cause}: {finding.detail}\n    kyu sim replay '{plan}'")
        self.plan = plan
        self.finding = finding


class Boards(RuleBasedStateMachine):
    """Each rule is an act."""

    bug = ""  # of the mission, that both boards have

    @initialize(seed=st.integers(1, 1 << 16), wire=wires)
    def build(self, seed: int, wire: dict[str, float]) -> None:
        self.plan = Plan(seed=seed, bug=self.bug, **wire)  # type: ignore[arg-type]  # by name
        self.acts: list[Act] = []
        self.siege = Siege(self.plan)

    def act(self, kind: str, number: int, *arguments: object) -> None:
        act = Act(kind, number, tuple(map(str, arguments)))
        self.acts.append(act)
        self.siege.do(act)
        self.check()

    def check(self) -> None:
        if self.siege.finding is not None:
            raise Found(self.plan.with_acts(tuple(self.acts)), self.siege.finding)

    def acts_of(self, kind: str) -> int:
        return sum(act.kind == kind for act in self.acts)

    # ---- Calls and time ----------------------------------------------------------------------

    @precondition(lambda self: self.acts_of("talk") < TALKS_MAX)
    @rule(which=boards, wanted=calls, ending=endings)
    def talk(self, which: int, wanted: list[str], ending: str) -> None:
        self.act("talk", which, ".".join([*wanted, ending]))

    @precondition(lambda self: self.acts_of("big") < FETCHES_MAX)
    @rule(which=boards)
    def fetch_big(self, which: int) -> None:
        self.act("big", which)

    @rule(duration=st.sampled_from([0, 100, 5 * ms, 200 * ms, 3 * s, 70 * s]))
    def let_time_pass(self, duration: int) -> None:
        self.act("wait", duration)

    # ---- Hostile frames ----------------------------------------------------------------------

    @precondition(lambda self: self.siege.sees_frames)
    @rule(index=frames)
    def repeat_an_old_frame(self, index: int) -> None:
        self.act("again", index)

    @precondition(lambda self: self.siege.sees_frames)
    @rule(index=frames, kind=st.sampled_from(["rst", "rstack", "syn"]), by=deltas)
    def forge_a_reset_or_syn(self, index: int, kind: str, by: int) -> None:
        self.act(kind, index, by)

    @precondition(lambda self: self.siege.sees_frames)
    @rule(index=frames, size=st.integers(0, 1_400))
    def forge_what_lies_outside_of_every_window(self, index: int, size: int) -> None:
        self.act("far", index, size)

    @precondition(lambda self: self.siege.sees_frames)
    @rule(index=frames, at=st.integers(0, 1_513), bits=st.integers(1, 255))
    def send_a_damaged_frame(self, index: int, at: int, bits: int) -> None:
        self.act("spoil", index, at, bits)

    @precondition(lambda self: self.siege.sees_frames)
    @rule(index=frames, code=st.integers(0, 15), mtu=st.sampled_from([0, 68, 600, 1_500, 65_535]))
    def forge_an_icmp_error(self, index: int, code: int, mtu: int) -> None:
        self.act("error", index, code, mtu)

    @rule(which=boards, noise=st.binary(max_size=200))
    def send_noise(self, which: int, noise: bytes) -> None:
        self.act("noise", which, noise.hex())

    # ---- The end -----------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "siege") and self.siege.finding is None:
            self.siege.finish()
            self.check()


BOUNDED = settings(
    max_examples=60,
    stateful_step_count=25,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    derandomize=True,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


def play(machine: type[Boards]) -> None:
    """Found: something is wrong, and this is the smallest plan that shows it."""
    try:
        return run_state_machine_as_test(machine, settings=BOUNDED)
    except Found as as_drawn:
        found = as_drawn
    failed = trial.run(found.plan)
    assert failed.finding == found.finding, f"{found} shows {failed.finding} without Hypothesis"
    small = find.smallest(failed)
    assert small.finding is not None
    raise Found(small.plan, small.finding)


def test_whatever_the_order_streams_are_whole_and_nothing_is_left() -> None:
    play(Boards)


@pytest.mark.parametrize("bug", ["close-deadlock", "shared-buffer"])
def test_what_is_planted_is_found_made_small_and_replayed(
    bug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Found) as caught:
        play(type("Planted", (Boards,), {"bug": bug}))
    told, line = str(caught.value).splitlines()
    assert told.startswith(EXPECTED[bug])
    assert len(caught.value.plan.act_list()) <= 3, "it is small"
    assert cli.run(shlex.split(line)[1:]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == told, "the same failure"
