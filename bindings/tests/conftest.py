"""A fresh world for each test, always with the same seed."""

import pytest

from kyusim.world import World


@pytest.fixture
def world() -> World:
    return World(seed=1)
