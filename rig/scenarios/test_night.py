"""Scenarios: the board is reset in the middle; and the night, which has everything."""

from __future__ import annotations

from pathlib import Path

from rig.scenario import Guest, scenario
from rig.scenarios import test_clients, test_transfers, test_wire

#: Mostly clear; now and then each kind of harm for some minutes.
WEATHER = str(Path(__file__).with_name("overnight.toml"))


@scenario(transfers=60, parallel=3, needs=("reset",), visits=3)
def test_reboot(guest: Guest) -> None:
    """The board is reset in the middle of transfers, and comes back."""
    if guest.number % 3 != 2:
        return guest.big()
    line = guest.connect("wangdoodle")
    line.send(b"big\n")
    read = guest.dice.randrange(1, 100_000)
    assert line.read(read) == guest.pattern()[:read]
    guest.reset_board()
    return guest.big()


#: Of a million visits of a night, about so many each. What lasts minutes by its nature is rare, or
#: the four visitors would all sit in silence: 400 s of long idle are as much as 20,000 transfers.
NIGHT = (
    (test_transfers.test_soak, 480_000),
    (test_transfers.test_mixed, 180_000),
    (test_transfers.test_chunks, 60_000),
    (test_transfers.test_upload, 80_000),
    (test_transfers.test_parallel, 10_000),
    (test_transfers.test_slow, 8_000),
    (test_clients.test_abandon, 60_000),
    (test_clients.test_churn, 60_000),
    (test_clients.test_services, 40_000),
    (test_clients.test_zero_window, 30),
    (test_clients.test_long_idle, 5),
    (test_wire.test_flood, 1_500),
    (test_wire.test_hostile, 1_500),
    (test_reboot, 100),
)


@scenario(parallel=4, hours=8.0, faults=WEATHER, needs=("raw", "reset"), visits=25)
def test_overnight(guest: Guest) -> None:
    """A weighted mix of all of these, on a wire whose weather changes, for a night."""
    bodies, weights = zip(*NIGHT, strict=True)
    (body,) = guest.dice.choices(bodies, weights)
    body(guest)
