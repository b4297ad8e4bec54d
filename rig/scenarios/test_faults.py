"""Faults on the real wire: streams stay exact, what the wire did is told, failures are shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader

from rig.assembly import BoardChoice
from rig.board import image as images
from rig.pytest_plugin import Keeper

pytestmark = pytest.mark.needs("faults")


@pytest.fixture
def soak(boards: Keeper, tmp_path: Path) -> Any:
    """`kyu soak` in a process of its own; (exit status, its run folder)."""
    boards.off()

    def run(image: Path, *words: str) -> tuple[int, Path]:
        out = tmp_path / "run"
        command = [sys.executable, "-m", "rig", "soak", "--image", str(image), "--out", str(out)]
        done = subprocess.run([*command, *words], stdout=subprocess.DEVNULL, check=False)
        return done.returncode, out

    return run


def summary(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return content


def test_sixty_transfers_over_a_wire_that_does_everything_are_exact(
    soak: Any, board_choice: BoardChoice
) -> None:
    plan = "loss=0.5% duplicate=0.5% reorder=1% corrupt=0.3% truncate=0.2% jitter=300us"
    words = ["--transfers", "60", "--parallel", "4", "--seed", "11", "--faults", plan]
    status, out = soak(board_choice.image, *words)
    told = summary(out)
    assert (status, told["transfers_ok"]) == (0, 60), told["detail"]
    for way in ("to_board", "to_host"):
        lane = told["faults"][way]
        assert lane["frames"] > 5000
        for harm in ("dropped", "duplicated", "corrupted", "truncated"):
            assert lane[harm] > 0, harm
        assert lane["refused"] == lane["overflowed"] == 0


def test_a_link_that_flaps_is_survived(soak: Any, board_choice: BoardChoice) -> None:
    words = ["--transfers", "30", "--faults", "flaps=50ms-150ms/300ms-400ms delay=200us"]
    status, out = soak(board_choice.image, *words)
    told = summary(out)
    assert (status, told["transfers_ok"]) == (0, 30), told["detail"]
    assert told["faults"]["to_board"]["dropped"] + told["faults"]["to_host"]["dropped"] > 0


def test_a_failure_comes_with_the_last_frames_and_what_was_done_to_them(soak: Any) -> None:
    defects = images.find(None).parent.parent / "defects" / "kyu.elf"
    words = ["--transfers", "20", "--bootargs", "defect=panic:5", "--faults", "loss=2%"]
    status, out = soak(defects, *words)
    assert (status, summary(out)["cause"]) == (1, "panic")
    with RawPcapNgReader(str(out / "failures" / "001-panic" / "wire.pcapng")) as reader:
        found: list[Any] = list(reader)
    said = [one for _, meta in found for one in meta.comments or ()]
    assert len(found) > 500
    assert sum(one.endswith(b"dropped") for one in said) > 3
    assert any(b"transfer 4: good" in one for one in said)
    assert "--faults loss=2%" in (out / "failures" / "001-panic" / "repeat.txt").read_text()


@pytest.mark.parametrize("kind", ["tap", "slirp"])
def test_a_wire_without_faults_remembers_its_last_frames_too(soak: Any, kind: str) -> None:
    defects = images.find(None).parent.parent / "defects" / "kyu.elf"
    words = ["--transfers", "20", "--bootargs", "defect=panic:5", "--wire", kind]
    status, out = soak(defects, *words)
    assert (status, summary(out)["cause"]) == (1, "panic")
    folder = out / "failures" / "001-panic"
    with RawPcapNgReader(str(folder / "wire.pcapng")) as reader:
        found: list[Any] = list(reader)
    said = [one for _, meta in found for one in meta.comments or ()]
    assert len(found) > 500
    assert any(b"transfer 4: good" in one for one in said)
    assert "network" in (folder / "README.txt").read_text()
