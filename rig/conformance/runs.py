"""Runs packetdrill scripts against the adapter, several at once.

Rules     A script gets a process, a folder and files of its own, and is run in the folder that it
          lies in. Virtual time makes a run short: one that does not end is stopped and has failed.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rig.conformance import shims
from rig.conformance.choices import choice_of
from rig.conformance.claims import Claim, Judge, claim, mtu_of, standard
from rig.errors import RigError, UserError

PATIENCE_S = 20.0

# What the adapter says of a setting that a file of common settings asks for. The script's own have
# been judged before it ran.
_SETTING = re.compile(r"kyu: (?:unknown setting|setting not offered): ")


class Outcome(Enum):
    """What became of a script."""

    PASSED = "passed"
    FAILED = "failed"
    CHOICE = "another system's choice"
    NOT_CLAIMED = "not claimed"


@dataclass(frozen=True, slots=True)
class Result:
    """One script; `detail` is the reason, or packetdrill's first line."""

    script: str
    folder: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run needs: packetdrill, the adapter, and whose scripts they are."""

    packetdrill: Path
    adapter: Path
    system: str


def judge_of(adapter: Path) -> Judge:
    """Asks the adapter which settings it offers."""
    try:
        ask = ctypes.CDLL(str(adapter)).kyu_packetdrill_setting
    except (OSError, AttributeError) as error:
        raise UserError(f"no adapter: {error}", where=str(adapter)) from None
    ask.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    ask.restype = ctypes.c_int
    return lambda name, value: int(ask(name.encode(), value.encode()))


def find_scripts(root: Path) -> list[Path]:
    """Every script below `root`, or `root` itself."""
    if root.is_file():
        return [root]
    found = sorted(root.rglob("*.pkt"))
    if not found:
        raise UserError("no script (*.pkt) there", where=str(root))
    return found


def system_of(scripts: list[Path]) -> str:
    """Whose they are, from the settings that they ask for."""
    for script in scripts:
        if "net.inet." in script.read_text(encoding="utf-8", errors="replace"):
            return "freebsd"
    return "linux"


def run_one(bench: Bench, script: Path, text: str) -> tuple[bool, str]:
    """Did it pass; and what packetdrill said first, if anything."""
    with tempfile.TemporaryDirectory(prefix="kyu-packetdrill-") as name:
        folder = Path(name)
        control, states = folder / "control", folder / "states"
        control.touch()
        states.touch()
        shims.write(folder / "bin")
        written = folder / script.name
        written.write_text(text, encoding="utf-8")
        flags = f"system={bench.system} mtu={mtu_of(text)} control={control} states={states}"
        command = [
            str(bench.packetdrill),
            "--ip_version=ipv4",
            "--local_ip=192.168.0.2",
            "--gateway_ip=192.168.0.1",
            "--netmask_ip=255.255.0.0",
            "--remote_ip=192.0.2.1/24",
            f"--so_filename={bench.adapter}",
            f"--so_flags={flags}",
            str(written),
        ]
        try:
            done = subprocess.run(
                command,
                cwd=script.parent,
                env=shims.environment(folder / "bin", control, states, bench.adapter),
                capture_output=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False, "does not end"
        except OSError as error:
            raise RigError(f"{bench.packetdrill}: {error.strerror}") from None
        said = (done.stderr + done.stdout).decode(errors="replace").replace(f"{folder}/", "")
    lines = [line for line in said.split("\n") if line.strip() and not _SETTING.match(line)]
    return done.returncode == 0, " | ".join(lines[:4])


def run(bench: Bench, root: Path, scripts: list[Path], jobs: int) -> Iterator[Result]:
    """The result of each, in their order."""
    judge = judge_of(bench.adapter)
    base = root if root.is_dir() else root.parent

    def one(script: Path) -> Result:
        text = standard(script.read_text(encoding="utf-8", errors="replace"))
        name = str(script.relative_to(base))
        folder = str(script.relative_to(base).parent)
        claimed: Claim = claim(text, judge)
        if not claimed.counts:
            return Result(name, folder, Outcome.NOT_CLAIMED, claimed.reason)
        passed, said = run_one(bench, script, text)
        if passed:
            return Result(name, folder, Outcome.PASSED)
        reason = choice_of(script.name)
        if reason:
            return Result(name, folder, Outcome.CHOICE, f"{reason} | {said}")
        return Result(name, folder, Outcome.FAILED, said)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, scripts)
