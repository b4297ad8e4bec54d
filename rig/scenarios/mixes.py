"""Soak mixes: what is asked of the board, transfer by transfer.

Rules     the request of a number depends on the number and the seed alone, so that a run can be
          resumed and repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from rig.errors import UserError
from rig.traffic.request import BIG_BYTES, Request

CHUNKS = (2_000, 2_048, 5_000, 6_500, 8_000, 65_536)


@dataclass(frozen=True, slots=True)
class Mix:
    """`parallel` is the default number of clients."""

    name: str
    what: str
    request: Callable[[int, int], Request]
    transfers: int = 200
    parallel: int = 1


def _dice(number: int, seed: int) -> random.Random:
    return random.Random(f"{seed}:{number}")


def _stream_seed(number: int, seed: int) -> int:
    return _dice(number, seed).getrandbits(31)


def _big(_number: int, _seed: int) -> Request:
    return Request()


def _chunks(number: int, seed: int) -> Request:
    chunk = CHUNKS[(number - 1) % len(CHUNKS)]
    return Request("gen", BIG_BYTES, _stream_seed(number, seed), chunk)


def _half_close(_number: int, _seed: int) -> Request:
    return Request(half_close=True)


def _mixed(number: int, seed: int) -> Request:
    dice = _dice(number, seed)
    kind = dice.randrange(4)
    if kind == 0:
        return Request()
    if kind == 1:
        return Request(half_close=True)
    size = dice.choice((1, 1_460, 65_536, BIG_BYTES, dice.randrange(1, 1_000_000)))
    return Request("gen", size, dice.getrandbits(31), dice.choice(CHUNKS), kind == 3)


MIXES = {
    mix.name: mix
    for mix in (
        Mix("soak", "the mission's test: `big`, 200,000 bytes, again and again", _big),
        Mix("smoke", "three `big` transfers: is anybody there?", _big, transfers=3),
        Mix("chunks", "`gen` written in chunks of 2,000 to 65,536 bytes", _chunks),
        Mix("parallel", "`big` by eight clients at once", _big, parallel=8),
        Mix("halfclose", "`big` from a client that has closed its own half", _half_close),
        Mix("mixed", "all of these, sizes from 1 byte to 1 MB, four at once", _mixed, parallel=4),
    )
}


def find(name: str) -> Mix:
    """Raises UserError that lists the names."""
    try:
        return MIXES[name]
    except KeyError:
        names = ", ".join(MIXES)
        raise UserError(f"no scenario is named {name!r}", mend=f"there are {names}") from None


def generated(size: int, chunk: int) -> Callable[[int, int], Request]:
    """--bytes and --chunk: `gen` instead of `big`."""

    def request(number: int, seed: int) -> Request:
        return Request("gen", size, _stream_seed(number, seed), chunk)

    return request
