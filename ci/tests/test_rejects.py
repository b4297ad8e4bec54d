"""The driver of the must-not-compile cases tells a rejected mistake from every look-alike."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[1] / "rejects" / "run"
HOLDS = """\
// expect: static assertion failed|static_assert failed
#ifdef KYU_REJECT
static_assert(1 == 2);
#endif
"""


def verdict(tmp_path: Path, text: str) -> tuple[int, str]:
    case = tmp_path / "case.cpp"
    case.write_text(text)
    done = subprocess.run([RUN, case], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_case_that_holds_is_counted(tmp_path: Path) -> None:
    assert verdict(tmp_path, HOLDS) == (0, "1 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HOLDS.replace("1 == 2", "1 == 1"), "the mistake compiles"),
        (HOLDS.replace("1 == 2", "1 = 2 ("), "rejected, but not for"),
        (HOLDS + "static_assert(false);\n", "the corrected twin does not compile"),
        (HOLDS.replace("expect", "wanted"), "has no line"),
    ],
)
def test_a_look_alike_fails_and_says_why(tmp_path: Path, text: str, why: str) -> None:
    status, output = verdict(tmp_path, text)
    assert status == 1
    assert why in output
    assert output.endswith("0 passed, 1 failed\n")
