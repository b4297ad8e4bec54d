"""The scenarios work from a bare checkout too, where the plugin is not installed as one."""

from __future__ import annotations

import pytest

from rig import pytest_plugin


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    del parser  # the plugin adds its own options as soon as it is registered
    if not pluginmanager.is_registered(pytest_plugin):
        pluginmanager.register(pytest_plugin, "kyu")
