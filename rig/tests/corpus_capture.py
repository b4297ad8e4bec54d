"""Takes the real logs of the corpus, consoles/real-*, from the real image on the emulated board.

Run by hand, with the defects image built, when the board tells its crashes in another way:
python -m rig.tests.corpus_capture, then make_corpus; then read the goldens.

Rules     each planted failure is met as `kyu soak` meets it. What a serial log tells is kept as
          the log, what a log alone does not hold as the history of the watch. One record of each
          kind is kept whole, the others are cut (corpus_cut.py).
          Runs stand in build/corpus; one that is there already is taken as it is: remove it first.
"""

from __future__ import annotations

import contextlib
import gzip
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rig import journal
from rig.assembly import BoardChoice, assemble
from rig.board import image as images
from rig.board.protocol import Resettable
from rig.campaign.session import Session, powered
from rig.defects import DEFECTS
from rig.journal import RunFolder
from rig.options import SoakOptions
from rig.soak_command import soak
from rig.tests.corpus_cut import cut
from rig.traffic.pattern import native
from rig.traffic.request import Request
from rig.wire.choose import choose

HERE = Path(__file__).parent / "consoles"
RUNS = Path("build/corpus")
TRANSFERS = 6
#: Enough to go on for longer than the board needs to tell.
SLOW_TRANSFERS = 5000
READY_WITHIN_S = 30.0
BEATS_S = 2.5


class Kept(Enum):
    WHOLE = "the log"
    CUT = "the log, its record cut"
    PACKED = "the log, packed"
    HISTORY = "the history of the watch"


@dataclass(frozen=True, slots=True)
class Capture:
    """`run` names its folder below RUNS, `reset`: the board is reset after its crash, twice."""

    name: str
    kept: Kept
    run: str
    armed: str
    transfers: int = TRANSFERS
    reset: bool = False

    @property
    def file(self) -> str:
        endings = {Kept.PACKED: "log.gz", Kept.HISTORY: "jsonl"}
        return f"real-{self.name}.{endings.get(self.kept, 'log')}"


#: One of each kind of crash: panic, fault, deadlock, hang, check with damage, and a nested one.
WHOLE = ("panic", "null-read", "abba", "spin-irq-on", "pool-overrun", "panic-in-panic")


def of_defects() -> list[Capture]:
    found = []
    for defect in DEFECTS:
        transfers = SLOW_TRANSFERS if defect.slow else TRANSFERS
        kept = Kept.WHOLE if defect.name in WHOLE else Kept.CUT
        kept = kept if defect.told else Kept.HISTORY
        found.append(Capture(defect.name, kept, defect.name, defect.armed, transfers))
    return found


CAPTURES = (
    *of_defects(),
    # What a log alone tells of a board that falls silent, and of one that does not serve.
    Capture("mute", Kept.WHOLE, "mute", "mute@2", SLOW_TRANSFERS),
    Capture("stall", Kept.WHOLE, "stall", "stall:50000@2"),
    # The story's bugs, where a soak finds them soon (docs/planted-bugs.md).
    Capture("close-deadlock", Kept.CUT, "close-deadlock", "close-deadlock", SLOW_TRANSFERS),
    Capture("unlocked-sendbuf", Kept.CUT, "unlocked-sendbuf", "unlocked-sendbuf", SLOW_TRANSFERS),
    Capture("lost-wakeup", Kept.HISTORY, "lost-wakeup", "lost-wakeup", SLOW_TRANSFERS),
    Capture("healthy", Kept.WHOLE, "healthy", ""),
    Capture("last-crash", Kept.PACKED, "last-crash", "panic:1", reset=True),
    Capture("last-crash-hang", Kept.CUT, "last-crash-hang", "spin-irq-off@1", reset=True),
)


def take(capture: Capture) -> bytes:
    """What is kept of it, made from its run."""
    folder = RUNS / capture.run
    if capture.kept is Kept.HISTORY:
        return (folder / journal.EVENTS).read_bytes()
    log = (folder / journal.CONSOLE).read_bytes()
    match capture.kept:
        case Kept.PACKED:
            return gzip.compress(log, mtime=0)
        case Kept.CUT:
            return b"\r\n".join(line.encode() for line in cut(log.decode("ascii").split("\r\n")))
    return log


def run(capture: Capture, image: Path) -> None:
    """Leaves its run folder. A defect makes the soak fail, which is what it is for."""
    folder = RUNS / capture.run
    if (folder / journal.CONSOLE).exists():
        return
    armed = f"defect={capture.armed}" if capture.armed else ""
    if capture.reset:
        _run_and_reset(BoardChoice("qemu", image, armed), folder)
        return
    wanted = SoakOptions(wire="tap", image=str(image), bootargs=armed, transfers=capture.transfers)
    soak(wanted, folder)


def _run_and_reset(choice: BoardChoice, path: Path) -> None:
    """It crashes, and its reset line is pulled twice: the first boot that follows tells why."""
    with (
        contextlib.closing(choose("tap")) as wire,
        contextlib.closing(RunFolder(path)) as folder,
        powered(assemble(choice, wire, folder=folder)) as session,
    ):
        session.boot()
        session.run(native(), [Request()] * 2)
        session.await_verdict()
        for boots in (2, 3):
            assert isinstance(session.board, Resettable)
            session.board.reset()
            _await_boot(session, boots)


def _await_boot(session: Session, boots: int) -> None:
    ends = session.clock.now() + READY_WITHIN_S
    while sum(line.text.startswith("@kyu ready ") for line in session.tail) < boots:
        assert session.clock.now() < ends, f"boot {boots} is not ready"
        session.pump(0.05)
    ends = session.clock.now() + BEATS_S
    while session.clock.now() < ends:
        session.pump(0.05)


def main() -> None:
    image = images.find(None, images.DEFECTS)
    for capture in CAPTURES:
        run(capture, image)
        (HERE / capture.file).write_bytes(take(capture))


if __name__ == "__main__":
    main()
