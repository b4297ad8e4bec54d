"""One log of the golden corpus, and what a person has decided that it must be told as."""

from __future__ import annotations

from dataclasses import dataclass

from rig.console.grammar import PROMPT


@dataclass(frozen=True, slots=True)
class Told:
    """What must be told of one boot. `cause` is empty when nothing alarming is in it."""

    cause: str = ""
    function: str = ""
    thread: str = ""
    reason: str = ""

    def __str__(self) -> str:
        told = (self.cause or "no alarm", self.function, self.thread, self.reason)
        return " | ".join(told).rstrip(" |")


@dataclass(frozen=True, slots=True)
class Case:
    """`says`: what the text must hold, whatever else is in it. `name` is that of the file."""

    name: str
    about: str
    log: bytes
    boots: tuple[Told, ...]
    says: tuple[str, ...] = ()


NO_ALARM = Told()


def raw(lines: list[str]) -> bytes:
    """As the serial line carries it: CR LF behind each line but the prompt."""
    text = "".join(line if line == PROMPT else line + "\r\n" for line in lines)
    return text.encode("latin-1")
