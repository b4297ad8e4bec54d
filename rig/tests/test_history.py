"""The history across nights: nothing that was written is lost, and each question has its answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rig import journal
from rig.campaign import history
from rig.campaign.database import RUNNING, Database, FailureRow, RunRow, me
from rig.campaign.recorder import Recorder
from rig.cli import run as kyu
from rig.errors import RigError, UserError
from rig.journal import write_json
from rig.report.compare import Change
from rig.report.summary import Summary, Tally
from rig.signature import Signature
from rig.verdict import Cause, failed, passed

NIGHT = RunRow(
    folder="/runs/1",
    started="2026-11-20T22:00:00+00:00",
    scenario="soak",
    board="qemu",
    wire="tap",
    build="aaaa",
    writer=me(),
    verdict="passed",
    attempted=1000,
    good=1000,
)
RING = FailureRow(1, "deadlock", "f86c6565", "deadlock: wang waits for net", "001-deadlock")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "history.sqlite")


def night(day: int, build: str, *, attempted: int = 1000, good: int = 1000) -> RunRow:
    started = f"2026-11-{day:02d}T22:00:00+00:00"
    return replace(
        NIGHT, folder=f"/runs/{day}", started=started, build=build, attempted=attempted, good=good
    )


def run_folder(path: Path, *, good: int = 3, finished: bool = True) -> Path:
    path.mkdir(parents=True)
    options = {"scenarios": ["soak"], "board": "qemu", "seed": 7, "bootargs": ""}
    image = {"build_id": "abc", "sha256": "def"}
    write_json(
        path / journal.RUN,
        {"started": NIGHT.started, "options": options, "image": image, "wire": "tap"},
    )
    lines = [
        {"n": n + 1, "start": n * 1.0, "ms": 5.0, "bytes": 200_000, "ok": True} for n in range(good)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (path / journal.TRANSFERS).write_text(text, encoding="utf-8")
    if finished:
        tally = Tally()
        for _ in range(good):
            tally.attempted += 1
            tally.add_ok(5.0, 200_000)
        write_json(path / journal.SUMMARY, Summary(passed(9.0), tally, 1.0).as_json())
    return path


# What is kept


def test_rows_come_back_as_they_were_written(database: Database) -> None:
    run_id = database.begin(NIGHT)
    database.failure(run_id, RING)
    database.close()
    again = Database(database.path)
    assert again.runs() == [replace(NIGHT, id=run_id)]
    assert again.failures() == [replace(RING, run_id=run_id)]


def test_a_folder_has_one_row_however_often_it_is_resumed(database: Database) -> None:
    first = database.begin(NIGHT)
    assert database.begin(replace(NIGHT, attempted=2000)) == first
    assert [run.attempted for run in database.runs()] == [2000]


def test_rigs_that_make_the_file_at_once_do_not_stand_in_each_others_way(tmp_path: Path) -> None:
    def make(path: Path, together: threading.Barrier) -> None:
        together.wait()
        Database(path)

    for number in range(10):
        together = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            made = [pool.submit(make, tmp_path / f"{number}.sqlite", together) for _ in range(4)]
        for one in made:
            one.result()


def test_two_rigs_write_at_once(database: Database) -> None:
    """As two nights on two boards: neither waits for the other for long, and no row is lost."""

    def write(day: int) -> None:
        own = Database(database.path)
        run_id = own.begin(night(day, "aaaa"))
        for n in range(50):
            own.update(run_id, attempted=n)
            own.failure(run_id, replace(RING, number=n + 1))
        own.close()

    threads = [threading.Thread(target=write, args=(day,)) for day in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.attempted for run in database.runs()] == [49, 49]
    assert len(database.failures()) == 100


def test_a_run_that_fails_while_the_history_is_read_is_in_it_whole_or_not_at_all(
    database: Database,
) -> None:
    """Another rig begins its run, and has its first failure, between two questions of a reader."""
    database.put(night(20, "aaaa"), [RING])
    other = Database(database.path)
    asked: list[str] = []

    def begin_and_fail(*about: Any) -> None:
        asked.append(about[2])
        if "FROM failures" in asked[-1]:
            other.failure(other.begin(night(21, "bbbb")), RING)

    sa.event.listen(database._engine, "before_cursor_execute", begin_and_fail)
    seen = history.read(database)
    assert [one.times for one in seen.known()] == [1]
    assert [run.build for run in seen.runs] == ["aaaa"]
    assert len(other.runs()) == 2, "and the writer did not have to wait"
    assert [one.times for one in history.read(other).known()] == [2]


KILLED = """
import os, signal, sys
from pathlib import Path
from rig.campaign.database import Database, RunRow, me
database = Database(Path(sys.argv[1]))
run = RunRow(folder=sys.argv[2], started="2026-11-20T22:00:00+00:00", scenario="soak", writer=me())
database.update(database.begin(run), attempted=2, good=2)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_is_closed_by_the_next_from_its_journal(
    database: Database, tmp_path: Path
) -> None:
    folder = run_folder(tmp_path / "night", good=3, finished=False)
    command = [sys.executable, "-c", KILLED, str(database.path), str(folder)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert [run.verdict for run in database.runs()] == [RUNNING]
    assert [run.folder for run in history.adopt(database)] == [str(folder)]
    (run,) = database.runs()
    assert (run.verdict, run.attempted, run.good, run.build) == ("interrupted", 3, 3, "abc")
    assert history.adopt(database) == []


def test_a_killed_run_without_its_folder_is_closed_too(database: Database) -> None:
    database.begin(replace(NIGHT, writer=f"{me()}9999999", verdict=RUNNING))
    history.adopt(database)
    assert database.runs()[0].verdict == "interrupted"


def test_a_run_from_before_a_reboot_is_closed_though_its_number_lives_again(
    database: Database,
) -> None:
    host, _, _ = me().partition(":")
    before = f"{host}:a-boot-that-is-over:{os.getpid()}"
    database.begin(replace(NIGHT, writer=before, verdict=RUNNING))
    history.adopt(database)
    assert database.runs()[0].verdict == "interrupted"


def test_a_run_that_goes_on_here_or_elsewhere_is_left_alone(database: Database) -> None:
    database.begin(replace(NIGHT, verdict=RUNNING))
    database.begin(replace(NIGHT, folder="/x", verdict=RUNNING, writer="another-host:boot:1"))
    assert history.adopt(database) == []


# What goes wrong


class Full(Database):
    """On a disk without room."""

    def update(self, run_id: int, **values: object) -> None:  # noqa: ARG002  another's interface
        raise RigError(f"{self.path} cannot be written: database or disk is full")


def test_a_full_disk_is_said_once_and_costs_no_run(tmp_path: Path) -> None:
    said: list[str] = []
    recorder = Recorder(Full(tmp_path / "h.sqlite"), NIGHT, said.append)
    tally = Tally()
    recorder.progress(tally)
    recorder.failure(1, Cause.PANIC, Signature("k", "t"), Path("001-panic"))
    recorder.end(Summary(failed(Cause.PANIC, 1.0, "x"), tally, 1.0))
    assert len(said) == 1
    assert "disk is full; the run goes on, and kyu history add RUN brings it in" in said[0]


def test_the_file_itself_says_when_it_cannot_grow(database: Database) -> None:
    """The library's own message, from a file that may not have one more page."""
    database.begin(NIGHT)
    link = database._engine.raw_connection()
    link.execute("PRAGMA max_page_count = 1")
    link.close()
    with pytest.raises(RigError, match="full"):
        database.begin(replace(NIGHT, folder="/runs/2" * 10_000))


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_foreign_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(content)
    with pytest.raises(UserError, match="no history of runs, or a damaged one"):
        Database(path)
    assert path.read_bytes() == content


def test_a_newer_one_is_refused_and_left_as_it_is(database: Database) -> None:
    database.close()
    with sqlite3.connect(database.path) as link:
        link.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="newer kyu"):
        Database(database.path)


def test_a_path_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot make"):
        Database(tmp_path / "file" / "history.sqlite")


@contextlib.contextmanager
def may_only_read(place: Path) -> Iterator[None]:
    """As root we are somebody else meanwhile."""
    user = os.geteuid()
    for file in place.iterdir():
        file.chmod(0o444)
    place.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        place.chmod(0o755)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that others may look into: pytest's own are ours alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("writer", ["has gone", "is at work"])
def test_a_colleague_who_may_only_read_can_look(
    shared: Path, capsys: pytest.CaptureFixture[str], writer: str
) -> None:
    own = Database(shared / "history.sqlite")
    filled(own)
    if writer == "has gone":
        own.close()
    with may_only_read(shared):
        assert kyu(["history", "--history", str(own.path)]) == 0
    assert "2026-11-22 22:00  soak         bbbb" in capsys.readouterr().out
    if writer == "is at work":
        assert {file.name for file in shared.iterdir()} > {own.path.name}, "its newest rows"
    own.close()


def test_looking_at_what_is_no_history_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("soup, bread\n" * 100)
    assert kyu(["history", "--history", str(path)]) == 2
    assert "is no history of runs, or a damaged one" in capsys.readouterr().err


def test_a_history_that_is_no_file_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull), tmp_path):
        assert kyu(["history", "--history", str(path)]) == 2
        told = f"kyu: {path} is no plain file; name another history\n"
        assert capsys.readouterr().err == told


def test_a_folder_whose_name_is_no_utf8_has_its_row(tmp_path: Path, database: Database) -> None:
    out = tmp_path / os.fsdecode(b"caf\xe9")
    command = ["soak", "--board", "sim", "--transfers", "3", "--out", str(out)]
    assert kyu([*command, "--history", str(database.path)]) == 0
    assert kyu(["history", "--history", str(database.path), "add", str(out)]) == 0
    assert [(run.folder, run.good) for run in database.runs()] == [(str(out), 3)], "once"


@pytest.mark.parametrize("trouble", ["read-only", "full", "damaged", "its folder is a file"])
def test_a_history_that_cannot_be_written_from_the_start_costs_no_run(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trouble: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    file, out = shared / "history.sqlite", tmp_path / "run"
    command = ["soak", "--board", "sim", "--transfers", "3", "--out", str(out)]
    if trouble == "full":
        monkeypatch.setattr(Database, "__init__", no_room)
    elif trouble == "read-only":
        Database(file).close()
        monkeypatch.setattr(Database, "__init__", as_somebody_else(Database.__init__))
    elif trouble == "damaged":
        file.write_bytes(b"not a database" * 100)
    else:
        file.write_text("")
        file /= "history.sqlite"
    assert kyu([*command, "--history", str(file)]) == 0
    said = capsys.readouterr().out
    assert said.count("warning: ") == 1
    assert "the run goes on, and kyu history add RUN brings it in" in said
    assert json.loads((out / journal.SUMMARY).read_text())["transfers_ok"] == 3


def no_room(_self: Database, path: Path) -> None:
    raise RigError(f"{path} cannot be written: database or disk is full")


def as_somebody_else(opened: Callable[[Database, Path], None]) -> Callable[[Database, Path], None]:
    def body(self: Database, path: Path) -> None:
        with may_only_read(path.parent):
            opened(self, path)

    return body


# What it tells


def filled(database: Database) -> history.History:
    database.put(night(20, "aaaa"), [RING, replace(RING, number=2)])
    database.put(night(21, "aaaa"), [RING])
    database.put(night(22, "bbbb", attempted=4000, good=4000), [])
    other = replace(night(23, "bbbb"), scenario="mixed")
    database.put(other, [replace(RING, signature="0badcafe", title="panic: x", cause="panic")])
    return history.read(database)


def test_failures_are_gathered_by_their_signature(database: Database) -> None:
    known = {one.signature: one for one in filled(database).known()}
    assert set(known) == {"f86c6565", "0badcafe"}
    ring = known["f86c6565"]
    assert (ring.times, ring.runs, ring.builds) == (3, 2, ("aaaa",))
    assert (ring.first, ring.last) == (night(20, "").started, night(21, "").started)
    assert ring.latest == "/runs/21/failures/001-deadlock"


def test_each_image_has_its_rate_in_each_setting(database: Database) -> None:
    rates = {(r.build, r.setting.scenario): r for r in filled(database).records()}
    assert set(rates) == {("aaaa", "soak"), ("bbbb", "soak"), ("bbbb", "mixed")}
    first = rates["aaaa", "soak"]
    assert (first.runs, first.rate.failed, first.rate.attempted) == (2, 3, 2000)


def test_a_night_is_held_against_the_image_before_it(database: Database) -> None:
    told = history.against_before(filled(database), "/runs/22")
    assert told is not None
    before, now, found = told
    assert (before.build, now.build) == ("aaaa", "bbbb")
    assert found.change is not Change.WORSE
    assert history.against_before(filled(database), "/runs/23") is None, "no other ran `mixed`"


def test_a_run_that_the_rig_broke_speaks_neither_for_nor_against(database: Database) -> None:
    database.put(replace(night(20, "aaaa"), verdict="inconclusive", good=10), [])
    assert history.read(database).records() == []


def test_a_reader_in_the_morning_is_told_whether_it_is_known(database: Database) -> None:
    known = filled(database)
    assert history.seen_before(known, "f86c6565", "/runs/99") == (
        "3 times in 2 runs since 2026-11-20 22:00, the last time 2026-11-21 22:00"
    )
    assert history.seen_before(known, "f86c6565", "/runs/21").startswith("2 times in 1 run")
    assert history.seen_before(known, "00000000", "/runs/99") == "never before"


# The command


def test_history_tells_people_and_programs(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(database)
    assert kyu(["history", "--history", str(database.path)]) == 0
    told = capsys.readouterr().out
    assert "2026-11-22 22:00  soak         bbbb" in told
    assert "f86c6565  deadlock: wang waits for net" in told
    assert "aaaa         soak on qemu" in told
    assert "failed 3 of 2000 (0.031% to 0.438%)" in told
    assert kyu(["history", "--history", str(database.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["runs"]) == 4
    assert found["failures"][0]["signature"] == "0badcafe"


def test_history_brings_folders_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = run_folder(tmp_path / "night"), tmp_path / "h.sqlite"
    assert kyu(["history", "--history", str(file), "add", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: passed, 3 of 3\n"
    assert Database(file).runs()[0].p50_ms == 5.0
    assert kyu(["history", "--history", str(file), "add", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_a_run_whose_folder_was_moved_is_still_one_run(database: Database, tmp_path: Path) -> None:
    before = [replace(night(20, "aaaa"), folder=str(tmp_path / name)) for name in ("one", "two")]
    for row in before:
        Path(row.folder).mkdir()
        database.put(row, [RING])
    assert len(database.runs()) == 2, "two rigs that began in the same second"
    Path(before[0].folder).rename(tmp_path / "elsewhere")
    after = replace(before[0], folder=str(tmp_path / "elsewhere"))
    database.put(after, [RING])
    assert {row.folder for row in database.runs()} == {after.folder, before[1].folder}
    assert len(database.failures()) == 2


def test_history_without_a_file_says_how_it_comes_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kyu(["history", "--history", str(tmp_path / "none.sqlite")]) == 2
    assert "kyu soak makes it" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
