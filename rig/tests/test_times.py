"""Transfer times of a long night: true to three digits, and no larger in the morning."""

from __future__ import annotations

import random
import threading
import tracemalloc

import pytest

from rig.report.statistics import percentile
from rig.report.times import RECENT, Times


def filled(values: list[float]) -> Times:
    times = Times()
    for ms in values:
        times.add(ms)
    return times


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.5, 0.9, 0.99, 1.0])
def test_percentiles_are_those_of_the_list_to_three_digits(fraction: float) -> None:
    dice = random.Random(7)
    values = [dice.lognormvariate(1.0, 2.0) for _ in range(5000)]
    wanted = percentile(sorted(values), fraction)
    assert filled(values).percentile(fraction) == pytest.approx(wanted, rel=2e-3, abs=1e-3)


def test_the_slowest_of_a_few_counts_as_it_does_in_the_journal() -> None:
    """99 of 100 of 51 are more than 50: it is the 51st, not the nearest whole number."""
    assert filled([1.0] * 50 + [1000.0]).percentile(0.99) == pytest.approx(1000.0, rel=1e-3)


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.07, 0.29, 0.5, 0.57, 0.9, 0.99, 0.999, 1.0])
def test_a_percentile_is_the_one_of_that_rank_however_many_there_are(fraction: float) -> None:
    """Whole microseconds up to 2 ms, each of which the histogram keeps as it is."""
    times, values = Times(), [n / 1000 for n in range(1, 2000)]
    for count, ms in enumerate(values, 1):
        times.add(ms)
        if count < 130 or count % 100 == 0:
            whole = -(-round(fraction * 1000) * count // 1000)
            expected = values[max(0, whole - 1)]
            assert times.percentile(fraction) == expected
            assert percentile(values[:count], fraction) == expected


def test_the_longest_and_the_sum_are_exact() -> None:
    times = filled([1.2345, 9_000_000.5, 0.0])
    assert (times.count, times.longest) == (3, 9_000_000.5)
    assert times.total == pytest.approx(9_000_001.7345)
    assert times.percentile(1.0) <= times.longest


def test_no_transfer_has_no_time() -> None:
    assert (Times().percentile(0.5), Times().last(5), Times().up_to([1.0])) == (0.0, [], [0, 0])


def test_the_last_ones_are_as_they_came_and_so_many() -> None:
    times = filled([float(n) for n in range(RECENT + 10)])
    assert times.last(3) == [RECENT + 7, RECENT + 8, RECENT + 9]
    assert len(times.last(RECENT + 10)) == RECENT
    assert times.last(0) == []


def test_counts_up_to_each_edge() -> None:
    assert filled([1.0, 2.0, 2.5, 700.0, 900_000.0]).up_to([1, 2.5, 1000]) == [1, 3, 4, 5]


def test_whoever_reads_while_transfers_end_gets_an_answer() -> None:
    times = filled([2.0 + n % 900 for n in range(2000)])
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            times.add(3.0)

    adding = threading.Thread(target=go_on)
    adding.start()
    try:
        for _ in range(10):
            first, last = times.count, times.up_to([1.0])[-1]
            assert first <= last <= times.count
            assert times.percentile(0.5) > 0
            assert len(times.last(RECENT)) <= RECENT
    finally:
        over.set()
        adding.join()


def test_a_night_takes_no_more_room_than_an_hour() -> None:
    times = filled([2.0 + n % 9 for n in range(2 * RECENT)])
    tracemalloc.start()
    try:
        for n in range(20 * RECENT):
            times.add(2.0 + n % 9)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The last ones, which were there before it was counted, have been made anew.
    assert grown < 100 * RECENT
