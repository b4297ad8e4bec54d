"""Runs the fuzz targets: bounded and the same each time for `make test`, or all night.

Rules     --check replays the committed corpus and goes on from it, a fixed number of inputs with a
          fixed seed: it finds the same each time. Then it must find what is planted, since a fuzzer
          that cannot fail proves nothing. The night goes on from what earlier nights found, keeps
          each finding in runs/, and ends with a table and summary.json.
Usage     python -m ci.fuzz [--target NAME]… [--seconds N]      a night, N seconds a target
          python -m ci.fuzz --check                             bounded; `N passed, M failed`
          python -m ci.fuzz --keep [--target NAME]…             puts the best inputs into the corpus
Exit      0 nothing found · 1 a finding, or a planted one that was not found · 2 usage · 130 ^C
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build" / "fuzz" / "firmware" / "apps" / "fuzz" / "kyu_fuzz"
COMMITTED = ROOT / "firmware" / "apps" / "fuzz" / "corpus"
GROWN = ROOT / "build" / "fuzz-corpus"
LENGTH_MAX = 1024
SLOW_S = 120  # one input may take no longer, on a machine that has other things to do too
FILES_MAX = 50  # that --keep leaves in the corpus of a target, seeds and findings aside
NAMED = ("seed-", "found-")  # files that stay

# Inputs of a bounded run, the corpus included: together half a minute of one processor.
BOUNDED: dict[str, int] = {
    "wire": 40_000,
    "segment": 15_000,
    "dhcp": 40_000,
    "dns": 20_000,
    "tftp": 15_000,
    "bootargs": 15_000,
    "line": 10_000,
    "frames": 4_000,
    "fragments": 3_000,
    "connection": 5_000,
    "lease": 1_500,
    "clients": 2_000,
    "shell": 150,
}
# What the fuzzer must find: target, further arguments, inputs that are enough by far.
PLANTED: tuple[tuple[str, list[str], int], ...] = (
    ("broken", [], 200_000),
    ("connection", ["--plant=timewait-pool"], 2_000),
    ("frames", ["--plant=icmp-leak"], 2_000),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of one target. `coverage` counts edges of all code that the program holds."""

    target: str
    inputs: int
    seconds: float
    coverage: int
    finding: str  # empty: none

    @property
    def per_second(self) -> int:
        return round(self.inputs / self.seconds) if self.seconds > 0 else 0

    def __str__(self) -> str:
        told = f"{self.target:<11} {self.inputs:>10} inputs {self.per_second:>7}/s"
        return f"{told} {self.coverage:>6} edges {self.seconds:>6.0f} s  {self.finding or 'ok'}"


def read_log(target: str, status: int, log: str, seconds: float) -> Ran:
    """What libFuzzer wrote, in few numbers. A status of its own making is a finding."""
    edges = [int(number) for number in re.findall(r"\bcov: (\d+)", log)]
    inputs = [int(number) for number in re.findall(r"^#(\d+)\b", log, re.MULTILINE)]
    finding = ""
    if status != 0:
        said = re.search(r"^(PANIC: .*|.*runtime error: .*|SUMMARY: .*)$", log, re.MULTILINE)
        finding = said[1] if said else f"ended with status {status}"
    return Ran(target, max(inputs, default=0), seconds, max(edges, default=0), finding)


def command(target: str, artifacts: Path, folders: list[Path], *more: str) -> list[str]:
    fixed = [f"-timeout={SLOW_S}", f"-max_len={LENGTH_MAX}", f"-artifact_prefix={artifacts}/"]
    return [str(PROGRAM), f"--target={target}", *fixed, *more, *map(str, folders)]


def run(target: str, artifacts: Path, arguments: list[str]) -> Ran:
    """Runs libFuzzer to its end; ^C reaches it too, and then it is what has been done so far."""
    begun = time.monotonic()
    path = artifacts / "log.txt"

    def ran(status: int) -> Ran:
        log = path.read_text(encoding="utf-8", errors="replace")
        return read_log(target, status, log, time.monotonic() - begun)

    with (
        path.open("wb") as log,
        subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=log, cwd=ROOT) as fuzzer,
    ):
        try:
            return ran(fuzzer.wait())
        except KeyboardInterrupt:
            fuzzer.send_signal(signal.SIGINT)
            fuzzer.wait()
            raise StoppedError(ran(0)) from None


class StoppedError(Exception):
    """^C, and what had been done of the target that ran."""

    def __init__(self, ran: Ran) -> None:
        super().__init__()
        self.ran = ran


# --- Bounded --------------------------------------------------------------------------------------


def bounded(target: str, inputs: int, *more: str) -> Ran:
    """A run that is the same each time: a fixed seed, and nothing is kept."""
    with tempfile.TemporaryDirectory() as folder:
        artifacts = ROOT / "build" / "fuzz-findings" / "".join([target, *more])
        artifacts.mkdir(parents=True, exist_ok=True)
        corpus = COMMITTED / target
        folders = [Path(folder), corpus] if corpus.is_dir() else [Path(folder)]
        arguments = command(target, artifacts, folders, "-seed=1", f"-runs={inputs}", *more)
        return run(target, artifacts, arguments)


def check() -> int:
    """The bounded runs, two at a time, and what is planted."""
    bad = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        # The longest first.
        names = sorted(BOUNDED, key=lambda name: BOUNDED[name])
        runs = pool.map(lambda name: bounded(name, BOUNDED[name]), names)
        plants = pool.map(lambda plant: bounded(plant[0], plant[2], *plant[1]), PLANTED)
        for ran in runs:
            print(ran)
            bad += bool(ran.finding)
        for (target, more, _), ran in zip(PLANTED, plants, strict=True):
            found = "found, as it must be" if ran.finding else "NOT FOUND"
            print(f"{target} {' '.join(more)}: {found} after {ran.inputs} inputs")
            bad += not ran.finding
    print(f"{len(BOUNDED) + len(PLANTED) - bad} passed, {bad} failed")
    return 1 if bad else 0


# --- The night ------------------------------------------------------------------------------------


def night(targets: list[str], seconds: int) -> int:
    """Each target in turn; what was found is told at the end, also after ^C."""
    out = ROOT / "runs" / time.strftime("%Y%m%dT%H%M%SZ-fuzz", time.gmtime())
    rans: list[Ran] = []
    status = 0
    try:
        for target in targets:
            (out / target).mkdir(parents=True)
            grown = GROWN / target
            grown.mkdir(parents=True, exist_ok=True)
            folders = [grown, COMMITTED / target]
            arguments = command(target, out / target, folders, f"-max_total_time={seconds}")
            rans.append(run(target, out / target, arguments))
            print(rans[-1], flush=True)
    except StoppedError as stopped:
        rans.append(stopped.ran)
        print(rans[-1])
        status = 130
    findings = [ran for ran in rans if ran.finding]
    summary = {"targets": [asdict(ran) | {"per_second": ran.per_second} for ran in rans]}
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"{len(rans)} targets, {len(findings)} findings: {out.relative_to(ROOT)}")
    return 1 if findings else status


def keep(target: str) -> None:
    """The few inputs that reach most, from the corpus and what nights have found."""
    grown = GROWN / target
    committed = COMMITTED / target
    if not grown.is_dir():
        return
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder)
        for path in committed.glob("*.bin"):
            shutil.copy(path, chosen if path.name.startswith(NAMED) else grown)
        counting_edges_only = ["-use_counters=0", "-use_value_profile=0"]
        arguments = command(target, chosen, [chosen, grown], "-merge=1", *counting_edges_only)
        run(target, grown, arguments)
        (grown / "log.txt").unlink()
        for path in committed.glob("*.bin"):
            if not path.name.startswith(NAMED):
                path.unlink()
        # The merge goes from small to large and leaves out what adds nothing: the large reach most.
        fresh = [path for path in chosen.iterdir() if not path.name.startswith(NAMED)]
        fresh.sort(key=lambda path: path.stat().st_size, reverse=True)
        for path in fresh[:FILES_MAX]:
            shutil.copy(path, committed / f"{path.name[:12]}.bin")
    print(f"{target}: {len(list(committed.iterdir()))} files")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ci/fuzz.py")
    parser.add_argument("--target", action="append", choices=list(BOUNDED), help="only these")
    parser.add_argument("--seconds", type=int, default=600, help="of each target (600)")
    parser.add_argument("--check", action="store_true", help="bounded, as `make test` does")
    parser.add_argument("--keep", action="store_true", help="into the committed corpus")
    options = parser.parse_args(argv)
    if not PROGRAM.exists():
        print(f"fuzz: {PROGRAM.relative_to(ROOT)} is not built; use `make fuzz`", file=sys.stderr)
        return 2
    targets = options.target or list(BOUNDED)
    if options.check:
        return check()
    if options.keep:
        for target in targets:
            keep(target)
        return 0
    return night(targets, options.seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
