"""The table of hostile cases, and what is told of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rig.hostile.table import CASES
from rig.scenarios.fast_clock import hurried

TOLD = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
ROW = re.compile(r"^\| ([\d, ]+): [^|]+ \| ([^|]+) \|$", re.M)


def test_the_docs_tell_what_is_not_played_on_the_board_and_why() -> None:
    told = {(int(number), why) for numbers, why in ROW.findall(TOLD)
            for number in numbers.split(", ")}  # fmt: skip
    true = {(case.number, shot.off_wire) for case in CASES for shot in case.shots}
    true |= {(case.number, story.off_wire) for case in CASES for story in case.stories}
    assert told == {(number, why) for number, why in true if why}


def test_a_fast_clock_is_the_image_but_for_what_reads_the_rate(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"before" + bytes.fromhex("1eee104f") + b"after")
    made = hurried(image, tmp_path / "made").read_bytes()
    # mov.w r4, #0x98000
    assert made == b"before" + bytes.fromhex("4ff41824") + b"after"


def test_an_image_that_reads_no_rate_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="does not read CNTFRQ"):
        hurried(image, tmp_path / "made")
