"""Acts of a siege as text: `talk0:s100.r50.all,wait200000,rst3:-1460`.

Rules     pure. str() and parse() are each other's inverse; what could not be played is refused.

            talkN:CALLS  board N (0 or 1) connects to the other's echo service, makes CALLS, joined
                         by dots: sBYTES sends, rBYTES reads, zUS sleeps, and at the end all (sends
                         no more, reads to the end, closes), close or abort
            bigN         board N fetches `big` from the other
            waitUS       time passes, and the stranger looks at the frames that went by
            againI       the stranger sends the I-th of the last frames it has seen once more
            rstI:BY      ... or a reset in its name, BY above its sequence number
            rstackI:BY   ... or one with its acknowledgement
            synI:BY      ... or a SYN
            farI:BYTES   ... or so much text, and an acknowledgement, far from its numbers
            spoilI:AT:X  ... or the frame itself with the bits X of one byte inverted
            errorI:C:MTU ... or an ICMP error of type 3 and code C about it, to its sender
            noiseN:HEX   the stranger sends board N an IPv4 frame of these bytes
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BOARDS = 2
_BY, _BYTES = r"-?\d{1,10}", r"\d{1,4}"
_CALLS = r"(?:[sr]\d{1,6}\.|z\d{1,8}\.)*(?:all|close|abort)"
_ARGUMENTS = {
    "talk": (_CALLS,),
    "big": (),
    "wait": (),
    "again": (),
    "rst": (_BY,),
    "rstack": (_BY,),
    "syn": (_BY,),
    "far": (r"1?\d{1,3}",),
    "spoil": (_BYTES, r"[1-9]\d{0,2}"),
    "error": (r"1?\d", r"\d{1,5}"),
    "noise": (r"(?:[0-9a-f]{2})*",),
}
_WORD = re.compile(r"([a-z]+)(0|[1-9]\d{0,8})((?::[^:]*)*)")


@dataclass(frozen=True, slots=True)
class Act:
    """`number` is the N, US or I of the table above; the arguments are as they are written."""

    kind: str
    number: int
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}{self.number}" + "".join(f":{a}" for a in self.arguments)

    @property
    def calls(self) -> list[str]:
        return self.arguments[0].split(".")

    @property
    def numbers(self) -> list[int]:
        return [int(a) for a in self.arguments]


def parse(text: str) -> tuple[Act, ...]:
    """ValueError: the word that is no act."""
    return tuple(_parse_one(word) for word in text.split(","))


def _parse_one(word: str) -> Act:
    found = _WORD.fullmatch(word)
    kind = found[1] if found else ""
    arguments = tuple(found[3].split(":")[1:]) if found else ()
    shapes = _ARGUMENTS.get(kind)
    if found is None or shapes is None or len(shapes) != len(arguments):
        raise ValueError(f"{word[:60]!r} is no act")
    act = Act(kind, int(found[2]), arguments)
    for shape, argument in zip(shapes, arguments, strict=True):
        if not re.fullmatch(shape, argument):
            raise ValueError(f"{word[:60]!r} is no act")
    if kind in ("talk", "big", "noise") and act.number >= BOARDS:
        raise ValueError(f"{word[:60]!r} is about board {act.number}, and there are 0 and 1")
    return act


def to_text(acts: tuple[Act, ...]) -> str:
    return ",".join(str(act) for act in acts)
