"""The folder of a failure: what it tells a tired person, also of a stall that a host excuses."""

from __future__ import annotations

import errno
import io
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kyusim import native
from rig import evidence, hostload
from rig.campaign.session import Session
from rig.campaign.soak import Soak
from rig.console.crash import NO_CRASH
from rig.console.symbols import Symbols
from rig.errors import RigError
from rig.evidence import Exhibit
from rig.hostload import KEPT, HostRecord, Load
from rig.journal import RunFolder
from rig.report import files
from rig.report.material import load
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.tests.fake import FakeBoard, Script, crash_lines
from rig.tests.test_soak import FAST, HASTY, big
from rig.tests.test_stopped import Talk
from rig.verdict import Cause, Outcome, failed
from rig.wire.pcapng import Frame

HUNGRY = [Load(100.0 + n, 9.25, busy=1.0, waited=0.95) for n in range(KEPT)]
EASY = [Load(100.0 + n, 0.5, busy=0.25) for n in range(KEPT)]
ROWS = ("verdict ", "where ", "when ", "often ", "board ", "again ")


def cut(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:100_000])


def stall(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:50_000])
    sock.recv(1)


def wrong(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data[:90_000] + b"?" + data[90_001:])


def panic(board: FakeBoard) -> None:
    board.say(*crash_lines())


def run(
    place: Path, script: Script, loads: list[Load], *, count: int = 10, keep_going: bool = True
) -> tuple[Summary, Path]:
    """A soak on such a host."""
    folder = RunFolder(place / "run")
    folder.json("run.json", {"options": {"scenarios": ["soak"]}})
    host = HostRecord(folder.path / hostload.FILE)
    for one in loads:
        host.take(one)
    session = Session(FakeBoard(script), Symbols(None), folder=folder, limits=FAST, patience=HASTY)
    display = PlainDisplay(io.StringIO())
    plan = big(count, keep_going=keep_going)
    summary = Soak(session, folder, plan, native, display, host=host).run()
    folder.json("summary.json", summary.as_json())
    folder.close()
    host.close()
    return summary, folder.path


@pytest.mark.parametrize(
    ("cause", "script"),
    [
        (Cause.TRUNCATED, Script(3, cut)),
        (Cause.CORRUPTION, Script(3, wrong)),
        (Cause.STALL, Script(3, stall)),
        (Cause.PANIC, Script(3, stall, panic, silent_after=True)),
        (Cause.HANG, Script(3, stall, silent_after=True)),
    ],
)
def test_a_readme_tells_what_where_when_how_often_and_how_again(
    tmp_path: Path, cause: Cause, script: Script
) -> None:
    _, path = run(tmp_path, script, EASY, count=3)
    folder = path / f"failures/001-{cause.value}"
    said = (folder / "README.txt").read_text()
    story, _, beside = said.partition("\nfiles")
    assert all(f"\n{row}" in story for row in ROWS), said
    assert f"\nverdict   {cause.value}: " in story
    assert "the first failure of this run, after 2 good transfers; in earlier runs: " in story
    assert "UTC, " in story
    assert "host      was not starved: processors 25% busy" in story
    assert len(story.splitlines()) <= 13, "a head, and about ten lines"
    for file in folder.iterdir():
        assert file.name == "README.txt" or f"  {file.name} " in beside, file.name


def test_the_network_row_is_about_the_connection_that_went_wrong(tmp_path: Path) -> None:
    captured: list[Frame] = []

    def and_another(sock: socket.socket, data: bytes) -> None:
        port = sock.getpeername()[1]
        captured.extend(Talk(port).opened().host("F.", 1, 1, lost=True).frames)
        captured.extend(Talk(1).opened().frames)
        sock.sendall(data[:50_000])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "frames", lambda _: captured)
        _, path = run(tmp_path, Script(2, and_another), EASY, count=2)
    folder = path / "failures/001-truncated"
    port = json.loads((folder / "transfer.json").read_text())["transfers"][0]["port"]
    network = (folder / "README.txt").read_text().partition("network   ")[2].partition("\n")[0]
    assert network.startswith(f"192.168.0.1:{port} with port 114: ")
    assert network.endswith("; the wire has dropped 1 of its last 4 frames")
    assert "dropped" not in json.loads((folder / "verdict.json").read_text())["signature"]["title"]


def test_a_stall_on_a_starved_host_proves_nothing_and_leaves_its_evidence(tmp_path: Path) -> None:
    summary, path = run(tmp_path, Script(3, stall), HUNGRY, keep_going=False)
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert summary.tally.failures == {"rig": 1}, "it is no failure of the board"
    folder = path / "failures/001-rig"
    table = (folder / "host.txt").read_text()
    assert table.count("STARVED") == KEPT
    assert "     -7   100%     95%      0%    9.2  STARVED" in table
    said = (folder / "README.txt").read_text()
    assert said.startswith("Nothing is proved about the board")
    assert "got 50000 of 200000" in said
    assert f"starved in {KEPT} of the last {KEPT} s" in said
    assert json.loads((folder / "verdict.json").read_text())["excused"]["cause"] == "stall"
    assert json.loads((folder / "transfer.json").read_text())["transfers"][0]["n"] == 3


def test_a_night_goes_on_after_a_stall_that_proves_nothing_and_makes_up_for_it(
    tmp_path: Path,
) -> None:
    summary, path = run(tmp_path, Script(3, stall), HUNGRY)
    assert summary.verdict.outcome is Outcome.PASSED
    assert (summary.tally.ok, summary.tally.attempted) == (10, 11)
    assert summary.tally.failures == {"rig": 1}
    assert (path / "failures/001-rig/README.txt").exists()


def test_a_host_that_starves_every_board_ends_the_night(tmp_path: Path) -> None:
    class Always(FakeBoard):
        def power_on(self) -> None:
            super().power_on()
            self.transfers = 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rig.campaign.soak.EXCUSED_MAX", 3)
        patch.setattr("rig.tests.test_evidence.FakeBoard", Always)
        summary, path = run(tmp_path, Script(1, stall), HUNGRY)
    assert (summary.verdict.outcome, summary.verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert summary.tally.failures == {"rig": 3}
    assert len(list((path / "failures").iterdir())) == 3


def test_reports_do_not_lay_an_excused_stall_to_the_board(tmp_path: Path) -> None:
    _, path = run(tmp_path, Script(3, stall), HUNGRY, keep_going=False)
    files.make(path)
    assert load(path).figures.failed == 0
    page, junit = ((path / name).read_text() for name in ("report.html", "junit.xml"))
    assert "INCONCLUSIVE (rig)" in page
    assert "failures/001-rig" in page
    assert "<h2>Excused: rig 1</h2>" in page
    assert "<failure" not in junit
    assert "<error" in junit


def test_what_finds_no_room_is_not_there_half_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    frame = Frame(0, False, 60, b"x" * 60)
    verdict = failed(Cause.STALL, 5.0, "no byte")
    exhibit = Exhibit(verdict, NO_CRASH, [(1.0, "said")], [], "again", {}, frames=[frame])
    kept = evidence.write(tmp_path, 1, exhibit, Symbols(None))
    there = {path.name for path in kept.folder.iterdir()}
    assert there == {"README.txt", "verdict.json", "repeat.txt", "console.txt"}
    assert str(kept) == f"{kept.folder}, without wire.pcapng (no room?)"
    assert "wire.pcapng" not in (kept.folder / "README.txt").read_text()


def test_a_folder_that_cannot_be_made_is_the_rigs_trouble(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("in its way")
    exhibit = Exhibit(failed(Cause.STALL, 5.0, "no byte"), NO_CRASH, [], [], "again", {})
    with pytest.raises(RigError, match="001-stall cannot be made: Not a directory"):
        evidence.write(tmp_path / "failures", 1, exhibit, Symbols(None))


def test_the_same_failure_again_is_counted(tmp_path: Path) -> None:
    class Twice(FakeBoard):
        """Each power-on cuts its third transfer."""

        def power_on(self) -> None:
            super().power_on()
            self.transfers = 0

    folder = RunFolder(tmp_path / "run")
    session = Session(
        Twice(Script(3, cut)), Symbols(None), folder=folder, limits=FAST, patience=HASTY
    )
    display = PlainDisplay(io.StringIO())
    Soak(session, folder, big(6, keep_going=True), native, display).run()
    folder.close()
    files.make(folder.path)
    page = (folder.path / "report.html").read_text()
    assert page.count("Like <code>001-truncated</code>: the same signature.") == 1
    assert page.count("<th>often</th>") == 2
    said = (folder.path / "failures/002-truncated/README.txt").read_text()
    assert "failure 2 of this run, 2 of them like this, after 4 good transfers" in said


@pytest.mark.parametrize(
    "make",
    [
        lambda text: {"detail": text},
        lambda text: {"often": text},
        lambda text: {"seen": text},
        lambda text: {"repeat": text},
        lambda text: {"board": {"build": text}},
    ],
)
def test_what_a_board_chose_cannot_steer_the_terminal_that_shows_it(
    tmp_path: Path, make: Callable[[str], dict[str, object]]
) -> None:
    told = make("\x1b[2J\x9b31m \u202e\r\nagain     rm everything")
    verdict = failed(Cause.STALL, 5.0, str(told.pop("detail", "no byte")))
    values: dict[str, object] = {"repeat": "kyu soak", "board": {}} | told
    exhibit = Exhibit(verdict, NO_CRASH, [], [], **values)  # type: ignore[arg-type]
    folder = evidence.write(tmp_path, 1, exhibit, Symbols(None)).folder
    said = (folder / "README.txt").read_text()
    assert said.replace("\n", "").isprintable()
    assert said.count("\nagain ") == 1
