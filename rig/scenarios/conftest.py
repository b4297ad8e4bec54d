"""The scenarios work from a bare checkout too, where the plugin is not installed as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rig import pytest_plugin
from rig.assembly import BoardChoice
from rig.board import image as images
from rig.errors import UserError
from rig.pytest_plugin import Keeper


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    del parser  # the plugin adds its own options as soon as it is registered
    if not pluginmanager.is_registered(pytest_plugin):
        pluginmanager.register(pytest_plugin, "kyu")


@pytest.fixture(scope="module")
def defects_choice(boards: Keeper) -> Iterator[BoardChoice]:
    """A board with the image that failures can be planted in; off again afterwards."""
    try:
        image = images.find(None, images.DEFECTS)
    except UserError as error:
        pytest.exit(f"kyu: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
    yield replace(boards.choice, image=image)
    boards.off()
