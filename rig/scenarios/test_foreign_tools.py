"""The real image meets tools that were made to look for weakness: nmap, hping3, tcpreplay. After
each a clean transfer comes through, and in the end as many buffers are in use as before."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from scapy.utils import PcapWriter

from rig.board.protocol import Address
from rig.campaign.session import Session
from rig.pytest_plugin import ConsoleView, Wang
from rig.wire.protocol import MAC, SERVICES, WANGDOODLE, Wire
from rig.wire.tap import DEVICE, HOST_ADDRESS

PATIENCE_S = 90.0
FLOOD_S = 1.0
CLOSED = 4711

Tool = Callable[..., str]


@pytest.fixture
def address(wire: Wire, board: Session) -> str:
    if wire.name != "tap":
        pytest.skip(f"raw packets need a TAP ({wire.why})")
    found: Address = board.board.address(WANGDOODLE)
    return found.host


@pytest.fixture
def tool(wang: Wang, address: str) -> Tool:
    """Runs a program beside the watched board; what it printed."""
    del address

    def run(*command: str, seconds: float = PATIENCE_S) -> str:
        name = command[0]
        assert shutil.which(name), f"no {name}: ci/packages.txt names it, run ci/setup test"

        def work() -> str:
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=seconds, check=False
                )
            except subprocess.TimeoutExpired as ended:  # a flood has no end of its own
                return (ended.stdout or b"").decode(errors="replace")
            return done.stdout + done.stderr

        return wang.aside(work)

    return run


@pytest.fixture(scope="module")
def baseline() -> dict[str, str]:
    """What was in use before the first of these tests; filled by it."""
    return {}


@pytest.fixture(autouse=True)
def _unharmed(
    wang: Wang, console: ConsoleView, address: str, baseline: dict[str, str]
) -> Iterator[None]:
    del address
    baseline.update({} if baseline else in_use(console))
    yield
    assert wang.big(2)[1].received == 200_000


def in_use(console: ConsoleView) -> dict[str, str]:
    """What is used of each packet buffer pool."""
    found = (re.match(r"\s*(\w+)\s+(\d+)", line) for line in console.ask("mbufs"))
    return {one[1]: one[2] for one in found if one}


def test_nmap_sees_open_ports_as_open_and_closed_ones_as_closed(tool: Tool, address: str) -> None:
    ports = ",".join(str(port) for port in [*SERVICES.values(), CLOSED])
    for kind in ("-sS", "-sT"):
        said = tool("nmap", "-n", "-Pn", kind, "-p", ports, address)
        states = dict(re.findall(r"^(\d+)/tcp\s+(\w+)", said, re.MULTILINE))
        assert states.pop(str(CLOSED)) == "closed", said
        assert set(states.values()) == {"open"}, said


@pytest.mark.parametrize("kind", ["-sN", "-sF", "-sX", "-sM", "-sA", "-sW"])
def test_stealth_scans_get_the_answers_of_the_rfc(tool: Tool, address: str, kind: str) -> None:
    """RFC 9293 section 3.10.7: without ACK and SYN an open port is silent and a closed one resets;
    an ACK is reset by either."""
    said = tool("nmap", "-n", "-Pn", kind, "-p", f"{WANGDOODLE},{CLOSED}", address)
    states = dict(re.findall(r"^(\d+)/tcp\s+([\w|]+)", said, re.MULTILINE))
    expected = {
        "-sA": ("unfiltered", "unfiltered"),
        "-sW": ("closed", "closed"),
        "-sM": ("closed", "closed"),
    }.get(kind, ("open|filtered", "closed"))
    assert (states[str(WANGDOODLE)], states[str(CLOSED)]) == expected, said


def test_nmap_cannot_predict_sequence_numbers(tool: Tool, address: str) -> None:
    said = tool("nmap", "-n", "-Pn", "-v", "-O", "-p", f"{WANGDOODLE},{CLOSED}", address)
    assert re.search(r"TCP Sequence Prediction: Difficulty=\d+ \(Good luck!\)", said), said


@pytest.mark.parametrize(
    "flood",
    [
        ("-S", "-p", str(WANGDOODLE), "--rand-source"),
        ("-S", "-p", str(CLOSED)),
        ("-A", "-p", str(WANGDOODLE)),
        ("-SFRPAU", "-p", str(WANGDOODLE)),
        ("--udp", "-p", str(CLOSED), "-d", "1000"),
        ("--icmp", "-d", "1400"),
        ("-S", "-p", str(WANGDOODLE), "-f", "-d", "600"),
    ],
    ids=lambda flood: " ".join(flood),
)
def test_a_flood_passes_like_weather(tool: Tool, address: str, flood: tuple[str, ...]) -> None:
    tool("hping3", "-I", DEVICE, "--flood", *flood, address, seconds=FLOOD_S)


def test_a_damaged_capture_is_played_back(tool: Tool, address: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pcap"
    with PcapWriter(str(path), linktype=1) as capture:
        for frame in damaged(address):
            capture.write(frame)
    said = tool("tcpreplay", "-i", DEVICE, "--topspeed", "--loop", "20", str(path))
    assert "Successful packets" in said, said


def test_in_the_end_nothing_is_missing(console: ConsoleView, baseline: dict[str, str]) -> None:
    ends = time.monotonic() + 45.0  # half-open connections and fragments have their time
    while (now := in_use(console)) != baseline and time.monotonic() < ends:
        time.sleep(1.0)
    assert now == baseline


def damaged(address: str) -> Iterator[bytes]:
    """Frames of every kind, bits turned and tails cut, by a seed."""
    dice = random.Random(6)
    ether, ip = Ether(dst=MAC, src="02:00:00:00:00:01"), IP(src=HOST_ADDRESS, dst=address)
    kinds: list[Packet] = [
        ether / ip / TCP(dport=WANGDOODLE, flags="S", options=[("MSS", 1460), ("WScale", 7)]),
        ether / ip / TCP(dport=WANGDOODLE, flags="A", seq=7, ack=9) / (b"x" * 300),
        ether / ip / UDP(dport=68, sport=67) / (b"\2\1\6\0" + b"y" * 300),
        ether / ip / ICMP() / (b"z" * 900),
        ether / ip.copy() / ICMP(type=3, code=4) / bytes(IP(dst=HOST_ADDRESS) / TCP()),
        ether / ARP(op=2, psrc=HOST_ADDRESS, pdst=address),
        ether / IP(src=HOST_ADDRESS, dst=address, flags="MF", frag=3) / (b"f" * 64),
    ]
    for _ in range(400):
        frame = bytearray(bytes(dice.choice(kinds)))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(14, len(frame))
            frame[at] ^= 1 << dice.randrange(8)
        if dice.randrange(3) == 0:
            del frame[dice.randrange(14, len(frame)) :]
        yield bytes(frame)
