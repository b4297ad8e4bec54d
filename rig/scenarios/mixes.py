"""Soak mixes: what is asked of the board, transfer by transfer.

Rules     the request of a number depends on the number and the seed alone, so that a run can be
          resumed and repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from rig.errors import UserError
from rig.traffic.request import BIG_BYTES, Manner, Request

_DAMAGE = "corrupt=1% truncate=0.5% duplicate=1%"
_FLAPS = "flaps=" + "/".join(f"{at}00ms-{at + 2}00ms" for at in (3, 9, 15, 21, 27))
CHUNKS = (2_000, 2_048, 5_000, 6_500, 8_000, 65_536)


@dataclass(frozen=True, slots=True)
class Mix:
    """`parallel` is the default number of clients; the rest too can be changed by options."""

    name: str
    what: str
    request: Callable[[int, int], Request]
    transfers: int = 200
    parallel: int = 1
    faults: str = ""  # what its wire does, unless --faults says otherwise
    hours: float | None = None  # instead of a number of transfers

    @property
    def described(self) -> str:
        """One line for people."""
        length = f"{self.transfers} transfers" if self.hours is None else f"{self.hours:g} hours"
        wire = f"; wire: {self.faults}" if self.faults else ""
        return f"{self.what} ({length}, {self.parallel} at once{wire})"


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


def _upload(number: int, seed: int) -> Request:
    size = _dice(number, seed).choice((1, 1_460, 65_536, BIG_BYTES, 1_000_000))
    return Request("sink", size, _stream_seed(number, seed))


def _slow(_number: int, _seed: int) -> Request:
    return Request(manner="slow")


def _abandon(number: int, seed: int) -> Request:
    """Half of the clients close, half reset, anywhere in the stream."""
    dice = _dice(number, seed)
    manner: Manner = "leave" if dice.randrange(2) else "reset"
    return Request(manner=manner, stop_at=dice.randrange(1, BIG_BYTES))


def _churn(number: int, seed: int) -> Request:
    """Connections that are hardly used, then a whole one, to see that the board still serves."""
    dice = _dice(number, seed)
    if number % 8 == 0:
        return Request()
    manner: Manner = "leave" if dice.randrange(2) else "reset"
    return Request(manner=manner, stop_at=dice.choice((0, 0, 1, 1_460, 20_000)))


def _overnight(number: int, seed: int) -> Request:
    """Mostly what the mission did; now and then everything else."""
    dice = _dice(number, seed)
    kinds = (_big, _mixed, _upload, _slow, _abandon, _churn)
    (kind,) = dice.choices(kinds, weights=(50, 25, 10, 3, 7, 5))
    return kind(number, seed)


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
        Mix("upload", "`sink`: the board receives 1 byte to 1 MB and compares", _upload),
        Mix("slow", "a reader that lets its window close again and again", _slow, transfers=20),
        Mix("abandon", "clients that close or reset in the middle", _abandon, parallel=4),
        Mix("churn", "connections hardly used, closed or reset at once", _churn, parallel=8),
        Mix("loss", "1 % of all frames is lost", _big, faults="loss=1%"),
        Mix("reorder", "frames overtake each other", _big, faults="reorder=2% jitter=300us"),
        Mix("corrupt", "damaged, cut and doubled frames", _mixed, faults=_DAMAGE, parallel=4),
        Mix("flap", "the link goes down five times", _big, 400, faults=_FLAPS),
        Mix("overnight", "a weighted mix, for 8 hours", _overnight, parallel=4, hours=8.0),
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
