"""Runs every test, fast ones first, and closes with one counted line.

Rules     A stage is a list of steps, a step is one command and a way to count what it proved. A
          step that fails ends its stage, and a stage that fails ends the run, unless --keep-going.
          The counted line is the last thing printed, whatever happened before.
Usage     python ci/test.py [--keep-going] [STAGE …]      ci/setup test has been called
Exit      0 all passed · 1 something failed or nothing was counted · 2 unknown stage
"""

from __future__ import annotations

import argparse
import io
import os
import re
import subprocess
import sys
import sysconfig
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "reports"
BIN = Path(sys.executable).parent
#: Scenarios that run in the simulator too.
SIMULATED = [f"rig/scenarios/test_{name}.py" for name in ("transfers", "clients", "wire")]
PYTHON_SOURCES = ["rig", "bindings", "ci"]


@dataclass(frozen=True, slots=True)
class Count:
    """How many checks passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass(frozen=True, slots=True)
class Step:
    """One command; `count` tells what it proved from its exit status and what it wrote."""

    name: str
    command: list[str]
    count: Callable[[int, str], Count]
    capture: bool = False


# --- How to count ---------------------------------------------------------------------------------


def one_check(status: int, _output: str) -> Count:
    """The command is one check: it holds or it does not."""
    return Count(passed=1) if status == 0 else Count(failed=1)


def only_failure(status: int, _output: str) -> Count:
    """A build proves nothing by itself, but can fail."""
    return Count() if status == 0 else Count(failed=1)


def closing_line(status: int, output: str) -> Count:
    """The last line `N passed, M failed` of what the command printed."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    if not found:
        return Count(failed=1)
    passed, failed = (int(number) for number in found[-1])
    return Count(passed, max(failed, int(status != 0)))


def junit(report: Path) -> Callable[[int, str], Count]:
    """Counts the cases of a JUnit report, as pytest and ctest write them."""

    def count(status: int, _output: str) -> Count:
        if not report.exists():
            return Count(failed=1)
        total = Count()
        for case in ET.parse(report).iter("testcase"):  # noqa: S314  a file we have just written
            marks = {child.tag for child in case}
            if marks & {"failure", "error"}:
                total += Count(failed=1)
            elif "skipped" in marks:
                total += Count(skipped=1)
            else:
                total += Count(passed=1)
        if status != 0 and total.failed == 0:
            total += Count(failed=1)
        return total

    return count


# --- What there is to do --------------------------------------------------------------------------


def tool(name: str) -> str:
    """A tool that the lock file pins: the one in .venv."""
    return str(BIN / name)


def sources(*patterns: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)
    )


def build(preset: str, *targets: str) -> list[Step]:
    chosen = ["--target", *targets] if targets else []
    return [
        Step(f"configure {preset}", ["cmake", "--preset", preset], only_failure, capture=True),
        Step(
            f"build {preset}",
            ["cmake", "--build", "--preset", preset, *chosen, "--", "--quiet"],
            only_failure,
        ),
    ]


def ctest(preset: str, *which: str) -> Step:
    report = REPORTS / f"ctest-{preset}.xml"
    command = [
        "ctest",
        "--preset",
        preset,
        "-j",
        str(os.cpu_count() or 1),
        "--no-tests=error",
        "--progress",
        *which,
    ]
    return Step(
        f"ctest {preset}",
        [*command, "--output-junit", str(report)],
        junit(report),
        capture=True,
    )


def pytest(name: str, *arguments: str) -> Step:
    """On every core: whole files are dealt out, as the tests of one may share a board."""
    report = REPORTS / f"pytest-{name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "--durations=5", f"--junitxml={report}"]
    deal = ["--numprocesses", str(os.cpu_count() or 1), "--dist=loadfile"]
    return Step(f"pytest {name}", [*command, *deal, *arguments], junit(report))


def lint() -> list[Step]:
    cxx = sources("firmware/**/*.[ch]pp", "bindings/**/*.[ch]pp", "ci/rejects/*.cpp")
    return [
        Step("include arrows", [sys.executable, "-m", "ci.arrows"], one_check),
        Step("tidy rules", [sys.executable, "-m", "ci.tidy"], one_check),
        Step("ruff", [tool("ruff"), "check", "--quiet", *PYTHON_SOURCES], one_check),
        Step(
            "ruff format",
            [tool("ruff"), "format", "--check", "--quiet", *PYTHON_SOURCES],
            one_check,
        ),
        Step("mypy", [tool("mypy"), "--no-error-summary"], one_check),
        Step(
            "clang-format",
            [tool("clang-format"), "--dry-run", "--Werror", "--ferror-limit=1", *cxx],
            one_check,
        ),
    ]


def stubs() -> Step:
    """The .pyi files say what the compiled modules are."""
    allowed = "bindings/stubtest-allow.txt"
    config = ["--mypy-config-file", "pyproject.toml", "--allowlist", allowed]
    command = ["env", "MYPYPATH=bindings", sys.executable, "-m", "mypy.stubtest", "kyusim", *config]
    return Step("stubs", command, one_check, capture=True)


def python_tests() -> list[Step]:
    return [
        stubs(),
        pytest("python", "rig/tests", "bindings/tests", "ci/tests"),
        pytest("simulated", "--board=sim", *SIMULATED),
    ]


def board() -> list[Step]:
    return [
        *build("board"),
        *build("defects"),
        pytest("scenarios", "rig/scenarios", "--board=qemu"),
    ]


def host() -> list[Step]:
    """What takes minutes under sanitizers, without them: gigabytes through one connection."""
    return [*build("host", "net_long_test"), ctest("host", "--tests-regex", "^Month")]


def asan() -> list[Step]:
    """The unit tests, and the hostile frames through the simulator, under ASan and UBSan."""
    found = subprocess.run(
        [sys.executable, "-m", "pybind11", "--cmakedir"],
        capture_output=True,
        text=True,
        check=False,
    )
    bindings = [
        "-DKYU_BINDINGS=ON",
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-Dpybind11_DIR={found.stdout.strip()}",
    ]
    configure, compile_ = build("asan")
    configure.command.extend(bindings)
    return [configure, compile_, ctest("asan"), hostile_sanitized()]


def hostile_sanitized() -> Step:
    """Sanitizers must be there before Python is, and the library whose exceptions they watch."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    preloaded = [
        subprocess.run(
            ["c++", f"-print-file-name={name}"], capture_output=True, text=True, check=False
        ).stdout.strip()
        for name in ("libasan.so", "libstdc++.so")
    ]
    step = pytest(
        "hostile-asan", "-p", "ci.sanitized", "-k", "as_stated or cut or mutated or table",
        "bindings/tests/test_hostile.py", "bindings/tests/test_state_table.py",
    )  # fmt: skip
    settings = [
        f"LD_PRELOAD={' '.join(preloaded)}",
        "ASAN_OPTIONS=detect_leaks=0",  # Python's own, at its end
        f"KYUSIM_SIM=build/asan/bindings/_sim{suffix}",
    ]
    return Step(step.name, ["env", *settings, *step.command], step.count)


def clang_tidy() -> list[Step]:
    """Over what the host preset compiles; one check for all, since clang-tidy speaks by file."""
    return [Step("clang-tidy", [sys.executable, "-m", "ci.clang_tidy"], closing_line, capture=True)]


STAGES: dict[str, Callable[[], list[Step]]] = {
    "lint": lint,
    "asan": asan,
    "host": host,
    "python": python_tests,
    "rejects": lambda: [Step("must not compile", ["ci/rejects/run"], closing_line, capture=True)],
    "board": board,
    "tsa": lambda: [
        Step("configure tsa", ["cmake", "--preset", "tsa"], only_failure, capture=True),
        Step("thread-safety", ["cmake", "--build", "--preset", "tsa", "--", "--quiet"], one_check),
    ],
    "fuzz": lambda: [
        *build("fuzz"),
        Step("fuzz", [sys.executable, "-m", "ci.fuzz", "--check"], closing_line, capture=True),
    ],
    "clang-tidy": clang_tidy,
}


# --- Doing it -------------------------------------------------------------------------------------


def run_step(step: Step) -> Count:
    """Runs one command; what it prints is shown, at once or (captured) when it failed."""
    if step.capture:
        done = subprocess.run(
            step.command,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output = done.stdout
    else:
        done = subprocess.run(step.command, cwd=ROOT, text=True, check=False)
        output = ""
    count = step.count(done.returncode, output)
    if count.failed and output:
        print(output)
    return count


def run_stage(name: str) -> Count:
    """Runs the steps of one stage until one fails; lint tells all its findings."""
    start = time.monotonic()
    total = Count()
    print(f"== {name}")
    for step in STAGES[name]():
        count = run_step(step)
        total += count
        if count.failed:
            command = " ".join(step.command[:6]) + (" …" if len(step.command) > 6 else "")
            print(f"test: {step.name} failed: {command}")
            if name != "lint":
                break
    print(f"== {name}: {total} in {time.monotonic() - start:.0f} s")
    return total


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ci/test.py")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=" ".join(STAGES))
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that it stays in order with its commands
    unknown = [name for name in options.stages if name not in STAGES]
    if unknown:
        print(f"test: no stage {unknown[0]}; there are: {' '.join(STAGES)}", file=sys.stderr)
        return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    for report in REPORTS.glob("*.xml"):
        report.unlink()
    total = Count()
    for name in options.stages or STAGES:
        total += run_stage(name)
        if total.failed and not options.keep_going:
            print(f"test: stopped at the stage {name}; run it alone: make test STAGE={name}")
            break
    print(total)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
