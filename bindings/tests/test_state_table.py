"""RFC 9293 section 3.10.7: the golden file is what the RFC's rules say, and the stack does it."""

import pytest

from rig.hostile import rfc9293 as rfc
from rig.hostile import state_table
from rig.hostile.sim_stage import SimStage


def test_the_golden_file_is_what_the_rules_say() -> None:
    assert state_table.GOLDEN.read_text(encoding="utf-8") == rfc.golden()


def test_there_are_704_cases_and_64_more() -> None:
    assert len(list(rfc.cases())) == 704 + 64


def test_each_departure_is_justified() -> None:
    manual = (state_table.GOLDEN.parents[2] / "docs/conformance.md").read_text(encoding="utf-8")
    for state, segment in rfc.cases():
        departure = rfc.expected(state, segment).departure
        assert f"**{departure}**" in manual or not departure, departure


@pytest.mark.parametrize("state", [*rfc.STATES, rfc.SYN_RECEIVED_ACTIVE])
def test_every_mixture_of_flags_does_what_the_table_says(state: str) -> None:
    stage = SimStage()
    wrong = []
    for bits in range(64):
        segment = rfc.Segment(bits)
        outcome = rfc.expected(state, segment)
        wanted = f"{outcome.answer} | {outcome.state} | {outcome.user}"
        stage.run_for(1_100_000 if bits % 16 == 0 else 1_000)  # challenges are limited
        got = state_table.played(stage, state, segment)
        if got != wanted:
            wrong.append(f"{state} {segment}: {wanted}\n    but: {got}")
    assert not wrong, "\n".join(wrong)
    stage.finish()
