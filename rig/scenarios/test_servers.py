"""The board's servers, met by the clients that everybody has: ncat and iperf 2.1."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess

import pytest

from rig.board.protocol import Address
from rig.pytest_plugin import ConsoleView, Wang
from rig.wire.protocol import SERVICES, Wire

BANDWIDTH = re.compile(r"^\[[ *]*\d+\] .* (?P<number>[\d.]+) [KMG]bits/sec", re.MULTILINE)


def ncat(wang: Wang, port: int, sent: bytes = b"", *options: str) -> bytes:
    """What ncat prints, once both sides have ended."""
    assert shutil.which("ncat"), "ci/packages.txt names it: run ci/setup test"
    where = wang.session.board.address(port)
    command = ["ncat", *options, where.host, str(where.port)]

    def run() -> bytes:
        done = subprocess.run(command, input=sent, capture_output=True, timeout=30, check=True)
        return done.stdout

    return wang.aside(run)


def first_bytes(address: Address, count: int) -> bytes:
    with socket.create_connection((address.host, address.port), timeout=10) as sock:
        heard = b""
        while len(heard) < count and (more := sock.recv(count - len(heard))):
            heard += more
        return heard


def test_pirate(wang: Wang) -> None:
    assert ncat(wang, SERVICES["pirate"]) == b"Dead men tell no tales\r\n"


def test_blab_begins_with_a_line_a_second(wang: Wang) -> None:
    address = wang.session.board.address(SERVICES["blab"])
    wanted = b"Blab 1 of 25\r\nBlab 2 of 25\r\n"
    assert wang.aside(lambda: first_bytes(address, len(wanted))) == wanted


@pytest.mark.parametrize("name", ["echo", "classic-echo"])
def test_echo(wang: Wang, name: str) -> None:
    said = b"".join(b"line %d of some more\n" % n for n in range(3000))
    assert ncat(wang, SERVICES[name], said) == said


def test_discard_takes_everything_and_says_nothing(wang: Wang) -> None:
    assert ncat(wang, SERVICES["discard"], bytes(300_000)) == b""


def test_daytime(wang: Wang) -> None:
    assert re.fullmatch(rb"Kyu has been up for \d+ seconds\r\n", ncat(wang, SERVICES["daytime"]))


def test_chargen(wang: Wang) -> None:
    address = wang.session.board.address(SERVICES["chargen"])
    lines = wang.aside(lambda: first_bytes(address, 74 * 100)).split(b"\r\n")[:-1]
    printable = bytes(range(0x20, 0x7F)) * 2
    assert lines == [printable[n % 95 : n % 95 + 72] for n in range(100)]


def test_doney_counts_what_it_is_sent(wang: Wang, console: ConsoleView) -> None:
    def count() -> int:
        (row,) = (line for line in console.ask("t statistics") if "doney:" in line)
        return int(row.split()[1])

    before = count()
    assert ncat(wang, SERVICES["doney"], bytes(123_456)) == b""
    assert count() - before == 123_456


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-t", "1"], id="to-the-board"),
        pytest.param(["-t", "1", "--reverse"], id="from-the-board"),
        pytest.param(["-t", "1", "-r", "-L", "5101"], id="one-after-the-other"),
        # The board connects back while it is flooded: on a starved host that takes its time.
        pytest.param(["-t", "3", "-d", "-L", "5102"], id="both-at-once"),
        pytest.param(["-t", "1", "--full-duplex"], id="full-duplex"),
        pytest.param(["-t", "1", "-P", "2"], id="two-streams"),
        pytest.param(["-n", "1M", "--reverse"], id="a-megabyte-from-the-board"),
    ],
)
def test_iperf_measures_the_board(wang: Wang, wire: Wire, options: list[str]) -> None:
    assert shutil.which("iperf"), "ci/packages.txt names it: run ci/setup test"
    if "-L" in options and wire.name != "tap":
        pytest.skip("over user networking the board cannot connect back")
    where = wang.session.board.address(SERVICES["iperf"])
    command = ["iperf", "-c", where.host, "-p", str(where.port), "-f", "m", *options]
    done = wang.aside(
        lambda: subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rates = [float(found["number"]) for found in BANDWIDTH.finditer(done.stdout)]
    both_ways = {"-r", "-d", "--full-duplex", "-P"} & set(options)
    assert len(rates) >= (2 if both_ways else 1), done.stdout
    assert all(rate > 1 for rate in rates), done.stdout
