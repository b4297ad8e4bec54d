"""Includes point down: apps → services → net → kernel → base, and nothing points up.

Rules     A folder of firmware/ may include what MAY says and nothing else. The two sides of a port
          (arch, board and drivers; port/host) meet only in composition roots: apps and tests.
Usage     python -m ci.arrows [ROOT]      exit 0 clean, 1 with one line a finding
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What each part may include. An entry with a dot is one file, any other a whole folder.
LINK = "net/link.hpp"
MAY: dict[str, frozenset[str]] = {
    "base": frozenset({"base"}),
    "kernel": frozenset({"base", "kernel"}),
    "net": frozenset({"base", "kernel", "net"}),
    "services": frozenset({"base", "kernel", "net", "services"}),
    "board": frozenset({"base", "board", "drivers/mmio.hpp"}),
    "arch": frozenset({"base", "kernel", "arch", "board", "drivers"}),
    "drivers": frozenset({"base", "kernel", "board", "drivers", LINK, "net/packet"}),
    "port": frozenset({"base", "kernel", "port", LINK, "net/packet"}),
    "apps": frozenset(
        {"base", "kernel", "net", "services", "arch", "board", "drivers", "apps"},
    ),
}
# Composition roots of the hosted side, where arch, board and drivers have no place; what is fuzzed
# of the board's own is pure.
HOSTED_ROOT = "apps/simserver"
FUZZ_ROOT = "apps/fuzz"
MAY[HOSTED_ROOT] = frozenset({"base", "kernel", "net", "services", "port", HOSTED_ROOT})
MAY[FUZZ_ROOT] = MAY[HOSTED_ROOT] | {
    FUZZ_ROOT,
    "apps/testserver/boot_config.hpp",
    "board/orangepi-pc/boot_args.hpp",
}
PACKETDRILL_ROOT = "port/packetdrill"
MAY[PACKETDRILL_ROOT] = frozenset({"base", "kernel", "net", "port"})
# Beyond the firmware folder: the bindings and the must-not-compile cases see the hosted side.
OUTSIDE = {
    "bindings": frozenset(
        {"base", "kernel", "net", "services", "port", HOSTED_ROOT, "bindings"},
    ),
    "ci": frozenset({"base", "kernel", "net", "services"}),
}
# A test composes its subject with the hosted kernel.
TEST_EXTRA = frozenset({"port"})

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SOURCES = {".hpp", ".cpp", ".h", ".S"}


@dataclass(frozen=True, slots=True)
class Finding:
    """An include that its folder may not have."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def allowed(part: str, include: str, *, is_test: bool) -> bool:
    """May a file of `part` include `include` (a path relative to firmware/)?"""
    may = MAY.get(part) or OUTSIDE.get(part)
    if may is None:
        return False
    if is_test:
        may = may | TEST_EXTRA
    return any(include == entry or include.startswith(f"{entry}/") for entry in may)


def check_text(path: Path, text: str) -> Iterator[Finding]:
    """The findings of one source; `path` is relative to the root of the tree."""
    parts = path.parts
    part = parts[1] if parts[0] == "firmware" else parts[0]
    for root in (HOSTED_ROOT, FUZZ_ROOT, PACKETDRILL_ROOT):
        if path.is_relative_to(Path("firmware") / root):
            part = root
    is_test = path.stem.endswith(("_test", "_test_support"))
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if match is None:
            continue
        include = match[1]
        if include.startswith(".") or "/" not in include:
            yield Finding(path, number, f'"{include}": name it relative to firmware/')
        elif not allowed(part, include, is_test=is_test):
            yield Finding(path, number, f'"{include}": {part} may not include this')


def check_tree(root: Path) -> Iterator[Finding]:
    """The findings of every source under firmware/, bindings/ and ci/rejects/."""
    for folder in ("firmware", "bindings", "ci/rejects"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCES and path.is_file():
                yield from check_text(path.relative_to(root), path.read_text(encoding="utf-8"))


def main(argv: list[str]) -> int:
    root = Path(argv[0]) if argv else Path(__file__).resolve().parent.parent
    findings = list(check_tree(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
