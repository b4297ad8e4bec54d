"""kyu bisect: the commit that brought a failure by chance is named, and how sure that is."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.campaign.bisecting import TOOLS
from rig.campaign.bisection import Belief, Trial
from rig.cli import run as kyu

LONGEST = 20_000
CONFIDENCE = 0.95


def play(commits: int, first: int, rate: float, seed: int) -> tuple[int, int]:
    """(commit that is named, transfers): boards that fail by dice."""
    dice = random.Random(seed)

    def trial(commit: int, transfers: int) -> Trial:
        for n in range(transfers):
            if commit >= first and dice.random() < rate:
                return Trial(commit, n, failed=True)
        return Trial(commit, transfers, failed=False)

    trials = [trial(commits - 1, LONGEST)]
    belief = Belief(commits, trials)
    while max(belief.commits) < CONFIDENCE:
        choice = belief.choose([True] * commits, LONGEST)
        assert choice is not None
        trials.append(trial(choice.commit, choice.transfers))
        belief.learn(trials[-1])
    return belief.commits.index(max(belief.commits)), sum(one.transfers for one in trials)


@pytest.mark.parametrize("rate", [0.5, 0.02, 0.002])
def test_the_right_commit_is_named_as_often_as_it_is_said(rate: float) -> None:
    """95 of 100, and a little luck: 3 of 20 wrong come once in 13 such tests, 4 in 60."""
    dice = random.Random(1)
    wrong = 0
    for seed in range(20):
        commits = dice.choice((2, 9, 30))
        first = dice.randrange(commits)
        wrong += play(commits, first, rate, seed)[0] != first
    assert wrong <= 3


def test_it_takes_less_than_a_fixed_count() -> None:
    """One failure in 500 and 30 commits: five halvings of 1,500 good transfers each, were it known
    beforehand that it fails so often.
    """
    spent = [play(30, seed % 30, 0.002, seed)[1] for seed in range(10)]
    assert sum(spent) / len(spent) < 2 * 5 * 1500


def test_a_certain_failure_takes_few_trials_of_many_commits() -> None:
    named, transfers = play(500, 321, 1.0, 7)
    assert named == 321
    assert transfers < 2000


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 10_000), st.booleans()), max_size=8),
)
def test_whatever_was_seen_probabilities_add_up(
    commits: int, seen: list[tuple[int, int, bool]]
) -> None:
    belief = Belief(commits, [Trial(c % commits, n, failed=bad) for c, n, bad in seen])
    assert sum(belief.commits) == pytest.approx(1.0)
    assert 0 < belief.rate < 1
    choice = belief.choose([True] * commits, LONGEST)
    assert choice is None or 0 <= choice.commit < commits


def test_a_failure_clears_those_that_came_later_and_silence_those_before() -> None:
    belief = Belief(10, [Trial(6, 3, failed=True), Trial(2, 1000, failed=False)])
    assert sum(belief.commits[3:7]) > 0.99


def test_a_failure_somewhere_tells_less_of_the_rate_but_as_much_of_the_commit() -> None:
    belief = Belief(4, [Trial(1, 100, failed=True, somewhere=True)])
    assert sum(belief.commits[:2]) > 0.999


# The command, on a repository of its own


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight commits; from the sixth on the `firmware` fails once in three runs."""
    top = tmp_path / "project"
    top.mkdir()
    monkeypatch.chdir(top)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A. Tester")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "tester@localhost")
    git("init", "--quiet")
    for n in range(8):
        (top / "rate").write_text("0.3" if n >= 5 else "0")
        (top / "n").write_text(str(n))
        git("add", "-A")
        git("commit", "--quiet", "-m", f"change {n}")
    return top


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


SOAK = """
import os, random, sys
rate = float(open("rate").read())
dice = random.Random(os.environ["KYU_COMMIT"] + open(sys.argv[1], "a+").read())
open(sys.argv[1], "a").write(".")
if open("n").read() == os.environ.get("BROKEN"):
    sys.exit(125)
sys.exit(any(dice.random() < rate for _ in range(int(os.environ["KYU_TRANSFERS"]))))
"""


def command(tmp_path: Path) -> str:
    script = tmp_path / "soak.py"
    script.write_text(SOAK)
    return f"{sys.executable} {script} {tmp_path / 'calls'}"


def test_the_command_names_the_commit_and_leaves_the_tree_alone(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found"
    call = ["bisect", "HEAD~7", "HEAD", "--run", command(tmp_path), "--out", str(out), "--json"]
    assert kyu(call) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["subject"].endswith("change 5")
    assert told["probability"] >= CONFIDENCE
    assert git("status", "--porcelain") == ""
    assert len(git("worktree", "list").splitlines()) == 1
    # Called again it has nothing to try: what was found is written down.
    calls = (tmp_path / "calls").stat().st_size
    assert kyu(call) == 0
    assert (tmp_path / "calls").stat().st_size == calls
    assert repository.exists()


def test_a_commit_that_cannot_be_tried_is_left_out_and_told(
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BROKEN", "5")
    call = ["bisect", "HEAD~7", "HEAD", "--run", command(tmp_path), "--out", str(tmp_path / "o")]
    status = kyu(call)
    told = capsys.readouterr().out
    assert status == 3, "it is one of two, and nobody can tell which"
    assert "not decided; the most likely one" in told
    assert "left out, since they cannot be built or run" in told
    assert repository.exists()


def builder(place: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """A cmake that does this, and whatever else is asked for."""
    place.mkdir()
    for tool in TOOLS:
        (place / tool).write_text(f"#!/bin/sh\n{does}\n")
        (place / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")


def left_out(out: Path) -> list[int]:
    state = out / "bisect.json"
    return json.loads(state.read_text())["left_out"] if state.exists() else []


@pytest.mark.parametrize(
    ("does", "free", "said"),
    [
        ("echo 'g++: fatal error: Killed signal terminated program cc1plus'; exit 1", 1e9, "Kill"),
        ("echo 'ld: final link failed: No space left on device'; exit 1", 1e9, "No space left"),
        ("kill -9 $$", 1e9, "ended by signal 9"),
        ("exit 1", 1e6, "the disk is full"),
    ],
)
def test_a_commit_is_not_left_out_because_the_host_could_not_build_it(
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    free: float,
    said: str,
) -> None:
    builder(tmp_path / "bin", monkeypatch, does)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert kyu(["bisect", "HEAD~7", "HEAD", "--out", str(tmp_path / "o")]) == 3
    error = capsys.readouterr().err
    assert "was not built" in error
    assert said in error
    assert left_out(tmp_path / "o") == []
    assert repository.exists()


def test_a_commit_that_does_not_compile_is_left_out_also_after_the_host_was_mended(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["bisect", "HEAD~7", "HEAD", "--out", str(tmp_path / "o")]
    builder(tmp_path / "full", monkeypatch, "echo 'a.o: No space left on device'; exit 1")
    assert kyu(call) == 3
    assert left_out(tmp_path / "o") == []
    builder(tmp_path / "bin", monkeypatch, "echo \"x.cpp:1:1: error: expected ';'\"; exit 1")
    assert kyu(call) == 3
    assert left_out(tmp_path / "o") == [6]
    assert repository.exists()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.usefixtures("repository")
def test_a_host_without_a_compiler_says_nothing_of_a_commit(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
) -> None:
    builder(tmp_path / "bin", monkeypatch, "exit 1")
    (tmp_path / "bin" / tool).unlink()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert kyu(["bisect", "HEAD~7", "HEAD", "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert said.endswith(
        f"kyu: kyu bisect: {tool} is not here, and every commit is built with it; "
        "kyu doctor says which package has it\n"
    )
    assert left_out(tmp_path / "o") == []


def test_a_bad_one_that_does_not_compile_has_nothing_to_look_for(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "n").write_text("unbuilt")
    git("commit", "--quiet", "-am", "change 8")
    out = tmp_path / "o"
    call = ["bisect", "HEAD~8", "HEAD", "--run", command(tmp_path), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKEN", "unbuilt")
        assert kyu(call) == 3
    told = capsys.readouterr().err
    assert "the bad one, cannot be built or run: nothing to look for" in told
    assert left_out(out) == [7]
    assert kyu(call) == 0, "it can be, by now"
    assert left_out(out) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["HEAD", "HEAD"], "nothing lies between"),
        (["HEAD", "HEAD~3"], "GOOD is the older commit"),
        (["none", "HEAD"], "none is no commit of"),
    ],
)
def test_wrong_commits_are_one_clear_line(
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    assert kyu(["bisect", *arguments, "--out", str(tmp_path / "o")]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert said in line
    assert repository.exists()


def test_a_bad_one_that_does_not_fail_is_no_bisection(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "rate").write_text("0")
    git("commit", "--quiet", "-am", "mended")
    call = ["bisect", "HEAD~8", "HEAD", "--run", command(tmp_path), "--out", str(tmp_path / "o")]
    assert kyu(call) == 3
    assert "did not fail in 20,000 transfers: nothing to look for" in capsys.readouterr().err
    assert os.listdir(tmp_path / "o")  # noqa: PTH208  it is there to be looked at


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            ["HEAD~1", "HEAD", "--run", "nosuchcommand"],
            "--run: nosuchcommand cannot be run: No such",
        ),
        (["HEAD~1", "HEAD", "--run", "echo 'x"], '--run: "echo \'x": no closing quotation'),
        (["HEAD~1", "HEAD", "--run", " "], "--run: a command is needed"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_a_command_that_is_not_there_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], told: str
) -> None:
    assert kyu(["bisect", *asked, "--out", str(tmp_path / "found")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kyu: {told}")
    assert said.count("\n") == 1
    assert len(git("worktree", "list").splitlines()) == 1
