"""The run folder: one writer at a time, and whole files whatever happens to the host."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from rig import journal
from rig.console import events as ev
from rig.errors import RigError, UserError
from rig.journal import RunFolder, read_json, write_json

#: Writes a run, with an emulator that outlives it.
WRITER = """
import subprocess, sys
from pathlib import Path
from rig.journal import RunFolder
folder = RunFolder(Path(sys.argv[1]), resume=True)
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


# One writer


def test_a_second_writer_is_refused_and_tears_no_line_of_the_first(tmp_path: Path) -> None:
    with closing(RunFolder(tmp_path)) as first:
        (tmp_path / journal.TRANSFERS).write_bytes(b'{"n":1,')  # in the middle of a line
        with pytest.raises(UserError) as caught:
            RunFolder(tmp_path, resume=True)
        assert str(caught.value) == (
            f"--resume: {tmp_path} is being written by another run; "
            "wait until that has ended, or name another folder"
        )
        assert (tmp_path / journal.TRANSFERS).read_bytes() == b'{"n":1,'
        first.event(ev.Line(1.0, "goes on"))
    RunFolder(tmp_path, resume=True).close()


def test_who_only_reads_needs_not_wait_for_the_end_of_a_run(tmp_path: Path) -> None:
    with closing(RunFolder(tmp_path)) as folder:
        folder.event(ev.Line(1.0, "hello"))
        assert list(journal.read_events(tmp_path)) == [ev.Line(1.0, "hello")]
        assert list(journal.read_transfers(tmp_path)) == []


def test_the_folder_of_a_killed_run_is_free_though_its_emulator_lives(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        emulator = int(writer.stdout.readline())
        try:
            with pytest.raises(UserError, match="is being written by another run"):
                RunFolder(tmp_path, resume=True)
            writer.kill()
            writer.wait()
            RunFolder(tmp_path, resume=True).close()
            os.kill(emulator, 0)  # it still lives
        finally:
            writer.kill()
            os.kill(emulator, signal.SIGKILL)


def test_a_file_system_without_locks_stops_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: Any) -> NoReturn:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with closing(RunFolder(tmp_path)) as folder:
        folder.event(ev.Line(1.0, "hello"))
    assert len(list(journal.read_events(tmp_path))) == 1


# Whole files


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "run.json", {"seed": 1})
    seen: list[tuple[str, str]] = []

    def sync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        size = "" if kind == "folder" else f" of {os.fstat(descriptor).st_size} bytes"
        seen.append((kind + size, (tmp_path / "run.json").read_text().split()[-2]))

    monkeypatch.setattr(os, "fsync", sync)
    write_json(tmp_path / "run.json", {"seed": 2})
    assert seen == [("file of 16 bytes", "1"), ("folder", "2")]
    assert read_json(tmp_path / "run.json") == {"seed": 2}


def test_a_disk_that_fails_when_it_must_keep_its_word_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "run.json", {"seed": 1})

    def full(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RigError, match=r"run.json cannot be written: No space left on device"):
        write_json(tmp_path / "run.json", {"seed": 2})
    assert read_json(tmp_path / "run.json") == {"seed": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
