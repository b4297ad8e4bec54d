"""How busy the host is, second by second: so that a starved host is not taken for a failed board.

Context   its own thread, from start() to stop(); sample() anywhere.
Source    proc(5): /proc/loadavg, the `cpu` row of /proc/stat; Documentation/accounting/psi.
Rules     what this host does not tell is left out. The one judgement is excuse().
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from rig.verdict import Cause, Verdict, inconclusive

FILE = "host.jsonl"

EVERY_S = 1.0
#: Seconds that are looked back upon to excuse a board; and that evidence holds.
KEPT, SHOWN = 8, 60
#: What a board may be blamed for that is only late.
EXCUSABLE = frozenset({Cause.STALL, Cause.CONNECT_TIMEOUT})
_TICKS = os.sysconf("SC_CLK_TCK")
#: A share of the time in which somebody waited for a processor, from which on a host is starved.
STARVED = 0.8


@dataclass(frozen=True, slots=True)
class Load:
    """`at`: seconds of the monotonic clock. Shares of the time since the sample before: `busy` and
    `steal` of all processors; `waited`: somebody was runnable and had no processor (PSI, `some`).
    `harmed`: frames that the wire has spoiled, since the run began.
    """

    at: float
    load1: float
    busy: float = 0.0
    steal: float = 0.0
    waited: float = 0.0
    harmed: int = 0

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 3) for name, value in asdict(self).items()}

    @property
    def starved(self) -> bool:
        return self.waited >= STARVED or self.steal >= STARVED


@dataclass(frozen=True, slots=True)
class _Counts:
    """What only grows: seconds."""

    at: float
    busy: float
    steal: float
    waited: float


class Sampler:
    """`emit` is called on its thread, once a second."""

    def __init__(
        self, emit: Callable[[Load], None], proc: Path = Path("/proc"), every_s: float = EVERY_S
    ) -> None:
        self._emit = emit
        self._proc = proc
        self._every_s = every_s
        self._before = self._counts()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="host-load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def sample(self) -> Load:
        before, now = self._before, self._counts()
        self._before = now
        gone = max(now.at - before.at, 1e-3)
        processors = os.cpu_count() or 1
        return Load(
            now.at,
            self._load1(),
            _share(now.busy - before.busy, gone * processors),
            _share(now.steal - before.steal, gone * processors),
            _share(now.waited - before.waited, gone),
        )

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            self._emit(self.sample())

    def _load1(self) -> float:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return float((self._proc / "loadavg").read_text().split()[0])
        return 0.0

    def _counts(self) -> _Counts:
        busy = steal = waited = 0.0
        with contextlib.suppress(OSError, ValueError, IndexError):
            row = [
                int(word) for word in (self._proc / "stat").read_text().split("\n")[0].split()[1:]
            ]
            idle, steal = row[3] + row[4], row[7] / _TICKS
            busy = (sum(row[:8]) - idle) / _TICKS
        with contextlib.suppress(OSError, ValueError, IndexError):
            some = (self._proc / "pressure" / "cpu").read_text().split("\n")[0]
            waited = int(some.rpartition("total=")[2]) / 1e6
        return _Counts(time.monotonic(), busy, steal, waited)


class HostRecord:
    """A run's samples: in its folder, and the last of them at hand."""

    def __init__(self, path: Path, harm: Callable[[], int] = lambda: 0) -> None:
        """`harm`: frames that the wire has spoiled so far. Where no file can be written there is
        none: a full disk is told by those who need theirs.
        """
        self._last: deque[Load] = deque(maxlen=SHOWN)
        self._harm = harm
        self._file = None
        with contextlib.suppress(OSError):
            self._file = path.open("a", encoding="utf-8", buffering=1)
        self._sampler = Sampler(self.take)

    def __enter__(self) -> Self:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._sampler.stop()
        self.close()

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def take(self, load: Load) -> None:
        load = replace(load, harmed=self._harm())
        self._last.append(load)
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.write(json.dumps(load.as_json()) + "\n")

    @property
    def shown(self) -> tuple[Load, ...]:
        """The last seconds, for evidence; from any thread."""
        return tuple(self._last)

    @property
    def last(self) -> Load | None:
        return self._last[-1] if self._last else None

    def excuse(self, verdict: Verdict, told: str) -> Verdict:
        """A stall for which the board's memory has no reason (`told`), on a host that was starved
        all the time, is no word about the board. Everything else stands.
        """
        loads = list(self._last)[-KEPT:]
        unexplained = verdict.cause in EXCUSABLE and not told
        if not unexplained or len(loads) < KEPT or not all(load.starved for load in loads):
            return verdict
        waited, steal = _mean(loads, "waited"), _mean(loads, "steal")
        why = f"the host was starved: {waited:.0%} of {len(loads)} s waited for a processor"
        return inconclusive(verdict.at, f"{verdict.detail}; but {why}, {steal:.0%} stolen")


def told(loads: Sequence[Load]) -> str:
    """The last KEPT seconds in a line; nothing without any."""
    last = loads[-KEPT:]
    if not last:
        return ""
    busy, waited, steal = (_mean(last, name) for name in ("busy", "waited", "steal"))
    starved = sum(load.starved for load in last)
    said = f"starved in {starved} of the last {len(last)} s" if starved else "was not starved"
    return (
        f"{said}: processors {busy:.0%} busy, {steal:.0%} stolen; somebody waited for one "
        f"{waited:.0%} of the time; load {last[-1].load1:.1f}"
    )


def table(loads: Sequence[Load]) -> str:
    """A row a second, the last one at 0, and what the columns mean."""
    head = f"{'second':>7} {'busy':>6} {'waited':>7} {'stolen':>7} {'load':>6}  starved"
    rows = [
        f"{load.at - loads[-1].at:7.0f} {load.busy:6.0%} {load.waited:7.0%} {load.steal:7.0%} "
        f"{load.load1:6.1f}  {'STARVED' if load.starved else '-'}"
        for load in loads
    ]
    meaning = [
        "",
        "second   before this was written; each row is the time since the row above",
        "busy     share of all processors in use",
        "waited   share of the time in which somebody was runnable and had no processor (PSI)",
        "stolen   share that another virtual machine took",
        f"starved  waited or stolen from {STARVED:.0%} on: what is late may be the host's doing",
    ]
    return "\n".join([head, *rows, *meaning]) + "\n"


def _mean(loads: Sequence[Load], name: str) -> float:
    return sum(float(getattr(load, name)) for load in loads) / len(loads)


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole))
