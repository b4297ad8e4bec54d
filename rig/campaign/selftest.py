"""kyu selftest: does the rig find what was planted, and nothing else?

Rules     each round is a soak of its own, drawn from the seed: a board with a planted failure, or a
          clean one, on a wire that is clean or harms frames. What must come out is known before.
          `busy` keeps every core of the host at work beside it: a starved host is no failed board.
          Run folders of rounds that came out right go at once: an hour has five hundred.
Context   the main thread; one board at a time.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rig import interrupts
from rig.assembly import BoardChoice, assemble
from rig.campaign.session import powered
from rig.campaign.soak import Soak
from rig.console.symbols import same_function
from rig.defects import DEFECTS, Defect
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary, headline
from rig.report.text import escaped
from rig.traffic.pattern import native
from rig.traffic.wangdoodle import Patience
from rig.verdict import Outcome
from rig.wire import faults
from rig.wire.choose import choose, choose_faulty
from rig.wire.protocol import Wire

#: Half of the rounds are clean: recall and false alarms are known equally well.
CLEAN_SHARE = 0.5
CLEAN_MIXES = ("soak", "mixed", "abandon", "churn", "upload", "halfclose")
CLEAN_TRANSFERS = 150
PLANTED_TRANSFERS = 8
#: Enough to go on for longer than the board needs to tell.
SLOW_TRANSFERS = 5000
WEATHERS = ("", "", "loss=1%", "reorder=2% jitter=300us", "corrupt=1% duplicate=1%")
PATIENT = Patience(connect=60.0, stall=60.0)


@dataclass(frozen=True, slots=True)
class Round:
    """What is planted: nothing, when there is no `defect`."""

    number: int
    defect: Defect | None
    mix: str
    weather: str
    seed: int

    @property
    def name(self) -> str:
        what = self.defect.name if self.defect else f"clean {self.mix}"
        return f"{what}, wire: {self.weather}" if self.weather else what


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What all rounds add up to. `wrong` are told one by one."""

    planted: int = 0
    found: int = 0
    clean: int = 0
    alarms: int = 0
    inconclusive: int = 0
    transfers: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    wrong: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        recall = self.found / self.planted if self.planted else None
        return {**asdict(self), "recall": recall, "good": self.good}

    def render(self) -> str:
        lines = [
            f"planted   {self.planted} failures, {self.found} found with the right cause",
            f"clean     {self.clean} boards, {self.transfers:,} transfers, "
            f"{self.alarms} false alarms",
        ]
        if self.inconclusive:
            lines.append(f"rig       {self.inconclusive} rounds inconclusive")
        return "\n".join([*lines, *(f"wrong     {escaped(one)}" for one in self.wrong)])


def rounds(seed: int) -> Iterator[Round]:
    """For ever; the same for the same seed."""
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        own = dice.getrandbits(31)
        if dice.random() < CLEAN_SHARE:
            yield Round(number, None, dice.choice(CLEAN_MIXES), dice.choice(WEATHERS), own)
        else:
            yield Round(number, dice.choice(DEFECTS), "soak", "", own)


def run(
    image: Path, place: Path, *, seed: int, count: int | None, seconds: float | None,
    say: Callable[[str], None],
) -> Outcomes:  # fmt: skip
    """`count` rounds, or as many as fit into `seconds`. `image` is one with planted failures.

    `place`: where the run folders of wrong rounds stay.
    """
    begun = time.monotonic()
    total = Outcomes()
    for one in rounds(seed):
        spent = time.monotonic() - begun
        if (count is not None and one.number > count) or (seconds is not None and spent > seconds):
            break
        folder = place / f"{one.number:04d}"
        summary = _interruptible(one, image, folder)
        if summary is None:
            shutil.rmtree(folder, ignore_errors=True)
            return replace(total, interrupted=True)
        gc.collect()  # a run's objects know each other: Python waits for many, these are large
        before, total = total, add(total, one, summary, time.monotonic() - begun)
        say(f"{one.number:>4}  {one.name:<40} {headline(summary.verdict)[:90]}")
        if total.wrong == before.wrong:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"      wrong: {total.wrong[-1]}; see {folder}")
    return total


def add(total: Outcomes, one: Round, summary: Summary, seconds: float) -> Outcomes:
    """Pure: one more round."""
    verdict, facts = summary.verdict, asdict(total) | {"seconds": round(seconds, 1)}
    complaint = _complaint(one, summary)
    facts["inconclusive"] += verdict.outcome is Outcome.INCONCLUSIVE
    if one.defect is None:
        facts["clean"] += 1
        facts["transfers"] += summary.tally.ok
        facts["alarms"] += verdict.outcome is Outcome.FAILED
    else:
        facts["planted"] += 1
        facts["found"] += not complaint
    if complaint:
        facts["wrong"] = (*total.wrong, f"round {one.number} ({one.name}): {complaint}")
    return Outcomes(**facts)


def _complaint(one: Round, summary: Summary) -> str:
    verdict = summary.verdict
    if one.defect is None:
        return "" if verdict.outcome is Outcome.PASSED else headline(verdict)
    if (verdict.outcome, verdict.cause) != (Outcome.FAILED, one.defect.cause):
        return f"{one.defect.cause.value} was planted: {headline(verdict)}"
    function = one.defect.function
    if function and not same_function(verdict.function, function):
        return f"in {function}, not in {verdict.function or 'no function'}: {headline(verdict)}"
    return ""


def _interruptible(one: Round, image: Path, out: Path) -> Summary | None:
    """None: by Ctrl-C, which says nothing of this round."""
    try:
        summary = _soak(one, image, out)
    except KeyboardInterrupt:
        interrupts.taken()
        return None
    return None if summary.interrupted else summary


def _soak(one: Round, image: Path, out: Path) -> Summary:
    clean = one.defect is None
    transfers = CLEAN_TRANSFERS if clean else PLANTED_TRANSFERS
    if one.defect is not None and one.defect.slow:
        transfers = SLOW_TRANSFERS
    options = SoakOptions(scenarios=(one.mix,), transfers=transfers, seed=one.seed)
    args = "" if one.defect is None else f"defect={one.defect.armed}"
    choice = BoardChoice("qemu", image, args, one.seed)
    weather = faults.parse(one.weather) if one.weather else None
    harmful = choose_faulty("tap", weather, one.seed) if weather else None
    wire: Wire = harmful or choose("auto")
    patience = PATIENT if harmful else Patience()
    with contextlib.closing(wire), contextlib.closing(RunFolder(out)) as folder:
        session = assemble(choice, wire, folder=folder, patience=patience)
        with powered(session):
            quiet = PlainDisplay(io.StringIO())
            return Soak(session, folder, plan(options), native(), quiet, harmful).run()


@contextlib.contextmanager
def busy_host(processes: int | None = None) -> Iterator[None]:
    """Something else keeps every core at work."""
    spin = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(spin) for _ in range(processes or os.cpu_count() or 1)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
