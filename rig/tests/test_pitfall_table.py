"""The table of pitfalls in docs/tcp.md names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([A-Z]\d+) \| [^|]+ \| `(\w+)\.(\w+)` \|$", re.MULTILINE)
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")


def table() -> list[tuple[str, str, str]]:
    return ROW.findall((ROOT / "docs" / "tcp.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tests() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for path in (ROOT / "firmware").rglob("*_test.cpp"):
        found.update(TEST.findall(path.read_text(encoding="utf-8")))
    return found


def test_each_row_names_a_test_that_exists(tests: set[tuple[str, str]]) -> None:
    missing = [
        f"{row}: {suite}.{name}" for row, suite, name in table() if (suite, name) not in tests
    ]
    assert not missing


def test_no_row_of_timers_and_protocol_is_left_out() -> None:
    rows = {row for row, _suite, _name in table()}
    wanted = {f"C{n}" for n in range(1, 14)} | {f"D{n}" for n in range(1, 16)}
    assert wanted <= rows
