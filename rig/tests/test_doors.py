"""Where debuggers reach the boards of this user."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from rig import cli
from rig.board import doors
from rig.errors import RigError, UserError
from rig.inspect_command import InspectOptions, inspect

GONE = 2**22 + 1  # beyond the largest process number


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def opened(door: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(door))
    return door


def test_a_running_board_is_found(temporary: Path) -> None:
    door = opened(doors.make())
    assert door.parent.parent == temporary
    assert doors.found() == [door]


def test_two_boards_of_one_process_have_two_doors(temporary: Path) -> None:
    assert opened(doors.make()) != opened(doors.make())
    assert len(doors.found()) == 2
    with pytest.raises(UserError, match="2 boards run"):
        inspect(InspectOptions())
    assert temporary.exists()


def test_what_a_killed_rig_left_is_not_found_and_goes_away(temporary: Path) -> None:
    left = opened(doors.make().with_name(f"{GONE}-1.gdb"))
    assert doors.found() == []
    doors.make()
    assert not left.exists()
    assert temporary.exists()


def test_a_folder_that_others_may_enter_is_refused(temporary: Path) -> None:
    folder = doors.make().parent
    folder.chmod(0o755)
    with pytest.raises(RigError, match="not a private folder"):
        doors.make()
    folder.rmdir()
    folder.symlink_to(temporary)
    with pytest.raises(RigError, match="not a private folder"):
        doors.make()


def test_a_folder_too_deep_for_a_socket_is_refused(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / ("deep" * 25)))
    with pytest.raises(RigError, match="too long"):
        doors.make()


def test_the_folder_bears_the_number_of_the_user(temporary: Path) -> None:
    assert doors.make().parent == temporary / f"kyu-{os.getuid()}"


def test_without_a_board_inspect_says_so(
    temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["inspect"]) == 2
    assert "no board of this user runs" in capsys.readouterr().err
    assert temporary.exists()
