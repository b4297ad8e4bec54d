"""What the scenarios do not say: sizes at the edges, and that nothing is left behind."""

from __future__ import annotations

import pytest

from rig.pytest_plugin import ConsoleView, Wang
from rig.scenarios.mixes import MIXES


def test_thirty_two_clients_at_once_are_all_right_to_the_byte(wang: Wang) -> None:
    results = wang.big(32, parallel=32)
    assert sum(result.received for result in results) == 32 * 200_000


@pytest.mark.parametrize("size", [1, 1_459, 1_460, 1_461, 65_535, 65_536, 1_000_003])
def test_every_size_works(wang: Wang, size: int) -> None:
    assert wang.gen(seed=size, size=size).received == size


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
