"""The rig judges itself, on a busy host: what is planted is found, and a clean board not blamed."""

from __future__ import annotations

import json
import subprocess
import sys

from rig.assembly import BoardChoice
from rig.pytest_plugin import Keeper

#: Of this seed: a clean board on a bad wire and one on a good one, a stall, two faults and a hang.
SEED, ROUNDS = 4, 6


def test_what_is_planted_at_random_is_found_and_nothing_else(
    boards: Keeper, defects_choice: BoardChoice
) -> None:
    boards.off()
    words = ["--seed", str(SEED), "--rounds", str(ROUNDS), "--busy", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "rig", "selftest", "--image", str(defects_choice.image), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["planted"], told["found"], told["recall"]) == (4, 4, 1.0)
    assert (told["clean"], told["alarms"], told["wrong"]) == (2, 0, [])
    assert len(done.stderr.splitlines()) == ROUNDS
