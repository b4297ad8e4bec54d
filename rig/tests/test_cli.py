"""What a user meets who gets something wrong: one line, exit status 2, no traceback."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from rig import cli, help_text, journal

#: As is what lies in a folder that may not be entered, this is neither there nor missing.
LONG = 300 * "x"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["soak", "--transfers", "many"], "many"),
        (["soak", "--transfers", "0"], "--transfers"),
        (["soak", "--transfers", "5", "--hours", "1"], "exclude each other"),
        (["soak", "--chunk", "5"], "--chunk needs --bytes"),
        (["soak", "--parallel", "0"], "--parallel"),
        (["soak", "no-such-scenario"], "no scenario is named 'no-such-scenario'"),
        (["soak", "--board", "toaster"], "no board is named 'toaster'"),
        (["soak", "--board", "bench"], "the bench board needs --serial"),
        (["soak", "--faults", "x"], "'x' is no fault"),
        (["soak", "--image", "/no/such.elf"], "/no/such.elf does not exist"),
        (["soak", "--image", "/etc/passwd"], "not an ELF file"),
        (["soak", "--image", "/"], "is a directory"),
        (["soak", "--resume", "/no/such/run"], "cannot read"),
        (["soak", "--resume", "x", "--out", "y", "soak"], "hold, and not SCENARIO, --out; leave"),
        (
            ["soak", "--resume", "x", "--parallel", "1", "--seed", "0", "--wire", "auto"],
            "--resume: the run's own options hold, and not --parallel, --wire, --seed;",
        ),
        (["soak", "--hours", "nan"], "'nan' is no number to count with"),
        (["soak", "--hours", "inf"], "'inf' is no number to count with"),
        (["run", "--seconds", "nan"], "'nan' is no number to count with"),
        (["selftest", "--minutes", "inf"], "'inf' is no number to count with"),
        (
            ["soak", "--serial", "/dev/ttyNOPE", "--board-ip", "192.168.0.9"],
            "--serial, --board-ip: a qemu board has none; take --board bench",
        ),
        (["soak", "--board", "bench", "--host-port", "9"], "--host-port: a bench board has none"),
        (["soak", "--wire", "tap", "--host-port", "9"], "--host-port: only the slirp wire"),
        (["soak", "--faults", "loss=1%", "--host-port", "9"], "--host-port: only the slirp wire"),
        (["run", "--wire", "tap", "--host-port", "9"], "--host-port: only the slirp wire"),
        (["run", "--baud", "9600"], "--baud: a qemu board has none; take --board bench"),
        (["soak", "--board", "sim", "--board-config", "x"], "--board-config: a sim board has none"),
        (
            ["soak", "--place-wait", "5"],
            "--place-wait: a qemu board has none; take --board labgrid",
        ),
        (["soak", "--place", "x", "--serial", "y"], "--serial: a labgrid board has none"),
        (["soak", "--place", "x", "--board", "qemu"], "--place: a qemu board has none"),
        (["soak", "--board", "toaster", "--serial", "x"], "no board is named 'toaster'"),
        (["explain", "/no/such.log"], "cannot read"),
        *(
            ([*words, LONG], "File name too long")
            for words in (["explain"], ["inspect"], ["report"], ["history", "--history"])
        ),
        (["scenarios", f"{LONG}.py"], "File name too long"),
        (["soak", f"{LONG}.py::test_a"], "File name too long"),
        (["explain"], "Missing argument"),
        (["frobnicate"], "frobnicate"),
        (["soak", "--frobnicate"], "--frobnicate"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert said.startswith("kyu: ")
    assert words in said


def test_explain_of_a_saved_panic_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    log = Path(__file__).parent / "consoles/mission.log"
    assert cli.run(["explain", str(log)]) == 1
    assert "panic in m_copym (thread wang_thr): BSD tcp" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["scenarios", "defects"])
def test_lists_are_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([name]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 5


@pytest.mark.parametrize(
    ("shell", "words"),
    [("bash", "complete -o nosort"), ("zsh", "compdef"), ("fish", "complete --no-files")],
)
def test_a_shell_is_told_how_to_complete(
    capsys: pytest.CaptureFixture[str], shell: str, words: str
) -> None:
    assert cli.run(["completion", shell]) == 0
    assert words in capsys.readouterr().out


def test_scenarios_are_completed() -> None:
    context = click.Context(cli.kyu.commands["soak"])
    (scenario,) = [one for one in cli.kyu.commands["soak"].params if one.name == "scenario"]
    found = [item.value for item in scenario.shell_complete(context, "ch")]
    assert found == ["chunks", "churn"]


EXAMPLES = [
    line.strip().partition("  ")[0]
    for lines in help_text.EXAMPLES.values()
    for line in lines.strip().splitlines()
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_help_is_understood(example: str) -> None:
    words = shlex.split(example)[1:]
    end = words.index("--") if "--" in words else len(words)
    assert cli.run([*words[:end], "--help"]) == 0


def test_every_command_fits_its_line_of_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert {*help_text.BRIEF} == {*cli.kyu.commands}
    assert cli.run(["--help"]) == 0
    _, _, commands = capsys.readouterr().out.partition("Commands:")
    assert "..." not in commands


def test_a_resumed_run_takes_what_it_can_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    told = ["soak", "--board", "sim", "--quiet", "--out", str(out), "--transfers", "3"]
    assert cli.run([*told, "--seed", "7"]) == 0
    again = ["soak", "--resume", str(out), "--transfers", "5", "--keep-going", "--quiet"]
    assert cli.run([*again, "--history", str(tmp_path / "mine.sqlite")]) == 0
    options = json.loads((out / journal.RUN).read_text())["options"]
    assert (options["keep_going"], options["transfers"], options["seed"]) == (True, 5, 7)
    assert (tmp_path / "mine.sqlite").exists()
    assert json.loads((out / journal.SUMMARY).read_text())["transfers_ok"] == 5
    # What was said once holds until it is said anew.
    assert cli.run(["soak", "--resume", str(out), "--transfers", "6", "--quiet"]) == 0
    assert json.loads((out / journal.RUN).read_text())["options"]["keep_going"]
