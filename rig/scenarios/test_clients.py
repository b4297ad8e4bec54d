"""Scenarios: clients that come and go as they like, are silent for long, or are called back.

Rules     each ends with something that a well board answers rightly: what a client does to its own
          connection must not harm the next one.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.scenario import Guest, Line, scenario
from rig.traffic.request import BIG_BYTES, Manner, Request

_MINUTE, _DAY = 60.0, 86_400.0
#: The board drops a client that says nothing for 2 minutes (services/wangdoodle/talk.hpp).
_SILENCE = 100.0


@scenario(parallel=4, visits=40)
def test_abandon(guest: Guest) -> None:
    """Clients that close or reset anywhere in the stream."""
    manner: Manner = "leave" if guest.dice.randrange(2) else "reset"
    guest.transfer(Request(manner=manner, stop_at=guest.dice.randrange(1, BIG_BYTES)))


def _idle(_line: Line) -> None:
    """Connected."""


def _asked(line: Line) -> None:
    """The board begins to send."""
    line.send(b"big\n")


def _half_a_command(line: Line) -> None:
    line.send(b"bi")


def _streaming(line: Line) -> None:
    line.send(b"big\n")
    assert line.read(1460)


def _half_closed(line: Line) -> None:
    """Ours is closed, the board's goes on."""
    line.send(b"big\n")
    line.half_close()
    assert line.read(20_000)


def _closed_by_both(line: Line) -> None:
    line.half_close()
    assert line.read_all() == b""


def _closed_by_the_board(line: Line) -> None:
    """The board's half is closed, ours is not yet."""
    line.send(b"big\n")
    assert len(line.read_all()) == BIG_BYTES


#: What a connection can be when its client goes away.
STATES: tuple[Callable[[Line], None], ...] = (
    _idle,
    _half_a_command,
    _asked,
    _streaming,
    _half_closed,
    _closed_by_both,
    _closed_by_the_board,
)


@scenario(parallel=8, visits=2 * len(STATES))
def test_churn(guest: Guest) -> None:
    """Connect, then close or reset in every state of a connection."""
    state = STATES[(guest.number - 1) % len(STATES)]
    line = guest.connect("wangdoodle")
    state(line)
    (line.reset if (guest.number - 1) // len(STATES) % 2 else line.close)()
    if state is STATES[-1]:
        guest.big()


@scenario(transfers=20, parallel=4, visits=2)
def test_zero_window(guest: Guest) -> None:
    """A reader that reads nothing for half a minute, then everything."""
    with guest.connect("wangdoodle", window=4096) as line:
        line.send(b"big\n")
        guest.pause(_MINUTE / 2, quick=1.0)
        assert line.read_all() == guest.pattern()


@scenario(transfers=32, parallel=16, visits=2)
def test_long_idle(guest: Guest) -> None:
    """Connections that are silent for minutes and go on; in the simulator for a whole day."""
    words = int(_DAY / _SILENCE) if guest.virtual else 4
    with guest.connect("wangdoodle") as line:
        for number in range(words):
            line.send(b"stat\n")
            assert line.read(3) == b"OK\n", f"after {number} silences"
            guest.pause(_SILENCE, quick=0.5)
        line.half_close()
        assert line.read_all() == b""


@scenario(transfers=50, needs=("console", "connect-out"), visits=4)
def test_lots(guest: Guest) -> None:
    """The board connects out to a listener of this host and sends (`lots`, at its shell)."""
    size = guest.dice.choice((1, 132_555, 500_000))
    chunk = guest.dice.choice((1, 2_048, 8_000, 65_536)) if size < 200_000 else 8_000
    with guest.listen() as door:
        guest.type(f"lots {door.host} {door.port} {size} {max(chunk, size // 500)}")
        with door.accept() as line:
            assert line.read_all() == guest.stream(0, size)


def _echo(guest: Guest, service: str = "echo") -> None:
    said = guest.stream(guest.seed, guest.dice.randrange(1, 20_000))
    with guest.connect(service) as line:
        for at in range(0, len(said), 4_000):
            line.send(said[at : at + 4_000])
            assert line.read(len(said[at : at + 4_000])) == said[at : at + 4_000]
        line.half_close()
        assert line.read_all() == b""


def _classic_echo(guest: Guest) -> None:
    said = b"a line of %d\r\n" % guest.number
    with guest.connect("classic-echo") as line:
        line.send(said)
        assert line.read(len(said)) == said


def _discard(guest: Guest) -> None:
    with guest.connect("discard") as line:
        line.send(bytes(guest.dice.randrange(1, 300_000)))
        line.half_close()
        assert line.read_all() == b""


def _chargen(guest: Guest) -> None:
    count = guest.dice.randrange(1, 2_000)
    printable = bytes(range(0x20, 0x7F)) * 2
    wanted = b"".join(printable[n % 95 : n % 95 + 72] + b"\r\n" for n in range(count))
    with guest.connect("chargen") as line:
        assert line.read(len(wanted)) == wanted


def _daytime(guest: Guest) -> None:
    with guest.connect("daytime") as line:
        said = line.read_all()
    assert said.startswith(b"Kyu has been up for "), repr(said)


def _pirate(guest: Guest) -> None:
    with guest.connect("pirate") as line:
        assert line.read_all() == b"Dead men tell no tales\r\n"


def _blab(guest: Guest) -> None:
    """It serves one client after the other, and sees only with its next line that one has gone."""
    with guest.connect("blab", patience=60.0) as line:
        assert line.read(14) == b"Blab 1 of 25\r\n"


SERVICES = (_echo, _classic_echo, _discard, _chargen, _daytime, _pirate)


@scenario(parallel=4, visits=2 * len(SERVICES))
def test_services(guest: Guest) -> None:
    """The small servers by turns: echo, discard, chargen, daytime, pirate, rarely blab."""
    if guest.number % 100 == len(SERVICES) + 1:
        return _blab(guest)
    return SERVICES[(guest.number - 1) % len(SERVICES)](guest)
