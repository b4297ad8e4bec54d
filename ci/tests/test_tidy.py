"""Each small rule finds what is planted for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.tidy import check_text

CLEAN = "// What it is.\n#pragma once\n"


def findings(path: str, text: str) -> list[str]:
    return list(check_text(Path(path), text))


@pytest.mark.parametrize(
    ("path", "text", "finding"),
    [
        ("firmware/base/a.hpp", CLEAN + "int a;" + "\n" * 500, "503 lines"),
        ("firmware/base/a.hpp", "#pragma once\n", "opens with its rules"),
        ("firmware/base/a.cpp", "#include <array>\n", "opens with its rules"),
        ("firmware/base/a.hpp", "// What it is.\n", "no #pragma once"),
        ("firmware/base/a.hpp", CLEAN + "#include <vector>\n", "allocates"),
        ("firmware/net/a.cpp", "// What it is.\nint a;\t\n", "a tab"),
        ("firmware/net/a.cpp", "// " + "x" * 98 + "\n", "101 columns"),
        ("rig/a.py", "x = 1  # " + "TO" + "DO later\n", "left-over"),
        ("docs/a.md", "see http:" + "//example.org\n", "network address"),
        ("docs/a.md", "a \n", "blanks"),
        ("docs/a.md", "a", "no end"),
    ],
)
def test_what_is_planted_is_found(path: str, text: str, finding: str) -> None:
    assert any(finding in line for line in findings(path, text))


def test_the_hosted_side_and_tests_may_allocate() -> None:
    assert not findings("firmware/port/host/world.hpp", CLEAN + "#include <vector>\n")
    assert not findings("firmware/net/a_test.cpp", "// Story.\n#include <vector>\n")


def test_a_header_may_speak_for_its_source() -> None:
    assert not findings("firmware/base/a.cpp", '#include "base/a.hpp"\n')
