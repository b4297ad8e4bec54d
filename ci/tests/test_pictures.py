"""The pictures of the docs: small, of what is really there, and naming no other machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ci import pictures
from rig.report.material import load

DOCS = Path(__file__).parents[2] / pictures.PICTURES


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Ten seconds of a soak, a hundred transfers a second."""
    lines = [
        {"n": n + 1, "start": n / 100, "ms": 2.5, "bytes": 200_000, "ok": True} for n in range(1000)
    ]
    (tmp_path / "transfers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    (tmp_path / "console.log").write_text("@kyu boot v=1 *0000\r\nhello <b>\r\nKyu, ready> \r\n")
    return tmp_path


def test_the_terminal_shows_rate_and_time_left_of_the_run_itself(run: Path) -> None:
    svg = pictures.terminal(run, load(run))
    words = re.sub(r"<[^>]*>", " ", svg).replace("&#160;", " ")
    assert "100.0/s, 20.0 MB/s, p50 2.5 ms" in words
    assert "500/60,000" in words
    assert "left 0:09:" in words
    assert "hello &lt;b&gt;" in words
    assert len(svg) < pictures.TERMINAL_MAX


def test_nothing_is_fetched_to_show_it(run: Path) -> None:
    svg = pictures.terminal(run, load(run))
    assert "@font-face" not in svg
    assert "url(" not in svg.replace("url(#", "")
    assert "href" not in svg


def test_the_pictures_of_the_docs_are_small() -> None:
    assert 1000 < (DOCS / "report.png").stat().st_size <= pictures.REPORT_MAX
    assert 1000 < (DOCS / "terminal.svg").stat().st_size <= pictures.TERMINAL_MAX
