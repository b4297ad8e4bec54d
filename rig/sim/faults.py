"""Faults of a wire as text: `a12:drop,b3:late500+bit77`.

Rules     pure. A fault names one frame: `a` goes towards the board and `b` towards the client, and
          frames are counted from 0 in each direction. What is not named is delayed as the plan
          says, and nothing else. str() and parse() are each other's inverse.

            drop     it is lost
            lateN    it comes N us later than others (jitter, or held back to be overtaken)
            bitN     its N-th bit is inverted, counted from the first bit of the first byte
            cutN     N bytes of it are left
            dupN     a second copy comes, N us later than others
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FAULT = re.compile(
    r"(?P<towards>[ab])(?P<number>\d{1,7}):"
    r"(?:(?P<drop>drop)"
    r"|(?=[a-z])(?:late(?P<late>\d{1,9}))?(?:\+?bit(?P<bit>\d{1,5}))?(?:\+?cut(?P<cut>\d{1,4}))?"
    r"(?:\+?dup(?P<dup>\d{1,9}))?)"
)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What happened to one frame. A frame that is lost has no other fault."""

    towards: str
    number: int
    drop: bool = False
    late_us: int = 0
    bit: int = -1  # -1: none
    cut: int = -1  # bytes left; -1: whole
    dup_us: int = -1  # -1: no second copy

    def __str__(self) -> str:
        if self.drop:
            words = ["drop"]
        else:
            words = [
                f"{name}{value}"
                for name, value, none in (
                    ("late", self.late_us, 0),
                    ("bit", self.bit, -1),
                    ("cut", self.cut, -1),
                    ("dup", self.dup_us, -1),
                )
                if value != none
            ]
        return f"{self.towards}{self.number}:{'+'.join(words)}"


def parse(text: str) -> tuple[Fault, ...]:
    """ValueError: the word that is no fault, or that names a frame for the second time."""
    faults = tuple(_parse_one(word) for word in text.split(",") if text)
    seen: set[tuple[str, int]] = set()
    for fault in faults:
        frame = (fault.towards, fault.number)
        if frame in seen:
            raise ValueError(f"{fault.towards}{fault.number} is named twice")
        seen.add(frame)
    return faults


def _parse_one(word: str) -> Fault:
    found = _FAULT.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no fault")
    got = {name: int(value) for name, value in found.groupdict("-1").items() if value.isdigit()}
    fault = Fault(
        found["towards"],
        got["number"],
        drop=found["drop"] is not None,
        late_us=got.get("late", 0),
        bit=got.get("bit", -1),
        cut=got.get("cut", -1),
        dup_us=got.get("dup", -1),
    )
    if str(fault) != word:  # late0, a number with leading zeros, a plus too many
        raise ValueError(f"{word!r} is no fault")
    return fault


def to_text(faults: tuple[Fault, ...]) -> str:
    return ",".join(str(fault) for fault in faults)
