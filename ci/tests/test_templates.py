"""The templates for other people's CI: they can be read, and their commands exist."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig import cli

FOLDER = Path(__file__).resolve().parents[1] / "templates"
TEMPLATES = sorted(FOLDER.glob("*.yml"))


def commands(found: Any) -> Iterator[str]:
    """Every text in a document that calls kyu."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from commands(each)
    elif isinstance(found, str):
        yield from (line for line in found.splitlines() if line.startswith("kyu "))


def test_there_are_templates() -> None:
    assert TEMPLATES


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_what_a_template_calls_is_understood(path: Path) -> None:
    called = [*commands(yaml.safe_load(path.read_text(encoding="utf-8")))]
    assert called, "a night calls kyu"
    for command in called:
        words = shlex.split(command)[1:]
        assert cli.run([*words, "--help"]) == 0, command
