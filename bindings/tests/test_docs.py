"""What docs/simulator.md shows is what happens."""

import doctest
from pathlib import Path

import kyusim

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_session_in_the_manual_runs_as_printed() -> None:
    outcome = doctest.testfile(str(DOCS / "simulator.md"), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 50
    assert outcome.failed == 0


def test_the_example_of_the_package_runs_as_printed() -> None:
    outcome = doctest.testmod(kyusim)
    assert outcome.attempted > 0
    assert outcome.failed == 0
