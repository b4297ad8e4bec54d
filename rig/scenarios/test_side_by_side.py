"""Several emulated boards at once: each worker of pytest-xdist has its own board and network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rig.assembly import BoardChoice
from rig.pytest_plugin import Keeper

TEST = """
import os
from pathlib import Path

def test_it(wang, boards, worker_id):
    wang.big(5, parallel=2)
    network = Path("/proc/self/ns/net").readlink()
    pid = wang.session.board.pid
    Path(f"seen-{worker_id}").write_text(f"{network} {pid}")
"""


@pytest.mark.needs("emulator", "raw")
def test_each_worker_has_its_own_board_and_its_own_network(
    boards: Keeper, board_choice: BoardChoice, tmp_path: Path
) -> None:
    boards.off()
    (tmp_path / "test_it.py").write_text(TEST)
    words = ["-q", "-p", "no:cacheprovider", "--dist=each", "--tx=2*popen", "--wire=tap"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *words,
        f"--image={board_choice.image}",
        "test_it.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [path.read_text().split() for path in sorted(tmp_path.glob("seen-gw*"))]
    networks, pids = zip(*seen, strict=True)
    assert len(seen) == len({*networks}) == len({*pids}) == 2
    assert str(Path("/proc/self/ns/net").readlink()) not in networks
