"""Small parts: clock, boot arguments, statistics, journal, mixes, pattern."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig import journal, options
from rig.board import bootargs
from rig.board.protocol import HostLoad
from rig.board.qemu import last_words
from rig.clock import Sample, tick_between
from rig.console import events as ev
from rig.console.crash import Wait, find_cycle
from rig.console.symbols import same_function
from rig.errors import UserError
from rig.report.statistics import failure_rate_lower, failure_rate_upper, percentile
from rig.scenarios.mixes import MIXES
from rig.tests.fake import BIG
from rig.traffic.pattern import hex_context
from rig.traffic.request import Request, Result
from rig.verdict import Cause


def sample(at: float, delayed: float = 0.0, *, stopped: bool = False) -> Sample:
    return Sample(at, HostLoad(delayed, stopped))


def test_a_punctual_tick_is_all_observed() -> None:
    assert tick_between(sample(1.0), sample(1.1)).observed == pytest.approx(0.1)


def test_a_late_tick_counts_for_half_a_second_at_most() -> None:
    tick = tick_between(sample(1.0), sample(31.0))
    assert (tick.wall, tick.observed) == (30.0, 0.5)


def test_time_that_the_host_kept_from_the_emulator_is_not_observed() -> None:
    assert tick_between(sample(1.0), sample(1.1, 0.08)).observed == pytest.approx(0.02)
    assert tick_between(sample(1.0), sample(1.1, stopped=True)).observed == 0.0


def test_the_boot_page_is_magic_text_and_a_nul() -> None:
    page = bootargs.page(
        bootargs.merge({"ip": "192.168.0.73/24", "seed": "1"}, "seed=7 defect=abba")
    )
    assert page.startswith(b"KYUARGS1 ip=192.168.0.73/24 seed=7 defect=abba\0")
    assert len(page) == 4096


@pytest.mark.parametrize("text", ["defect", "=x", "ip=ä", "x=" + "y" * 5000])
def test_wrong_boot_arguments_are_the_users_to_mend(text: str) -> None:
    with pytest.raises(UserError, match="--bootargs"):
        bootargs.page(bootargs.merge({}, text))


@pytest.mark.parametrize(
    ("failures", "attempts", "bound"),
    [
        (0, 5000, 1 - 0.05 ** (1 / 5000)),
        (1, 20, 0.216106),
        (3, 100, 0.075712),
        (2, 2, 1.0),
        (0, 0, 1.0),
    ],
)
def test_the_bound_is_that_of_clopper_and_pearson(
    failures: int, attempts: int, bound: float
) -> None:
    assert failure_rate_upper(failures, attempts) == pytest.approx(bound, rel=1e-4)


@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 20, 75])
def test_at_its_bounds_a_rate_would_show_so_much_as_rarely_as_is_said(attempts: int) -> None:
    """The binomial sum itself, in whole numbers."""

    def at_most(failures: int, rate: float) -> Fraction:
        p = Fraction(rate)
        terms = (
            p**k * (1 - p) ** (attempts - k) * math.comb(attempts, k) for k in range(failures + 1)
        )
        return sum(terms, Fraction())

    for failures in range(attempts):
        upper = failure_rate_upper(failures, attempts, 0.975)
        assert float(at_most(failures, upper)) == pytest.approx(0.025, rel=1e-12)
        lower = failure_rate_lower(failures + 1, attempts, 0.975)
        assert float(1 - at_most(failures, lower)) == pytest.approx(0.025, rel=1e-12)


def test_bounds_keep_their_digits_where_failures_are_rare_and_transfers_many() -> None:
    """With n transfers the bounds are those of Poisson's distribution (Garwood, 1936) over n."""
    many = 10**9
    assert failure_rate_lower(1, many) * many == pytest.approx(0.0512932944, rel=1e-8)
    assert failure_rate_upper(1, many) * many == pytest.approx(4.7438645184, rel=1e-8)
    assert failure_rate_upper(3, many) * many == pytest.approx(7.7536565279, rel=1e-8)
    assert 1 - failure_rate_lower(many - 1, many) == pytest.approx(4.7438645184e-9, rel=1e-6)
    wide = 1.6448536270 / (2 * math.sqrt(many))  # half of them: Gauss's distribution
    assert failure_rate_upper(many // 2, many) - 0.5 == pytest.approx(wide, rel=1e-4)


@pytest.mark.parametrize(
    ("failures", "attempts"), [(1, 100_000), (3, 300_000), (500_000, 1_000_000), (999_997, 10**6)]
)
def test_whoever_looks_at_many_nights_does_not_wait_for_their_bounds(
    failures: int, attempts: int
) -> None:
    steps = 0

    def count(_: object, event: str, __: object) -> Any:
        nonlocal steps
        steps += event == "line"
        assert steps < 200_000, "some thousand terms, a few times over"
        return count

    sys.settrace(count)
    try:
        lower = failure_rate_lower(failures, attempts)
        upper = failure_rate_upper(failures, attempts)
    finally:
        sys.settrace(None)
    assert lower < failures / attempts < upper


@given(st.integers(0, 50), st.integers(1, 5000))
def test_the_bound_lies_above_what_was_seen(failures: int, more: int) -> None:
    attempts = failures + more
    bound = failure_rate_upper(failures, attempts)
    assert failures / attempts < bound <= 1.0
    assert not math.isnan(bound)


def test_percentiles_are_nearest_rank() -> None:
    times = [float(n) for n in range(1, 101)]
    assert (percentile(times, 0.5), percentile(times, 0.99), percentile([], 0.5)) == (50, 99, 0)


def test_a_torn_journal_is_readable_and_can_be_continued(tmp_path: Path) -> None:
    folder = journal.RunFolder(tmp_path)
    for number in (1, 2, 3):
        folder.transfer(Result(number, 0.5, 7.5, 200_000))
    folder.close()
    whole = (tmp_path / journal.TRANSFERS).read_bytes()
    for cut in range(len(whole)):
        (tmp_path / journal.TRANSFERS).write_bytes(whole[:cut])
        found = [line.n for line in journal.read_transfers(tmp_path)]
        assert (
            found == [1, 2, 3][: whole[: cut + 1].count(b"}")] or found == [1, 2, 3][: len(found)]
        )
    (tmp_path / journal.TRANSFERS).write_bytes(whole[:-9])
    folder = journal.RunFolder(tmp_path, resume=True)
    folder.transfer(Result(4, 0.5, 7.5, 12, Cause.TRUNCATED, "closed early"))
    folder.close()
    lines = list(journal.read_transfers(tmp_path))
    assert [(line.n, line.ok) for line in lines] == [(1, True), (2, True), (4, False)]


def test_ticks_are_gathered_until_something_happens(tmp_path: Path) -> None:
    folder = journal.RunFolder(tmp_path)
    for _ in range(10):
        folder.event(ev.Tick(1.0, 0.1, 0.1))
    folder.event(ev.Line(1.0, "hello"))
    folder.close()
    tick, line = journal.read_events(tmp_path)
    assert isinstance(tick, ev.Tick)
    assert tick.observed == pytest.approx(1.0)
    assert line == ev.Line(1.0, "hello")


def test_a_taken_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(UserError, match="not empty"):
        journal.RunFolder(tmp_path)


@pytest.mark.parametrize("name", MIXES)
def test_a_mix_depends_on_number_and_seed_alone(name: str) -> None:
    mix = MIXES[name]
    first = [mix.request(number, 7) for number in range(1, 30)]
    assert first == [mix.request(number, 7) for number in range(1, 30)]


def test_a_plan_of_two_scenarios_runs_one_after_the_other() -> None:
    plan = options.plan(options.SoakOptions(("soak", "half-close"), transfers=5))
    assert plan.transfers == 10
    asked = [str(plan.request(n)) for n in (1, 5, 6, 10, 11)]
    assert asked == ["soak", "soak", "half-close", "half-close", "half-close"]


def test_the_commands_are_those_of_wangdoodle() -> None:
    assert Request().command == b"big\n"
    assert Request("gen", 200_000, 7, 8000).command == b"gen 7 200000 8000\nq\n"
    assert Request("gen", 5, 7).command == b"gen 7 5\nq\n"


def test_the_big_pattern_begins_and_ends_as_the_mission_says() -> None:
    assert len(BIG) == 200_000
    assert BIG.startswith(b"ST001ST001")
    assert BIG[2000:2005] == b"PK001"
    assert BIG.endswith(b"EN004EN004")
    assert BIG[-2005:-2000] == b"PK392"


def test_the_wrong_byte_is_shown_in_brackets() -> None:
    assert hex_context(b"abcdef", 2, 1) == "62 [63] 64"
    assert hex_context(b"abcdef", 0, 1) == "[61] 62"


def test_a_ring_of_waits_is_found() -> None:
    a, b, c = Wait("t1", "b", "t2"), Wait("t2", "a", "t1"), Wait("t3", "a", "t1")
    assert find_cycle((c, a, b)) == (a, b)
    assert find_cycle((c,)) == ()


def test_function_names_are_compared_without_their_namespaces() -> None:
    assert same_function("tcp_output", "kyu::net::tcp_output(LockedNet&, Tcpcb&)")
    assert not same_function("tcp_output", "kyu::net::tcp_input")


def test_qemus_last_words_are_short() -> None:
    said = "warning: x\nqemu-system-arm: -nic user,a=b: Could not set up rule 'tcp:1:2'\n"
    assert last_words(said) == "Could not set up rule 'tcp:1:2'"
    assert last_words("") == ""
