"""kyu bisect: commits are built and soaked until one is known to have brought the failure.

Context   the main thread; builds and soaks are processes of their own.
Rules     each trial is written down as soon as it has ended: the same command goes on where it was
          stopped. Sources are checked out below the folder of the bisection, never in the user's
          own tree. A commit that does not build is left out; a rig that fails is tried again. A
          host that cannot build says nothing of the commit, and ends the bisection for now.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rig.campaign.bisection import Belief, Trial
from rig.errors import RigError, UserError
from rig.journal import write_json

STATE = "bisect.json"
#: What each commit is built with. Without one of them no commit could be.
TOOLS = ("cmake", "ninja", "arm-none-eabi-g++")
TRANSFERS, LONGEST = "KYU_TRANSFERS", 20_000
SKIP = 125
PASSED, FAILED, RIG = 0, 1, 3
RIG_TRIES = 3
SHOWN = 5
#: Bytes on the disk, with fewer of which a build that failed is not its commit's fault.
ROOM = 32 << 20
#: What compilers, linkers and build tools say when the host has ended them, or has no room.
_HOSTS_FAULT = re.compile(
    rb"No space left on device|Disk quota exceeded|Cannot allocate memory"
    rb"|Killed signal terminated program|terminated with signal 9|execute command: Killed"
)


@dataclass(slots=True)
class State:
    """What is kept: `commits` oldest first, the last one is the bad one; all hashes are whole."""

    good: str
    bad: str
    commits: list[str]
    trials: list[Trial] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Options:
    """`command`: instead of building and soaking; `soak`: further arguments of `kyu soak`."""

    good: str
    bad: str
    out: Path
    confidence: float = 0.95
    longest: int = LONGEST
    command: str = ""
    scenario: str = "soak"
    soak: tuple[str, ...] = ()


_STATE: TypeAdapter[State] = TypeAdapter(State)
Say = Callable[[str], None]


class Repository:
    """The git repository of the current folder."""

    def __init__(self) -> None:
        self.top = Path(self._git("rev-parse", "--show-toplevel"))

    def between(self, good: str, bad: str) -> tuple[str, str, list[str]]:
        """Whole hashes of both, and of what came after `good` up to `bad`, oldest first."""
        first, last = (self._commit(one) for one in (good, bad))
        listed = self._git("rev-list", "--reverse", "--first-parent", f"{first}..{last}")
        commits = listed.split()
        if not commits:
            raise UserError(
                f"nothing lies between {good} and {bad}",
                mend="GOOD is the older commit, and BAD comes after it",
            )
        return first, last, commits

    def _commit(self, name: str) -> str:
        try:
            return self._git("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")
        except UserError:
            raise UserError(f"{name} is no commit of {self.top}") from None

    def subject(self, commit: str) -> str:
        return self._git("show", "--no-patch", "--format=%h %s", commit)

    def check_out(self, commit: str, into: Path) -> None:
        if into.exists():
            self._git("-C", str(into), "checkout", "--quiet", "--force", "--detach", commit)
        else:
            self._git("worktree", "add", "--quiet", "--detach", str(into), commit)

    def forget(self, into: Path) -> None:
        if into.exists():
            self._git("worktree", "remove", "--force", str(into))

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode != 0:
            *_, why = ["", *done.stderr.strip().splitlines()]
            raise UserError(f"git {arguments[0]}: {why.removeprefix('fatal: ')}")
        return done.stdout.strip()


class Bisection:
    def __init__(self, options: Options, repository: Repository, say: Say) -> None:
        self._options = options
        self._git = repository
        self._say = say
        self._path = options.out / STATE
        self._state = self._load()
        self._belief = Belief(len(self._state.commits), self._state.trials)

    def run(self) -> dict[str, Any]:
        """Raises RigError when it ends without an answer, UserError when this host cannot build."""
        options, state = self._options, self._state
        if not options.command:
            _check_tools()
        last = len(state.commits) - 1
        self._say(f"{len(state.commits)} commits from {state.good[:12]} to {state.bad[:12]}")
        if not any(trial.failed and trial.commit == last for trial in state.trials):
            self._first_failure(last)
        while (found := max(self._belief.commits)) < options.confidence:
            may = [n not in state.left_out for n in range(last + 1)]
            choice = self._belief.choose(may, options.longest)
            if choice is None:
                break
            self._try(choice.commit, choice.transfers)
        first = self._belief.commits.index(max(self._belief.commits))
        told = self._told(first, found)
        write_json(self._options.out / "result.json", told)
        return told

    def _first_failure(self, last: int) -> None:
        """Without one nobody knows how rare it is, or whether it is there at all."""
        trial = self._try(last, self._options.longest)
        if trial is None or not trial.failed:
            what = "cannot be built or run"
            if trial is not None:
                what = f"did not fail in {trial.transfers:,} transfers"
            raise RigError(f"{self._state.bad[:12]}, the bad one, {what}: nothing to look for")

    def _try(self, commit: int, transfers: int) -> Trial | None:
        """None: it cannot be tried, and is left out."""
        state = self._state
        name = self._git.subject(state.commits[commit])
        self._say(f"trying {name}: up to {transfers:,} transfers")
        trial = self._trial(commit, transfers)
        if trial is None:
            state.left_out.append(commit)
            self._say("  left out: it cannot be built or run")
        else:
            state.trials.append(trial)
            state.left_out = [one for one in state.left_out if one != commit]
            self._belief.learn(trial)
            told = f"failed after {trial.transfers:,}" if trial.failed else "good"
            self._say(f"  {told}; {self._most_likely()}")
        write_json(self._path, asdict(state))
        return trial

    def _trial(self, commit: int, transfers: int) -> Trial | None:
        sha = self._state.commits[commit]
        if self._options.command:
            return self._commanded(commit, sha, transfers)
        image = self._image(sha)
        return None if image is None else self._soaked(commit, image, transfers)

    def _commanded(self, commit: int, sha: str, transfers: int) -> Trial | None:
        source = self._source(sha)
        environment = os.environ | {"KYU_COMMIT": sha, TRANSFERS: str(transfers)}
        log = self._log(f"{sha[:12]}.log")
        with log.open("ab") as out:
            try:
                status = subprocess.run(
                    words(self._options.command),
                    cwd=source,
                    env=environment,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    check=False,
                ).returncode
            except OSError as error:
                what = f"{self._options.command} cannot be run: {error.strerror}"
                raise UserError(what, where="--run") from None
        if status == SKIP:
            return None
        if status < 0 or status > SKIP:
            raise RigError(f"{self._options.command} ended with {status}; it said: {log}")
        return Trial(commit, transfers, status != 0, somewhere=status != 0)

    def _image(self, sha: str) -> Path | None:
        image = self._options.out / "images" / f"{sha[:12]}.elf"
        if image.exists():
            return image
        source = self._source(sha)
        image.parent.mkdir(parents=True, exist_ok=True)
        log = self._log(f"{sha[:12]}-build.log")
        with log.open("wb") as out:
            for command in ("cmake --preset board", "cmake --build --preset board"):
                done = subprocess.run(
                    command.split(),
                    cwd=source,
                    env=os.environ | {"LC_ALL": "C.UTF-8"},  # _HOSTS_FAULT is English
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
                if why := _hosts_fault(done.returncode, log, source):
                    raise RigError(f"{sha[:12]} was not built, {why}; see {log}, and call again")
                if done.returncode != 0:
                    return None
        partial = image.with_suffix(".part")
        partial.write_bytes((source / "build" / "board" / "kyu.elf").read_bytes())
        partial.replace(image)
        return image

    def _soaked(self, commit: int, image: Path, transfers: int) -> Trial:
        for _ in range(RIG_TRIES):
            number = sum(1 for _ in (self._options.out / "runs").glob("*-soak")) + 1
            folder = self._options.out / "runs" / f"{number:03d}-{image.stem}-soak"
            status = self._soak(image, folder, transfers)
            if status == RIG:
                continue
            if status not in (PASSED, FAILED):
                raise RigError(f"kyu soak ended with {status}; see {folder}")
            summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
            return Trial(commit, int(summary["transfers_ok"]), status == FAILED)
        raise RigError(f"the rig failed {RIG_TRIES} times; see {folder}")

    def _soak(self, image: Path, folder: Path, transfers: int) -> int:
        command = [sys.executable, "-m", "rig", "soak", self._options.scenario, "--quiet"]
        command += ["--image", str(image), "--out", str(folder), "--transfers", str(transfers)]
        with self._log(f"{folder.name}.log").open("wb") as out:
            done = subprocess.run(
                [*command, *self._options.soak], stdout=out, stderr=subprocess.STDOUT, check=False
            )
        return done.returncode

    def _source(self, sha: str) -> Path:
        source = self._options.out.resolve() / "source"
        self._git.check_out(sha, source)
        return source

    def _log(self, name: str) -> Path:
        folder = self._options.out / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def _most_likely(self) -> str:
        ranked = self._ranked()[:2]
        told = ", ".join(f"{self._state.commits[n][:12]} {p:.0%}" for n, p in ranked)
        return f"most likely {told}; 1 failure in about {1 / self._belief.rate:,.0f} transfers"

    def _ranked(self) -> list[tuple[int, float]]:
        return sorted(enumerate(self._belief.commits), key=lambda one: -one[1])

    def _told(self, first: int, found: float) -> dict[str, Any]:
        state = self._state
        return {
            "first_bad": state.commits[first],
            "subject": self._git.subject(state.commits[first]),
            "probability": found,
            "decided": found >= self._options.confidence,
            "rate": self._belief.rate,
            "trials": len(state.trials),
            "transfers": sum(trial.transfers for trial in state.trials),
            "left_out": [state.commits[n] for n in state.left_out],
            "likely": [
                {"commit": state.commits[n], "probability": p} for n, p in self._ranked()[:SHOWN]
            ],
        }

    def _load(self) -> State:
        """What an earlier call has found; its commits must be the same."""
        good, bad, commits = self._git.between(self._options.good, self._options.bad)
        if not self._path.exists():
            self._options.out.mkdir(parents=True, exist_ok=True)
            return State(good, bad, commits)
        try:
            state = _STATE.validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            raise UserError(
                f"{self._path} is damaged", mend="name another folder by --out"
            ) from None
        if state.commits != commits:
            raise UserError(
                f"{self._path} is of other commits", where="--out", mend="name another folder"
            )
        return state


def _check_tools() -> None:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            raise UserError(
                f"{tool} is not here, and every commit is built with it",
                where="kyu bisect",
                mend="kyu doctor says which package has it",
            )


def _hosts_fault(status: int, log: Path, place: Path) -> str:
    """Why a build that has ended so tells nothing of its commit; "" when it does."""
    if status < 0:
        return f"it was ended by signal {-status}"
    if status == 0:
        return ""
    if found := _HOSTS_FAULT.search(log.read_bytes()):
        return f"the host is at fault: {found[0].decode()}"
    if shutil.disk_usage(place).free < ROOM:  # then the log may lack its last words
        return "the disk is full"
    return ""


def words(command: str) -> list[str]:
    """Raises UserError for what is no command line."""
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise UserError(f"{command!r}: {str(error).lower()}", where="--run") from None
    if not found:
        raise UserError("a command is needed", where="--run")
    return found


def bisect(options: Options, say: Say) -> dict[str, Any]:
    """Raises UserError for commits or a command that there are not, RigError without an answer."""
    if options.command:
        words(options.command)
    repository = Repository()
    try:
        return Bisection(options, repository, say).run()
    finally:
        repository.forget(options.out.resolve() / "source")


def render(told: dict[str, Any]) -> Sequence[str]:
    """A few lines for people."""
    head = "first bad commit" if told["decided"] else "not decided; the most likely one"
    lines = [
        f"{head}: {told['subject']}",
        f"  probability {told['probability']:.1%}, from {told['trials']} trials of "
        f"{told['transfers']:,} transfers; it fails about once in {1 / told['rate']:,.0f}",
    ]
    if told["left_out"]:
        names = ", ".join(sha[:12] for sha in told["left_out"])
        lines.append(f"  left out, since they cannot be built or run: {names}")
    return lines
