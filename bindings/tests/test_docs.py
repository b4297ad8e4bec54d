"""What docs/simulator.md shows is what happens."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

import kyusim
from rig import cli

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_session_in_the_manual_runs_as_printed() -> None:
    outcome = doctest.testfile(str(DOCS / "simulator.md"), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 50
    assert outcome.failed == 0


def test_the_commands_in_the_manual_print_what_it_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Blocks marked `console`: `$ .venv/bin/kyu …`, and what it writes to standard output."""
    manual = (DOCS / "simulator.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^```console\n\$ \.venv/bin/kyu (.*)\n((?s:.*?))^```$", manual, re.MULTILINE
    )
    for command, shown in blocks:
        cli.run(shlex.split(command))
        printed = capsys.readouterr().out
        as_shown = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
        assert as_shown, f"{command}\n--- printed:\n{printed}--- shown:\n{shown}"
    assert len(blocks) == 6


def test_the_manual_lists_every_marked_point() -> None:
    manual = (DOCS / "simulator.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \|$", manual.split("| marked point in |")[1], re.MULTILINE)
    sources = (DOCS.parent / "firmware/net").rglob("*.cpp")
    marked = sum(source.read_text("utf-8").count("port::marked_point();") for source in sources)
    assert marked == len(rows) >= 5


def test_the_example_of_the_package_runs_as_printed() -> None:
    outcome = doctest.testmod(kyusim)
    assert outcome.attempted > 0
    assert outcome.failed == 0
