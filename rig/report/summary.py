"""summary.json, and the same for people. Renders; never judges.

Rules     what a board said stays as it was in summary.json, and steers no terminal (text.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rig.report.statistics import failure_rate_upper
from rig.report.text import escaped
from rig.report.times import Times
from rig.traffic.request import Result
from rig.verdict import Cause, Outcome, Verdict
from rig.wire.faults import brief


@dataclass(slots=True)
class Tally:
    """What a run adds up, transfer by transfer; the one mutable thing in the report."""

    attempted: int = 0
    ok: int = 0
    excused: int = 0  # the rig or its host has spoiled them
    bytes_ok: int = 0
    times: Times = field(default_factory=Times)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        self.attempted += 1
        if result.ok:
            self.add_ok(result.ms, result.received)

    def add_ok(self, ms: float, received: int) -> None:
        self.ok += 1
        self.bytes_ok += received
        self.times.add(ms)

    def add_failure(self, cause: Cause) -> None:
        self.failures[cause.value] += 1

    @property
    def failed(self) -> int:
        """Of the board. A failure counts once: the transfers that it cut short did not fail by
        themselves; and it counts if it has cut none.
        """
        return sum(n for cause, n in self.failures.items() if cause != Cause.RIG.value)

    @property
    def done(self) -> int:
        """Transfers that need not be made up for."""
        return self.attempted - self.excused


@dataclass(frozen=True, slots=True)
class Summary:
    """`seconds` is the time of the traffic alone, without boots and verdicts."""

    verdict: Verdict
    tally: Tally
    seconds: float
    boot_seconds: float | None = None
    warnings: tuple[str, ...] = ()
    interrupted: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        tally, times = self.tally, self.tally.times
        cause = self.verdict.cause
        return {
            "verdict": self.verdict.outcome.value,
            "cause": cause.value if cause else None,
            "detail": self.verdict.detail,
            "function": self.verdict.function,
            "interrupted": self.interrupted,
            "transfers_attempted": tally.attempted,
            "transfers_ok": tally.ok,
            "bytes_ok": tally.bytes_ok,
            "failures": dict(tally.failures),
            "seconds": round(self.seconds, 3),
            "boot_seconds": None if self.boot_seconds is None else round(self.boot_seconds, 3),
            "transfers_per_s": round(tally.ok / self.seconds, 2) if self.seconds else 0.0,
            "transfer_ms": {
                "p50": round(times.percentile(0.50), 3),
                "p99": round(times.percentile(0.99), 3),
                "max": round(times.longest, 3),
            },
            "goodput_bytes_per_s": round(tally.bytes_ok / self.seconds) if self.seconds else 0,
            "failure_rate_upper_95": failure_rate_upper(tally.failed, tally.ok + tally.failed),
            "warnings": list(self.warnings),
            **self.facts,
        }


def headline(verdict: Verdict) -> str:
    """One line for people."""
    if verdict.outcome is Outcome.PASSED:
        return "PASSED"
    cause = verdict.cause.value if verdict.cause else "interrupted"
    return f"{verdict.outcome.value.upper()} ({cause}): {escaped(verdict.detail)}"


def render(summary: Summary) -> str:
    """A few lines for people."""
    return describe(headline(summary.verdict), summary.as_json())


def describe(head: str, facts: Mapping[str, Any]) -> str:
    """The same from what summary.json holds."""
    ms = facts["transfer_ms"]
    lines = [
        head,
        f"  transfers  {facts['transfers_ok']} good of {facts['transfers_attempted']} attempted, "
        f"{facts['bytes_ok']:,} bytes, all compared",
        f"  time       {facts['seconds']:.1f} s, {facts['transfers_per_s']:.1f} transfers/s, "
        f"{facts['goodput_bytes_per_s'] / 1e6:.1f} MB/s",
    ]
    if facts["transfers_ok"]:
        times = f"p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f} ms, max {ms['max']:.1f} ms"
        lines.append(f"  transfer   {times}")
    if facts["transfers_ok"] and facts["failure_rate_upper_95"]:
        rate = facts["failure_rate_upper_95"]
        lines.append(f"  failures   at most {one_in(rate)} transfers (95 % confidence)")
    if facts["failures"]:
        listed = ", ".join(f"{cause} {count}" for cause, count in facts["failures"].items())
        lines.append(f"  seen       {listed}")
    if faults := facts.get("faults"):
        lines.append(f"  faults     {brief(faults['plan'])}")
        lines += [_lane(way, faults[way]) for way in ("to_board", "to_host")]
    lines += [f"  drift      {alarm['told']}" for alarm in facts.get("drift", ())]
    if facts["warnings"]:
        lines.append(f"  warnings   {len(facts['warnings'])}, the last: {facts['warnings'][-1]}")
    return "\n".join(map(escaped, lines))


def _lane(way: str, told: Mapping[str, Any]) -> str:
    harm = ("dropped", "duplicated", "corrupted", "truncated", "overflowed", "refused")
    done = [f"{told[name]:,} {name}" for name in harm if told[name]]
    what = ", ".join(done) or "none harmed"
    return f"  {way:<10} {told['frames']:,} frames, {what}; {told['own_us_per_frame']:.1f} us each"


def one_in(rate: float) -> str:
    """A failure rate for people."""
    return f"1 in {1 / rate:,.1f}" if rate > 0.01 else f"1 in {1 / rate:,.0f}"
