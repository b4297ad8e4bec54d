"""A try, as data: one line of text says all that a run in the simulator depends on.

Rules     a plan is a value; parse(str(plan)) == plan. What stands at its default is not written.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from rig.errors import UserError

BIG_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Plan:
    """`clients` fetch `transfers` streams each, or, with `noise`, a peer sends so many ICMP echo
    replies that nobody asked for, in bursts of `burst`.

    `chunk` 0 asks for `big`; else for `gen` with `size` bytes in such chunks. `choices` is "none",
    "random:SEED:TIME[:ORDER:MEMORY]", "pct:SEED:DEPTH:POINTS:TIME", "robin:SLICE" (TIME: a
    scheduling point in so many takes time, 0 none; ORDER: one choice of threads and one wait in so
    many; MEMORY: one allocation in so many fails) or a recorded list, `41:s2,77:t30`. `drops`
    lists frames that the wire loses, `a12,b3` (towards the board, towards the client); it replaces
    `loss`.
    """

    seed: int = 1
    bug: str = ""
    clients: int = 1
    transfers: int = 1
    size: int = BIG_BYTES
    chunk: int = 0
    noise: int = 0
    burst: int = 1
    loss: float = 0.0
    delay_us: int = 50
    drops: str = ""
    choices: str = "none"

    def __str__(self) -> str:
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default or field.name == "seed":
                words.append(f"{field.name}={value}")
        return " ".join(words)

    @property
    def recorded(self) -> bool:
        """The choices are a list, not a way to draw them."""
        return self.choices == "none" or self.choices[:1].isdigit()

    def choice_list(self) -> tuple[str, ...]:
        assert self.recorded
        return () if self.choices == "none" else tuple(self.choices.split(","))

    def with_choices(self, choices: tuple[str, ...]) -> Plan:
        return replace(self, choices=",".join(choices) or "none")


def parse(line: str) -> Plan:
    """The plan of a line. UserError: what is wrong with it."""
    known: dict[str, Any] = {field.name: getattr(Plan(), field.name) for field in fields(Plan)}
    values: dict[str, Any] = {}
    for word in line.split():
        name, equals, text = word.partition("=")
        if not equals or name not in known:
            raise UserError(f"{word!r} is no part of a plan", where="kyu sim replay")
        try:
            values[name] = type(known[name])(text)
        except ValueError:
            raise UserError(f"{text!r} is no value for {name}", where="kyu sim replay") from None
    return Plan(**values)
