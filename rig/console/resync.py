"""What one console line says, when lines are torn, interleaved or disturbed.

Rules     pure: a line and what was left of the one before, to what they say and what is left now.
          Only a checksum proves a frame that does not begin its line. A line into which frames were
          printed is put together again, and believed only if it is then understood.
          What repeats the crash of an earlier boot never becomes one of this boot, however its
          prefix was damaged.
          A torn line is no longer than a line can be: what is waited for in vain costs no memory.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache

from rig.console.grammar import (
    LAST_CRASH,
    MARK,
    BadFrame,
    Earlier,
    Frame,
    Parsed,
    Text,
    clean,
    parse,
    pieces,
    understood,
    without_noise,
)
from rig.console.lines import LINE_LIMIT_BYTES

#: So much of `last crash: ` must be left for a prefix to be recognised.
_ALIKE = 0.6


@lru_cache(maxsize=4)  # whoever looks ahead in a log reads each line twice
def read(line: str, torn: str = "") -> tuple[tuple[Parsed, ...], str]:
    """What the line says, and the beginning of a torn line whose rest may follow."""
    line = clean(line)
    if not torn and line.find(MARK, 1) < 0 and understood(alone := parse(line)):
        return (alone,), ""
    parts: list[str | Frame] = pieces(line) if MARK in line else [line]
    texts = [part for part in parts if isinstance(part, str)]
    if not texts:
        return tuple(part for part in parts if isinstance(part, Frame)), torn
    if len(parts) == 1 or understood(_alone(line)):
        return _without_frames(line, torn)
    return _between_frames(parts, torn)


def give_up(torn: str) -> tuple[Parsed, ...]:
    """Its rest has not come."""
    return (_alone(torn),) if torn else ()


def _without_frames(line: str, torn: str) -> tuple[tuple[Parsed, ...], str]:
    alone = _alone(line)
    if torn and not understood(alone) and understood(joined := _alone(torn + line)):
        return (joined,), ""
    return (*give_up(torn), alone), ""


def _between_frames(parts: list[str | Frame], torn: str) -> tuple[tuple[Parsed, ...], str]:
    """The frames, and whatever the texts between them say, alone or without the frames."""
    said: list[Parsed] = []
    rest = torn
    before = ""
    for index, part in enumerate(parts):
        if isinstance(part, Frame):
            said.append(_of_its_boot(part, before))
            continue
        before = part
        follows = parts[index + 1] if index + 1 < len(parts) else None
        if isinstance(follows, Frame) and isinstance(_of_its_boot(follows, part), Earlier):
            continue  # the prefix of that frame: nothing of its own
        if understood(alone := _alone(part)):
            said.append(alone)
        elif understood(joined := _alone(rest + part)):
            said.append(joined)
            rest = ""
        elif follows is None:
            said += [*give_up(rest), alone]
            rest = ""
        else:
            rest += part
            if len(rest) > LINE_LIMIT_BYTES:
                said += give_up(rest)
                rest = ""
    return tuple(said), rest


def _of_its_boot(frame: Frame, before: str) -> Parsed:
    if not frame.kind.startswith("crash-"):
        return frame
    end = before[-len(LAST_CRASH) :]
    alike = SequenceMatcher(None, end, LAST_CRASH, autojunk=False).ratio()
    return Earlier(frame) if alike >= _ALIKE else frame


def _alone(line: str) -> Parsed:
    """A line by itself. One that says nothing is tried again without its noise."""
    parsed = parse(line)
    if understood(parsed):
        return parsed
    calm = without_noise(line)
    if calm != line and understood(again := parse(calm)):
        return again
    at = line.find(MARK)
    if isinstance(parsed, Text) and at >= 0:
        torn_frame = BadFrame(line[at:])
        return torn_frame if torn_frame.claims != "?" else parsed
    return parsed
