"""The doctor looks at the same list as ci/setup, and names one command that mends all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig import doctor

TABLE = """\
# comment
soak cmd:sh                      dash        runs scripts
test cmd:no-such-tool-here       absent      checks things
hand /no/such/file*              handy       is nice to have
soak /no/such/dir/*/span         headers     C++ headers
"""


def test_each_row_is_a_finding_with_its_reason() -> None:
    found = list(doctor.packages(TABLE))
    assert [(f.name, f.ok, f.needed) for f in found] == [
        ("sh", True, True),
        ("no-such-tool-here", False, True),
        ("handy", False, False),
        ("headers", False, True),
    ]
    assert found[1].why == "checks things"


def test_one_command_installs_what_is_needed_and_nothing_else() -> None:
    command = doctor.mending(list(doctor.packages(TABLE)))
    assert command.endswith("apt-get install --no-install-recommends absent headers")


def test_nothing_to_mend_when_all_is_there() -> None:
    assert doctor.mending(list(doctor.packages("soak cmd:sh dash runs scripts"))) == ""


def test_the_real_list_can_be_read() -> None:
    rows = list(doctor.packages(doctor.PACKAGES.read_text(encoding="utf-8")))
    assert {"qemu-system-arm", "cmake"} <= {row.name for row in rows}


@pytest.mark.parametrize(("rows", "status"), [("soak cmd:sh dash x", 0), (TABLE, 2)])
def test_the_exit_status_tells_whether_something_needed_lacks(
    rows: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", tmp_path / "packages.txt")
    monkeypatch.setattr(doctor, "qemu_version", lambda: doctor.Finding("qemu", True, True, ""))
    monkeypatch.setattr(doctor, "disk_space", lambda: doctor.Finding("disk", True, True, ""))
    doctor.PACKAGES.write_text(rows)
    assert doctor.main(as_json=True) == status
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is (status == 0)
    assert bool(answer["mend"]) is (status == 2)


def test_an_old_qemu_is_not_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "qemu-system-arm"
    fake.write_text("#!/bin/sh\necho QEMU emulator version 6.2.0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert not doctor.qemu_version().ok


def test_what_fails_in_a_child_is_told_and_stays_there() -> None:
    def fails() -> None:
        raise OSError(1, "Operation not permitted")

    assert "Operation not permitted" in doctor.in_child(fails)
    assert doctor.in_child(lambda: None) == ""
