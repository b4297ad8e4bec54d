"""clang-tidy over what the host preset compiles, on every core, each file one check.

Rules     .clang-tidy says which findings are errors. Needs build/host/compile_commands.json. Unit
          tests are left out: they take as long as all the rest, and prove themselves by running.
Usage     python -m ci.clang_tidy [FILE …]      last line is the count
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE = ROOT / "build" / "host"
# GCC's words that clang does not know are no finding, nor is what libstdc++ does inside itself.
EXTRA = [
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-deprecated-declarations",
]


def check(path: str) -> str:
    """What clang-tidy finds in one file; empty when it finds nothing."""
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "clang-tidy"),
            "-p",
            str(DATABASE),
            "--quiet",
            *EXTRA,
            path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def is_ours(file: str) -> bool:
    """Our own, alone or with others in a unity file; not a test, nor the headers of the tests."""
    written = Path(file).is_relative_to(DATABASE)
    return (
        "Unity" in file and "_test.dir" not in file if written else not file.endswith("_test.cpp")
    )


def main(argv: list[str]) -> int:
    entries = json.loads((DATABASE / "compile_commands.json").read_text())
    files = argv or sorted({entry["file"] for entry in entries if is_ours(entry["file"])})
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        results = list(workers.map(check, files))
    findings = [text for text in results if text]
    for text in findings:
        print(text)
    print(f"{len(files) - len(findings)} passed, {len(findings)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
