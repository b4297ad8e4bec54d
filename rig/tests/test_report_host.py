"""What a report tells of the host and of the harm on the wire, second by second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rig.report import page
from rig.report.material import load

WORDS = ("How busy the host was", "What the wire spoiled")


def seconds(count: int, **more: Any) -> list[str]:
    return [json.dumps({"at": 1000.0 + n, "load1": 1.0, "busy": 0.5, **more}) for n in range(count)]


def told(folder: Path, lines: list[str]) -> str:
    (folder / "transfers.jsonl").touch()
    (folder / "host.jsonl").write_text("\n".join(lines) + "\n")
    return page.render(load(folder))


def test_a_starved_host_is_seen_in_the_report(tmp_path: Path) -> None:
    said = told(tmp_path, [*seconds(300, waited=0.1), *seconds(7, waited=0.95)])
    assert "Starved in 7 of 307 seconds" in said
    assert WORDS[0] in said
    assert WORDS[1] not in said


def test_frames_that_were_spoiled_are_plotted_over_the_run(tmp_path: Path) -> None:
    lines = [json.dumps({"at": 1000.0 + n, "harmed": 5 * n}) for n in range(500)]
    said = told(tmp_path, lines)
    assert all(words in said for words in WORDS)


@pytest.mark.parametrize(
    "lines",
    [
        ["{", '{"at": 1, "busy": 7}', '{"at": "<script>"}', "\x1b[31m"],
        seconds(1),
        ['{"at": 5}', '{"at": 3, "harmed": 2}', '{"at": 5, "harmed": 1}', '{"at": 1e14}'],
    ],
)
def test_lines_that_are_damaged_or_few_break_no_report(tmp_path: Path, lines: list[str]) -> None:
    said = told(tmp_path, lines)
    assert "<script>" not in said
    assert "\x1b" not in said
