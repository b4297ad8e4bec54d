"""What the rig costs: its transfers, each byte compared, beside those of the plainest C client.

Rules     the same board, the same wire, one client at a time, turn by turn, so that what the host
          does meanwhile falls on both. The C client compares nothing and keeps no journal.
          The rig sees the end of a turn when it next looks, up to a tick (0.1 s) late: turns are
          long, or that is what is measured.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rig.assembly import BoardChoice, assemble
from rig.campaign.session import Session, powered
from rig.errors import RigError, UserError
from rig.journal import RunFolder
from rig.traffic.pattern import native
from rig.traffic.request import Request
from rig.wire.protocol import WANGDOODLE, Wire

SOURCE = Path(__file__).with_name("plain_client.c")
PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Beside:
    """Transfers a second of each turn; `ratio` of the medians."""

    rig: tuple[float, ...]
    plain: tuple[float, ...]

    @property
    def ratio(self) -> float:
        return statistics.median(self.rig) / statistics.median(self.plain)


def measure(image: Path, wire: Wire, *, transfers: int, rounds: int) -> Beside:
    """Raises UserError when there is no C compiler, RigError when a transfer fails."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="kyu-") as place:
        plain = _built(Path(place))
        folder = RunFolder(Path(place) / "run")
        choice = BoardChoice("qemu", image)
        with (
            contextlib.closing(folder),
            powered(assemble(choice, wire, folder=folder)) as session,
        ):
            verdict = session.boot()
            if verdict is not None:
                raise RigError(verdict.detail)
            for _ in range(rounds):
                ours.append(_rig(session, folder, transfers))
                theirs.append(_plain(session, plain, transfers))
    return Beside(tuple(ours), tuple(theirs))


def _built(place: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise UserError("there is no C compiler", mend="apt-get install gcc")
    program = place / "plain_client"
    subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True)
    return program


def _rig(session: Session, folder: RunFolder, transfers: int) -> float:
    """As a soak does it: watched, compared, and written down."""
    begun = time.monotonic()
    results = session.run(native(), [Request()] * transfers)
    for result in results:
        folder.transfer(result)
    spent = time.monotonic() - begun
    bad = [result.detail for result in results if not result.ok]
    if bad or len(results) < transfers:
        raise RigError(f"a transfer failed: {(bad or ['the board has gone'])[0]}")
    return transfers / spent


def _plain(session: Session, program: Path, transfers: int) -> float:
    address = session.board.address(WANGDOODLE)
    if address is None:
        raise RigError(f"the wire leads to no port {WANGDOODLE} of the board")
    command = [str(program), address.host, str(address.port), str(transfers)]
    done = session.aside(
        lambda: subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    )
    if done.returncode != 0:
        raise RigError(f"the C client: {done.stderr.strip()}")
    return transfers / float(done.stdout)
