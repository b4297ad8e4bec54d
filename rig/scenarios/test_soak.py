"""Short soaks: each mix for as long as a test may take."""

from __future__ import annotations

import pytest

from rig.pytest_plugin import ConsoleView, Wang
from rig.scenarios.mixes import CHUNKS, MIXES
from rig.traffic.request import Request


def test_fifty_transfers_one_after_the_other(wang: Wang) -> None:
    assert len(wang.big(50)) == 50


def test_thirty_two_clients_at_once_are_all_right_to_the_byte(wang: Wang) -> None:
    results = wang.big(32, parallel=32)
    assert sum(result.received for result in results) == 32 * 200_000


@pytest.mark.parametrize("chunk", CHUNKS)
def test_every_chunk_size_works(wang: Wang, chunk: int) -> None:
    """The mission's first bug: 2,048 worked, 8,000 panicked, somewhere between lay a threshold."""
    assert wang.gen(seed=chunk, size=200_000, chunk=chunk).received == 200_000


@pytest.mark.parametrize("size", [1, 1_459, 1_460, 1_461, 65_535, 65_536, 1_000_003])
def test_every_size_works(wang: Wang, size: int) -> None:
    assert wang.gen(seed=size, size=size).received == size


def test_a_client_that_has_closed_its_half_gets_all_its_bytes(wang: Wang) -> None:
    results = wang.run([Request(half_close=True)] * 5)
    assert [result.received for result in results] == [200_000] * 5


@pytest.mark.parametrize("size", [1, 1_460, 200_000, 1_000_003])
def test_what_the_board_is_sent_arrives_exactly(wang: Wang, size: int) -> None:
    requests = [Request("sink", size, seed) for seed in (1, 2)]
    assert [result.received for result in wang.run(requests)] == [size, size]


def test_a_reader_that_closes_its_window_gets_all(wang: Wang) -> None:
    assert wang.run([Request(manner="slow")])[0].received == 200_000


@pytest.mark.parametrize("name", ["abandon", "churn"])
def test_clients_that_go_away_cost_the_board_nothing(
    wang: Wang, console: ConsoleView, name: str
) -> None:
    before = console.ask("mbufs")
    mix = MIXES[name]
    requests = [mix.request(number, 3) for number in range(1, 81)]
    assert len(wang.run(requests, parallel=mix.parallel)) == 80
    assert wang.big()[0].received == 200_000
    assert in_use(console.ask("mbufs")) == in_use(before)


def in_use(lines: list[str]) -> list[str]:
    """Pool and what is used of it, of each line of `mbufs`."""
    return [" ".join(line.split()[:2]) for line in lines]


def test_the_mixed_load_passes(wang: Wang) -> None:
    mix = MIXES["mixed"]
    requests = [mix.request(number, 1) for number in range(1, 41)]
    assert len(wang.run(requests, parallel=mix.parallel)) == 40
