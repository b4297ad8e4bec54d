"""`kyu soak --board sim`: the promises of a soak, kept in virtual time."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rig import journal, run_info
from rig.cli import run as kyu
from rig.journal import RunFolder
from rig.options import SoakOptions, simulated_command
from rig.scenarios.test_clients import test_lots as lots
from rig.sim.visits import SimStage
from rig.traffic.request import Request, Result
from rig.traffic.visit import Visit

#: Two transfers go; from the third second of the board's time on nobody hears it.
DEAF = """
[[then]]
after = "3s"
to_host = { loss = "100%" }
"""
SCENARIOS = '''
import os, signal, sys, time

def test_waits_and_fetches(guest):
    """A transfer each second."""
    guest.pause(1.0)
    guest.big()


def test_dies(guest):
    """The third visit's program stops its board."""
    if guest.number == 3:
        guest.do(lambda: guest.stage.client.program([("panic", "the third visit")]))
        guest.pause(1.0)
    guest.big()


def test_leaves_at_the_third(guest):
    guest.number < 3 or sys.exit()
    guest.big()


interrupted = []


def test_is_interrupted(guest):
    """Ctrl-C while the fifth visit has the floor."""
    if guest.number == 5 and not interrupted:
        interrupted.append(guest.number)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
    guest.big()
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "test_mine.py"
    path.write_text(SCENARIOS)
    return path


def soak(out: Path, *words: str) -> tuple[int, dict[str, Any]]:
    status = kyu(["soak", *words, "--board", "sim", "--seed", "5", "--quiet", "--out", str(out)])
    found: dict[str, Any] = json.loads((out / journal.SUMMARY).read_text())
    return status, found


def test_a_run_leaves_what_every_run_leaves(tmp_path: Path) -> None:
    status, summary = soak(tmp_path / "run", "soak", "--transfers", "20", "--parallel", "2")
    assert (status, summary["verdict"]) == (0, "passed")
    assert (summary["transfers_ok"], summary["bytes_ok"]) == (20, 4_000_000)
    assert {line.n for line in journal.read_transfers(tmp_path / "run")} == set(range(1, 21))
    assert b"Kyu, ready>" in (tmp_path / "run" / journal.CONSOLE).read_bytes()
    assert (tmp_path / "run" / "report.html").exists()
    document = json.loads((tmp_path / "run" / journal.RUN).read_text())
    assert document["wire"] == "simulated"
    assert document["image"]["build_id"]


def test_the_same_seed_is_the_same_night(tmp_path: Path) -> None:
    for name in ("one", "two"):
        soak(tmp_path / name, "loss", "--transfers", "12")
    one, two = ((tmp_path / name / journal.TRANSFERS).read_bytes() for name in ("one", "two"))
    assert one == two
    assert len({line.ms for line in journal.read_transfers(tmp_path / "one")}) > 1, (
        "frames are lost"
    )


def test_the_weather_of_a_plan_changes_with_virtual_time(tmp_path: Path, mine: Path) -> None:
    plan = tmp_path / "deaf.toml"
    plan.write_text(DEAF)
    status, summary = soak(
        tmp_path / "run",
        f"{mine}::test_waits_and_fetches",
        "--transfers",
        "9",
        "--faults",
        str(plan),
    )
    assert (status, summary["cause"], summary["transfers_ok"]) == (1, "connect_timeout", 2)
    readme = next((tmp_path / "run" / journal.FAILURES).glob("*/README.txt")).read_text()
    assert "--board sim" in readme
    assert "deaf.toml" in readme


def test_a_flap_is_counted_from_the_beginning_of_the_plan(tmp_path: Path, mine: Path) -> None:
    _, summary = soak(
        tmp_path / "run",
        f"{mine}::test_waits_and_fetches",
        "--transfers",
        "4",
        "--faults",
        "flaps=900ms-1500ms",
    )
    slow = [line.n for line in journal.read_transfers(tmp_path / "run") if line.ms > 1500]
    assert summary["verdict"] == "passed"
    assert slow == [1], "who fetches after one second waits until the link is up again"


def test_what_a_storm_would_come_from_keeps_no_frame_of_other_traffic() -> None:
    stage, results = SimStage(None, 5), list[Result]()
    visits = [
        (n, Visit(lambda guest: guest.transfer(Request()), 5, n, quick=True)) for n in range(1, 4)
    ]
    stage.play(visits, 1, results.append)
    stage.end()
    assert [result.cause for result in results] == [None] * 3
    assert stage.end_point is not None
    assert stage.end_point.waiting() < 10, "a transfer has more than a hundred"


@pytest.mark.parametrize("number", [29_151, 29_152, 45_535, 45_536, 65_536, 1 << 31])
def test_a_late_visit_of_a_long_night_finds_a_port_to_listen_at(number: int) -> None:
    stage, results = SimStage(None, 5), list[Result]()
    stage.play([(number, Visit(lots, 5, number, quick=True))], 1, results.append)
    stage.end()
    assert [result.detail for result in results] == [""]


def test_a_panic_is_the_boards_failure_and_explains_itself(tmp_path: Path, mine: Path) -> None:
    status, summary = soak(tmp_path / "run", f"{mine}::test_dies", "--transfers", "5")
    assert (status, summary["cause"], summary["transfers_ok"]) == (1, "panic", 2)
    assert "the third visit" in summary["detail"]
    folder = next((tmp_path / "run" / journal.FAILURES).iterdir())
    assert folder.name == "001-panic"
    assert {"README.txt", "crash.json", "traceback.txt", "console.txt", "repeat.txt"} <= {
        path.name for path in folder.iterdir()
    }


def test_kept_going_each_failure_has_a_world_and_a_folder(tmp_path: Path, mine: Path) -> None:
    status, summary = soak(
        tmp_path / "run", f"{mine}::test_dies", "--transfers", "8", "--keep-going"
    )
    assert (status, summary["failures"]) == (1, {"panic": 1})
    assert (summary["transfers_attempted"], summary["transfers_ok"]) == (8, 7)


def test_a_run_is_taken_up_where_its_journal_ends(tmp_path: Path) -> None:
    soak(tmp_path / "run", "soak", "--transfers", "4")
    status = kyu(["soak", "--resume", str(tmp_path / "run"), "--transfers", "7", "--quiet"])
    assert status == 0
    assert [line.n for line in journal.read_transfers(tmp_path / "run")] == [1, 2, 3, 4, 5, 6, 7]


def test_ctrl_c_is_a_status_a_summary_and_a_run_that_can_be_taken_up(
    tmp_path: Path, mine: Path
) -> None:
    name = f"{mine}::test_is_interrupted"
    status, summary = soak(tmp_path / "run", name, "--transfers", "9")
    assert (status, summary["interrupted"], summary["transfers_ok"]) == (130, True, 4)
    assert kyu(["soak", "--resume", str(tmp_path / "run"), "--quiet"]) == 0
    assert [line.n for line in journal.read_transfers(tmp_path / "run")] == [*range(1, 10)]


@pytest.mark.timeout(60)
def test_several_scenarios_are_one_run_after_the_other_and_numbered_through(
    tmp_path: Path,
) -> None:
    words = ("smoke", "upload", "chunks", "--transfers", "3", "--parallel", "2")
    status, summary = soak(tmp_path / "run", *words)
    assert (status, summary["transfers_ok"]) == (0, 9)
    done = {line.n: line.request for line in journal.read_transfers(tmp_path / "run")}
    expected = ["smoke"] * 3 + ["upload"] * 3 + ["chunks"] * 3
    assert [done[number] for number in range(1, 10)] == expected


@pytest.mark.timeout(60)
@pytest.mark.parametrize("parallel", ["1", "2"])
def test_a_scenario_that_exits_is_no_run_passed(tmp_path: Path, mine: Path, parallel: str) -> None:
    name = f"{mine}::test_leaves_at_the_third"
    status, summary = soak(tmp_path / "run", name, "--transfers", "6", "--parallel", parallel)
    assert (status, summary["cause"]) == (3, "rig")
    assert "test_leaves_at_the_third, line" in summary["detail"]
    assert summary["detail"].endswith("SystemExit")


@pytest.mark.timeout(60)
def test_visits_that_come_to_no_end_are_no_run_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.sim.visits.SimStage._all_visits", lambda *_: None)
    status, summary = soak(tmp_path / "run", "soak", "--transfers", "6")
    assert (status, summary["cause"], summary["transfers_attempted"]) == (3, "rig", 0)
    assert "4 visits came to no end" in summary["detail"]


def test_a_simulated_run_without_a_transfer_has_not_passed(tmp_path: Path) -> None:
    status, summary = soak(tmp_path / "run", "soak", "--hours", "1e-9")
    assert (status, summary["cause"]) == (3, "rig")
    assert "0 of any transfers attempted" in summary["detail"]


@pytest.mark.timeout(60)
def test_a_mistake_of_the_rig_in_a_visits_thread_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError(1)

    monkeypatch.setattr(RunFolder, "transfer", broken)
    status, summary = soak(tmp_path / "run", "soak", "--transfers", "6")
    assert (status, summary["cause"]) == (3, "rig")
    assert summary["detail"] == "a visit's thread has died: KeyError: 1"


def test_a_run_that_still_goes_on_is_not_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soak(tmp_path / "run", "soak", "--transfers", "2")
    capsys.readouterr()
    with closing(journal.RunFolder(tmp_path / "run", resume=True)):
        assert kyu(["soak", "--resume", str(tmp_path / "run"), "--transfers", "7", "--quiet"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("kyu: --resume: ")
        assert "is being written by another run; wait until that has ended" in error
        assert error.count("\n") == 1
        assert kyu(["report", str(tmp_path / "run")]) == 0


def test_a_users_scenario_is_a_plain_folder_beside_the_others_and_in_their_history(
    tmp_path: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_info, "stamp", lambda: "NOW")
    words = ["--board", "sim", "--transfers", "1", "--quiet"]
    for name in (f"{mine}::test_waits_and_fetches", f"{mine.name}::test_waits_and_fetches"):
        assert kyu(["soak", "smoke", name, *words]) == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "NOW-smoke+test_mine-test_waits_and_fetches",
        "NOW-smoke+test_mine-test_waits_and_fetches-2",
        "history.sqlite",
    ]


def test_rigs_of_the_same_second_have_a_folder_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_info, "stamp", lambda: "NOW")
    for _ in range(3):
        assert kyu(["soak", "smoke", "--board", "sim", "--transfers", "1", "--quiet"]) == 0
    for name in ("NOW-smoke", "NOW-smoke-2", "NOW-smoke-3"):
        assert json.loads((tmp_path / "runs" / name / journal.SUMMARY).read_text())["transfers_ok"]


@pytest.mark.parametrize(
    ("scenarios", "name"),
    [
        (["half-close", "loss"], "half-close+loss"),
        (["/home/me/my/test_x.py::test_one"], "test_x-test_one"),
        (["../my own/the test's.py"], "the-test-s"),
        (["test_ß$;*.py::test_ü"], "test_--test_-"),
    ],
)
def test_the_name_of_a_run_is_one_that_no_shell_dislikes(scenarios: list[str], name: str) -> None:
    assert run_info.folder_name(scenarios).partition("-")[2] == name
    assert len(run_info.folder_name(scenarios * 50)) < 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["soak", "--image", "x.elf"], "--image: a simulated board has none"),
        (["soak", "--bootargs", "hb=0"], "--bootargs: a simulated board has none"),
        (["soak", "--wire", "tap"], "--wire: a simulated board has none"),
        (["reboot"], "a simulated board has none"),
        (["soak", "--metrics", "0"], "--metrics: a simulated run has no endpoint"),
    ],
)
def test_what_a_simulated_board_lacks_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert kyu(["soak", *words, "--board", "sim", "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "command"),
    [
        (
            SoakOptions(scenarios=("churn",), image="x.elf", wire="tap", seed=4, faults="loss=1%"),
            "kyu soak churn --board sim --wire auto --seed 4 --faults loss=1%",
        ),
        (SoakOptions(scenarios=("loss",)), "kyu soak loss --board sim --wire auto --seed 0"),
        (SoakOptions(scenarios=("soak",)), ""),  # no weather: nothing of it would be the same
        (SoakOptions(scenarios=("reboot",), faults="loss=1%"), ""),  # has no reset line
    ],
)
def test_a_failure_under_weather_names_the_command_that_simulates_it(
    options: SoakOptions, command: str
) -> None:
    assert simulated_command(options) == command
