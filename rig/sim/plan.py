"""A try, as data: one line of text says all that a run in the simulator depends on.

Rules     a plan is a value; parse(str(plan)) == plan. What stands at its default is not written.
          parse() refuses, in one line, what could not be run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from rig.errors import UserError
from rig.sim import acts, faults
from rig.sim.acts import Act
from rig.sim.diagnose import EXPECTED
from rig.sim.faults import Fault

BIG_BYTES = 200_000

#: Faults that a wire draws, frame by frame; `fates` is what a run made of them.
CHANCES = ("loss", "burst_start", "burst_end", "duplicate", "reorder", "corrupt", "truncate")
DRAWN = (*CHANCES, "jitter_us", "flaps")


@dataclass(frozen=True, slots=True)
class Plan:
    """`clients` fetch `transfers` streams each, or, with `noise`, a peer sends so many ICMP echo
    replies that nobody asked for, in bursts of `burst`.

    `chunk` 0 asks for `big`; else for `gen` with `size` bytes in such chunks.

    The wire, the same in both directions: `delay_us` and `rate_bytes_per_s` for every frame;
    chances of faults and `jitter_us`, drawn from the seed; `flaps`, times in us between which it is
    down, `1200000-1300000,…`; or, instead of what is drawn, `fates`, each fault by itself
    (rig/sim/faults.py).

    `choices` is "none", "random:SEED:TIME[:ORDER:MEMORY]", "pct:SEED:DEPTH:POINTS:TIME",
    "robin:SLICE" (TIME: a scheduling point in so many takes time, 0 none; ORDER: one choice of
    threads and one wait in so many; MEMORY: one allocation in so many fails) or a recorded list,
    `41:s2,77:t30`.

    With `acts` it is a siege (rig/sim/siege.py), whose load they are. The wire stays; its faults
    are drawn, and nobody chooses.
    """

    seed: int = 1
    bug: str = ""
    clients: int = 1
    transfers: int = 1
    size: int = BIG_BYTES
    chunk: int = 0
    noise: int = 0
    burst: int = 1
    delay_us: int = 50
    rate_bytes_per_s: int = 0
    jitter_us: int = 0
    loss: float = 0.0
    burst_start: float = 0.0
    burst_end: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0
    truncate: float = 0.0
    flaps: str = ""
    fates: str = ""
    choices: str = "none"
    acts: str = ""

    def __str__(self) -> str:
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default or field.name == "seed":
                words.append(f"{field.name}={value}")
        return " ".join(words)

    @property
    def recorded(self) -> bool:
        """The choices are a list, not a way to draw them, and so are the faults; or it is a siege,
        which is as it is."""
        listed = self.choices == "none" or self.choices[:1].isdigit()
        return bool(self.acts) or (listed and not self.drawn_faults())

    def choice_list(self) -> tuple[str, ...]:
        assert self.choices == "none" or self.choices[:1].isdigit()
        return () if self.choices == "none" else tuple(self.choices.split(","))

    def with_choices(self, choices: tuple[str, ...]) -> Plan:
        return replace(self, choices=",".join(choices) or "none")

    def act_list(self) -> tuple[Act, ...]:
        return acts.parse(self.acts)

    def with_acts(self, some: tuple[Act, ...]) -> Plan:
        """A siege of none is one that waits for nothing."""
        return replace(self, acts=acts.to_text(some) or "wait0")

    # ---- The wire ----------------------------------------------------------------------------

    def drawn_faults(self) -> tuple[str, ...]:
        """Names of what the wire draws from the seed."""
        return tuple(name for name in DRAWN if getattr(self, name) != _DEFAULTS[name])

    def without(self, *names: str) -> Plan:
        """These at their defaults."""
        changes: dict[str, Any] = {name: _DEFAULTS[name] for name in names}
        return replace(self, **changes)

    def fault_list(self) -> tuple[Fault, ...]:
        return faults.parse(self.fates)

    def with_faults(self, some: tuple[Fault, ...]) -> Plan:
        """These faults instead of whatever the wire did."""
        return replace(self.without(*DRAWN), fates=faults.to_text(some))

    def flap_list(self) -> list[tuple[int, int]]:
        """(down, up) in us since boot."""
        pairs = [word.split("-") for word in self.flaps.split(",") if word]
        return [(int(down), int(up)) for down, up in pairs]


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Plan)}
#: What a siege has no use for.
_NOT_WITH_ACTS = ("clients", "transfers", "size", "chunk", "noise", "burst", "fates", "choices")


# ---- Reading ---------------------------------------------------------------------------------

_LEAST = {"clients": 1, "transfers": 1, "size": 1, "burst": 1}
_MOST = {
    "seed": (1 << 63) - 1,
    "clients": 64,
    "transfers": 1_000_000,
    "size": 1 << 30,
    "chunk": 1 << 20,
    "noise": 1_000_000,
    "burst": 1000,
    "delay_us": 10_000_000,
    "jitter_us": 10_000_000,
    "rate_bytes_per_s": 1 << 40,
}
_CHOICES = re.compile(
    r"none|random:\d{1,10}:N(?::N:N)?|pct:\d{1,10}:\d{1,2}:N:N|robin:N|C(?:,C)*".replace(
        "C", r"N:[snptwa]\d{1,4}"
    ).replace("N", r"\d{1,9}")
)
_FLAP = re.compile(r"(\d{1,12})-(\d{1,12})")


def parse(line: str) -> Plan:
    """The plan of a line. UserError: what is wrong with it."""
    values: dict[str, Any] = {}
    for word in line.split():
        name, equals, text = word.partition("=")
        if not equals or name not in _DEFAULTS:
            raise _no_plan(f"{word!r} is no part of a plan")
        if name in values:
            raise _no_plan(f"{name} is there twice")
        values[name] = _value(name, text)
    plan = Plan(**values)
    if plan.fates and plan.drawn_faults():
        raise _no_plan(f"fates= takes the place of {plan.drawn_faults()[0]}=: give one of them")
    if plan.acts and (beside := [name for name in _NOT_WITH_ACTS if name in values]):
        raise _no_plan(f"acts= and {beside[0]}= do not go together: give one of them")
    return plan


def _value(name: str, text: str) -> Any:
    try:
        value = type(_DEFAULTS[name])(text)
    except ValueError:
        raise _no_plan(f"{text!r} is no value for {name}") from None
    try:
        problem = _CHECKS[name](value) if name in _CHECKS else _number_problem(name, value)
    except ValueError as error:
        problem = str(error)
    if problem:
        raise _no_plan(f"{name}: {problem[:100]}")
    return value


def _number_problem(name: str, value: float) -> str:
    least, most = (0, 1) if name in CHANCES else (_LEAST.get(name, 0), _MOST[name])
    return "" if least <= value <= most else f"{value} is not between {least} and {most}"


def _bug_problem(name: str) -> str:
    return "" if name in EXPECTED else f"{name!r} is none of {', '.join(EXPECTED)}"


def _choices_problem(text: str) -> str:
    return "" if _CHOICES.fullmatch(text) else f"{text[:60]!r} is no way to choose"


def _flaps_problem(text: str) -> str:
    for word in text.split(","):
        found = _FLAP.fullmatch(word)
        if found is None or not int(found[1]) < int(found[2]):
            return f"{word!r} is no time DOWN-UP"
    return ""


def _fates_problem(text: str) -> str:
    faults.parse(text)  # its ValueError says what is wrong
    return ""


def _acts_problem(text: str) -> str:
    acts.parse(text)  # likewise
    return ""


_CHECKS: dict[str, Callable[[Any], str]] = {
    "acts": _acts_problem,
    "bug": _bug_problem,
    "choices": _choices_problem,
    "flaps": _flaps_problem,
    "fates": _fates_problem,
}


def _no_plan(what: str) -> UserError:
    return UserError(what, where="kyu sim replay")
