"""The supply of a board on the bench: commands of the configuration, or a hand.

Rules     commands are lists of words and never see a shell. Without one, a person is asked.
"""

from __future__ import annotations

import subprocess
import sys
import time

from rig.board.bench_config import Power
from rig.errors import RigError

COMMAND_S = 60.0


class Supply:
    def __init__(self, power: Power) -> None:
        self._power = power

    def cycle(self) -> None:
        """Off and on again. Raises RigError when a command fails."""
        power = self._power
        if power.cycle:
            _run("power.cycle", power.cycle)
        elif power.on and power.off:
            _run("power.off", power.off)
            time.sleep(power.off_s)  # its capacitors keep a board alive for a while
            _run("power.on", power.on)
        else:
            print(
                "-- switch the board off and on again (or press its reset key) now",
                file=sys.stderr,
                flush=True,
            )

    def off(self) -> None:
        """A supply without `off` stays on: nobody is asked to walk to the bench for that."""
        if self._power.off:
            _run("power.off", self._power.off)


def _run(name: str, words: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=False
        )
    except OSError as error:
        raise RigError(f"{name}: {words[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise RigError(f"{name}: {words[0]} did not end within {COMMAND_S:g} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        why = f": {said[-1]}" if said else ""
        raise RigError(f"{name}: {words[0]} ended with status {done.returncode}{why}")
