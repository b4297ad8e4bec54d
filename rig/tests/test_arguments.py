"""Numbers and files on the command line: what cannot be is told before the work, not after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.cli import run as kyu

SOAK = ["sim", "soak", "--transfers", "3", "--processes", "1", "--seed", "5"]


@pytest.mark.parametrize(
    "words",
    [
        SOAK,
        ["sim", "find", "--all"],
        ["bench", "kernel"],
        ["bench", "network"],
        ["bench", "rig"],
        ["packetdrill", "--scripts", "."],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_table_that_could_not_be_written_is_told_first(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere"
    assert kyu([*words, "--json", str(nowhere / "table")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"'--json': '{nowhere}' is no folder that can be written to" in told.err
    assert told.err.count("\n") == 1


def test_what_a_full_disk_does_not_take_was_printed_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert kyu([*SOAK, "--json", "/dev/full"]) == 2
    told = capsys.readouterr()
    assert told.out.startswith("3 transfers byte-exact in ")
    *_, last = told.err.splitlines()
    assert last == "kyu: /dev/full: cannot write it: No space left on device"


def test_the_table_says_what_was_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "table"
    assert kyu([*SOAK, "--json", str(file)]) == 0
    table = json.loads(file.read_text())
    assert table["seed"] == 5
    assert [world["done"] for world in table["worlds"]] == [3]
    assert capsys.readouterr().out.startswith("3 transfers byte-exact")


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize(
    "words",
    [
        ["sim", "explore", "--seconds"],
        ["sim", "find", "--all", "--seconds"],
        ["packetdrill", "--scripts", ".", "--at-least"],
        ["soak", "--hours"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_is_no_number_to_count_with_is_refused(
    words: list[str], number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kyu([*words, number]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{words[-1]}': " in line
