"""The real image among plain programs: dnsmasq gives it an address, names and files; ping and ncat
talk to it. None of them knows of Kyu."""

from __future__ import annotations

import os
import random
import select
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.board import image as images
from rig.console import grammar
from rig.pytest_plugin import Keeper
from rig.scenarios import dnsmasq
from rig.scenarios.plain_board import PATIENCE_S, PlainBoard, running

PROMPT = "Kyu, ready> "
FRAGMENT = 1480
LARGEST = 65507


class AskedBoard(PlainBoard):
    """Its shell can be asked, and its address is what it says itself."""

    def ask(self, line: str, patience_s: float = PATIENCE_S) -> list[str]:
        """The lines that answer `line`."""
        before = len(self.said())
        self.console.write(line.encode() + b"\r")
        ends = time.monotonic() + patience_s
        while not self.said()[before:].endswith(PROMPT):
            if time.monotonic() > ends:
                pytest.fail(f"no prompt after {line!r}: {self.said()[before:]}", pytrace=False)
            time.sleep(0.01)
        return [text.rstrip("\r") for text in self.said()[before:].split("\n")][1:-1]

    def own_address(self) -> str:
        frames = (grammar.parse(line) for line in self.said().split("\r\n"))
        told = [f.text("ip") for f in frames if isinstance(f, grammar.Frame) and f.kind == "net"]
        return told[-1] if told else ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, boards: Keeper) -> Iterator[Path]:
    if boards.choice.board != "qemu" or boards.wire.name != "tap":
        pytest.skip("wants an emulated board on a tap: plain programs talk to it there")
    assert dnsmasq.found(), "ci/packages.txt names it: run ci/setup test"
    with dnsmasq.serving(tmp_path_factory.mktemp("dnsmasq")) as files:
        yield files


@pytest.fixture(scope="module")
def dhcp_board(served: Path, boards: Keeper) -> Iterator[AskedBoard]:
    """A board that got everything it knows of its network from dnsmasq."""
    del served
    boards.off()
    board = AskedBoard(images.find(None), boards.wire, "ip=dhcp hb=0")
    with running(board):
        board.await_text("source=dhcp")
        board.await_text(PROMPT)
        yield board


@pytest.fixture(autouse=True)
def _pools_at_baseline(dhcp_board: AskedBoard) -> Iterator[None]:
    """Whatever a test sends: afterwards as many buffers are in use as before."""
    before = used(dhcp_board)
    yield
    ends = time.monotonic() + 10.0
    while (after := used(dhcp_board)) != before and time.monotonic() < ends:
        time.sleep(0.1)
    assert after == before


def used(board: AskedBoard) -> dict[str, int]:
    rows = [line.split() for line in board.ask("net")]
    return {row[0]: int(row[1]) for row in rows if row and row[0] in ("mbufs", "clusters")}


def counter(board: AskedBoard, name: str) -> int:
    rows = [line.split() for line in board.ask("net")]
    return next((int(row[1]) for row in rows if row and row[0] == name), 0)


def test_dhcp_gives_address_gateway_and_name_server(dhcp_board: AskedBoard) -> None:
    address = dhcp_board.own_address()
    last = int(address.rpartition(".")[2])
    assert address.startswith("192.168.0.")
    assert 100 <= last <= 110
    shown = "\n".join(dhcp_board.ask("if"))
    assert f"address {address}/24 (dhcp), gateway 192.168.0.1" in shown
    assert "dhcp bound, server 192.168.0.1" in shown
    assert "dns 192.168.0.1" in shown


def test_names_are_resolved(dhcp_board: AskedBoard) -> None:
    for name, address in dnsmasq.NAMES.items():
        assert dhcp_board.ask(f"dns {name}") == [f"{name} is {address}"]
        assert dhcp_board.ask(f"dns {name.upper()}.") == [f"{name.upper()}. is {address}"]
    assert dhcp_board.ask(f"dns {dnsmasq.ALIAS}") == [f"{dnsmasq.ALIAS} is 10.1.2.4"]
    assert dhcp_board.ask("dns nobody.kyu") == ["nobody.kyu: no such name"]
    assert dhcp_board.ask("dns a..b") == ["a..b: not a name"]


@pytest.mark.parametrize("size", [0, 1, 1467, 1468, 1469, 300_001])
def test_files_arrive_whole(dhcp_board: AskedBoard, served: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    (served / f"file-{size}").write_bytes(content)
    (answer,) = dhcp_board.ask(f"tftp 192.168.0.1 file-{size}")
    expected = f"file-{size}: {size} bytes, crc32 {zlib.crc32(content):08x}, blocks of 1468, "
    assert answer.startswith(expected), answer


def test_a_file_that_is_not_there_is_told(dhcp_board: AskedBoard) -> None:
    (answer,) = dhcp_board.ask("tftp 192.168.0.1 nothing")
    assert answer.startswith("nothing: refused: "), answer


def ping_sizes() -> list[int]:
    """Edges around every few fragments, and the largest."""
    edges = {n * FRAGMENT - 8 + around for n in (1, 2, 3, 7, 15, 31, 44) for around in (-1, 0, 1)}
    return sorted(edges | {0, 1, 7, 8, 15, 16, 56, 120, 500, 1000, 1400, 4096, 8192, 16384, 32768,
                           40000, 50000, 60000, 65000, 65506, LARGEST})  # fmt: skip


@pytest.mark.skipif(shutil.which("ping") is None, reason="ping is not installed")
def test_pings_of_every_size_are_answered(dhcp_board: AskedBoard) -> None:
    address = dhcp_board.own_address()
    for size in ping_sizes():
        done = subprocess.run(
            ["ping", "-n", "-c", "3", "-i", "0.01", "-W", "5", "-s", str(size), address],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{size} bytes: {done.stdout}{done.stderr}"
        assert "3 received" in done.stdout, done.stdout
        assert "wrong data byte" not in done.stdout, done.stdout
        assert done.stdout.count(f"\n{size + 8} bytes from {address}") == 3, done.stdout
    assert counter(dhcp_board, "ip_reassembled") >= 3 * 25


@pytest.mark.skipif(shutil.which("ncat") is None, reason="ncat is not installed")
def test_ncat_hears_its_echo(dhcp_board: AskedBoard) -> None:
    command = ["ncat", "-u", dhcp_board.own_address(), "7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ncat:
        assert ncat.stdin
        assert ncat.stdout
        try:
            ncat.stdin.write(b"Dead men tell no tales\n")
            ncat.stdin.flush()
            heard, _, _ = select.select([ncat.stdout], [], [], PATIENCE_S)
            assert heard, "nothing came back"
            assert os.read(ncat.stdout.fileno(), 100) == b"Dead men tell no tales\n"
        finally:
            ncat.kill()


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 20_000, LARGEST])
def test_datagrams_of_every_size_are_echoed(dhcp_board: AskedBoard, size: int) -> None:
    content = random.Random(size).randbytes(size)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect((dhcp_board.own_address(), 7))
        sock.send(content)
        assert sock.recv(LARGEST + 1) == content


def test_a_closed_port_is_told(dhcp_board: AskedBoard) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect((dhcp_board.own_address(), 4321))
        sock.send(b"anybody there?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(100)


def test_the_board_pings_and_asks_its_neighbour(dhcp_board: AskedBoard) -> None:
    *answers, summary = dhcp_board.ask("ping 192.168.0.1 3 5000")
    assert summary == "192.168.0.1: 3 sent, 3 answered"
    assert [line.split(" time=")[0] for line in answers] == [
        f"5000 bytes seq={n} ttl=64" for n in (1, 2, 3)
    ]
    assert dhcp_board.ask("ping 192.168.0.1 1 65507")[-1] == "192.168.0.1: 1 sent, 1 answered"
    (answer,) = dhcp_board.ask("arping 192.168.0.1")
    assert answer.startswith("192.168.0.1 is at ")
    assert dhcp_board.ask("arping 192.168.0.200") == ["192.168.0.200: timed out"]


def test_the_menu_n_passes(dhcp_board: AskedBoard, served: Path) -> None:
    (served / "kyu.test").write_bytes(os.urandom(10_000))
    said = dhcp_board.ask("n 0")
    frames = [f for f in map(grammar.parse, said) if isinstance(f, grammar.Frame)]
    results = {f.text("name"): f.text("result") for f in frames if f.kind == "test"}
    assert len(results) == 11
    skipped = {name for name, result in results.items() if result == "skipped"}
    assert skipped == {"n-bootp"}, said  # the DHCP client has the port
    assert set(results.values()) == {"ok", "skipped"}, said


def test_an_address_that_is_taken_is_given_up(dhcp_board: AskedBoard) -> None:
    """The last test: it costs the board its address for a while."""
    pytest.importorskip("pyroute2")
    from pyroute2 import IPRoute

    from rig.wire.tap import DEVICE

    address = dhcp_board.own_address()
    declined = counter(dhcp_board, "arp_addresses_lost")
    arping = Path("/proc/sys/net/ipv4/conf") / DEVICE / "arp_notify"
    arping.write_text("1")
    with IPRoute() as ip:
        (tap,) = ip.link_lookup(ifname=DEVICE)
        ip.addr("add", index=tap, address=address, prefixlen=24)
        try:
            # The kernel announces the address when the link comes up; twice within ten seconds.
            for _ in range(3):
                ip.link("set", index=tap, state="down")
                ip.link("set", index=tap, state="up")
                time.sleep(0.5)
            ends = time.monotonic() + 20.0
            while counter(dhcp_board, "arp_addresses_lost") == declined:
                assert time.monotonic() < ends, dhcp_board.ask("if")
                time.sleep(0.2)
        finally:
            ip.addr("del", index=tap, address=address, prefixlen=24)
    ends = time.monotonic() + PATIENCE_S
    while "dhcp bound" not in "\n".join(dhcp_board.ask("if")):
        assert time.monotonic() < ends, dhcp_board.ask("if")
        time.sleep(0.5)
    assert dhcp_board.own_address() != address, "the server was told, and gave another"
