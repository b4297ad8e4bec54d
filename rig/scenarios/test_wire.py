"""Scenarios: transfers on a wire that does harm, and beside others who shout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig.scenario import Guest, scenario
from rig.scenarios import storms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FLAPS = "flaps=" + "/".join(f"{at}00ms-{at + 2}00ms" for at in (3, 9, 15, 21, 27))


@scenario(faults="loss=1%", visits=6)
def test_loss(guest: Guest) -> None:
    """1 % of all frames is lost."""
    guest.big()


@scenario(faults="reorder=2% jitter=300us", visits=6)
def test_reorder(guest: Guest) -> None:
    """Frames overtake each other."""
    guest.big()


@scenario(faults="corrupt=1% truncate=0.5% duplicate=1%", parallel=4, visits=8)
def test_corrupt(guest: Guest) -> None:
    """Damaged, cut and doubled frames, both ways."""
    size = guest.dice.choice((1, 1_460, 65_536, 200_000))
    (guest.sink if guest.number % 3 == 0 else guest.gen)(size)


@scenario(transfers=400, faults=_FLAPS, visits=10)
def test_flap(guest: Guest) -> None:
    """The link goes down five times."""
    guest.big()


FLOODS: tuple[tuple[str, Callable[[Guest], Sequence[bytes]], int], ...] = (
    ("SYN", storms.syns, 2000),
    ("ARP", storms.arps, 1000),
    ("ICMP", storms.pings, 2000),
    ("UDP", storms.datagrams, 2000),
)


@scenario(needs=("raw",), visits=len(FLOODS))
def test_flood(guest: Guest) -> None:
    """A flood of SYN, ARP, ICMP or UDP beside transfers both ways."""
    _, make, per_s = FLOODS[(guest.number - 1) % len(FLOODS)]
    with guest.storm(make(guest), per_s):
        for _ in range(1 if guest.quick else 10):
            guest.big()
            guest.sink(100_000)


@scenario(needs=("raw",), visits=4)
def test_hostile(guest: Guest) -> None:
    """The packet cases of rig/hostile, as stated and mutated, beside transfers."""
    with guest.storm(storms.hostile(guest), 1000):
        for _ in range(2 if guest.quick else 10):
            guest.big()
