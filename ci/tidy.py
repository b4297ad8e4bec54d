"""Small rules that no compiler knows: lengths, openings, left-overs, addresses, the heap.

Rules     Each rule is a function from a file's text to its findings; the tree is walked once.
Usage     python -m ci.tidy [ROOT]      exit 0 clean, 1 with one line a finding
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES_MAX = 500
LINE_COLUMNS_MAX = 100

CXX = {".hpp", ".cpp"}
TEXT = CXX | {
    ".S",
    ".ld",
    ".py",
    ".pyi",
    ".md",
    ".txt",
    ".toml",
    ".json",
    ".yaml",
    ".cmake",
    ".lock",
    "",
}
SKIPPED_FOLDERS = {"build", "runs", "dist", "__pycache__"}  # and what begins with a dot, but .ci

# Written in two pieces so that this file does not find itself.
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
ADDRESS = re.compile(r"\b(https?|ftp):/" r"/")
# Names that allocate, or that bring in code which does. Only the hosted side and tests may.
HEAP_HEADER = re.compile(
    r"^\s*#\s*include\s+<(vector|string|map|set|unordered_map|unordered_set|deque|list|functional|"
    r"iostream|sstream|fstream|thread|mutex|future|regex)>",
)


def check_text(path: Path, text: str) -> Iterator[str]:
    """The findings in one file; `path` is relative to the root of the tree."""
    lines = text.split("\n")
    where = str(path)
    if text and not text.endswith("\n"):
        yield f"{where}:{len(lines)}: the last line has no end"
    if path.suffix in CXX | {".py", ".S"} and len(lines) > FILE_LINES_MAX:
        yield f"{where}:1: {len(lines)} lines; at most {FILE_LINES_MAX}"
    if path.suffix in CXX and not opens_with_rules(path, lines[0]):
        yield f"{where}:1: a file opens with its rules"
    if path.suffix == ".hpp" and "#pragma once\n" not in text:
        yield f"{where}:1: no #pragma once"
    for number, line in enumerate(lines, start=1):
        for finding in check_line(path, line):
            yield f"{where}:{number}: {finding}"


def opens_with_rules(path: Path, first: str) -> bool:
    """A test's subject may speak for it, or a header of the same folder that it includes first."""
    folder = "/".join(path.parts[1:-1])
    return (
        is_test(path)
        or first.startswith("// ")
        or (path.suffix == ".cpp" and first.startswith(f'#include "{folder}/'))
    )


def check_line(path: Path, line: str) -> Iterator[str]:
    """The findings in one line."""
    if line != line.rstrip():
        yield "blanks at the end of the line"
    if "\t" in line and path.name not in {"Makefile"}:
        yield "a tab"
    if LEFT_OVER.search(line):
        yield "a left-over: finish it or file it"
    if ADDRESS.search(line):
        yield "a network address: name the thing, not where to fetch it"
    is_pattern = line.startswith("// expect:")  # of ci/rejects: a regex cannot be broken
    if path.suffix in CXX | {".S", ".ld"} and len(line) > LINE_COLUMNS_MAX and not is_pattern:
        yield f"{len(line)} columns; at most {LINE_COLUMNS_MAX}"
    if path.suffix in CXX and is_board_code(path) and HEAP_HEADER.match(line):
        yield "this header allocates: no heap in the firmware"


def is_board_code(path: Path) -> bool:
    """Does this file end up in the image?"""
    hosted = path.parts[1] == "port" or path.parts[1:3] in {("apps", "simserver"), ("apps", "fuzz")}
    return path.parts[0] == "firmware" and not hosted and not is_test(path)


def is_test(path: Path) -> bool:
    """A unit test, or what stands under one."""
    return path.stem.endswith(("_test", "_test_support"))


def sources(root: Path) -> Iterator[Path]:
    """Every text file of the tree that people write."""
    for path in sorted(root.iterdir()):
        if path.is_dir():
            if path.name == ".ci" or not (path.name in SKIPPED_FOLDERS or path.name[0] == "."):
                yield from sources(path)
        elif path.suffix in TEXT or path.name == "Makefile":
            yield path


def check_tree(root: Path) -> Iterator[str]:
    """The findings of the whole tree."""
    for path in sources(root):
        yield from check_text(path.relative_to(root), path.read_text(encoding="utf-8"))


def main(argv: list[str]) -> int:
    root = Path(argv[0]) if argv else Path(__file__).resolve().parent.parent
    findings = list(check_tree(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
