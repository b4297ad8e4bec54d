"""A TOML file of a person's: whatever is named in its place is one clear line, and soon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rig import toml_file
from rig.errors import UserError


def test_a_plan_is_read_from_a_pipe_too(tmp_path: Path) -> None:
    """As of a shell's <(…)."""
    file = tmp_path / "plan.toml"
    file.write_text("[both]\nloss = '1%'\n")
    with file.open("rb") as opened:
        assert toml_file.read(Path(f"/dev/fd/{opened.fileno()}"), "--faults") == {
            "both": {"loss": "1%"}
        }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "is longer than a TOML file of ours can be"),
        (lambda path: path.write_text("a = " + "[" * 100_000), "is not TOML: "),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not TOML: "),
        (lambda path: path.write_text(f"a = {'9' * 5000}"), "is not TOML: "),
        (lambda path: path.mkdir(), "cannot read "),
        (lambda path: path.symlink_to(path), "cannot read "),
        (lambda _: None, "cannot read "),
    ],
    ids=["endless", "deep", "no UTF-8", "a long number", "a folder", "a loop", "nothing"],
)
def test_what_is_no_toml_file_is_one_clear_line(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "board.toml"
    make(path)
    with pytest.raises(UserError) as caught:
        toml_file.read(path, "--board-config")
    said = str(caught.value)
    assert said.startswith("--board-config: ")
    assert words in said
    assert str(path) in said
    assert "\n" not in said
