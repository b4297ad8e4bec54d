"""The shell's network commands, the clients, and the frames that a board keeps, on the image."""

from __future__ import annotations

import io
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapNgReader

from rig import inspect_command, journal
from rig.assembly import BoardChoice
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session
from rig.campaign.soak import Soak
from rig.inspect_command import InspectOptions
from rig.journal import RunFolder
from rig.options import SoakOptions, plan
from rig.pytest_plugin import ConsoleView, Keeper, Wang
from rig.report.progress import PlainDisplay
from rig.traffic.pattern import Native
from rig.wire.protocol import SERVICES, WANGDOODLE, Wire
from rig.wire.tap import HOST_ADDRESS


def answer(console: ConsoleView) -> str:
    """What `lots` said last, once the prompt is back."""
    console.ask("")
    return [line for line in console.lines() if line.startswith("sent ")][-1]


@pytest.fixture
def over_tap(wire: Wire) -> None:
    if wire.name != "tap":
        pytest.skip("only over tap the board sees this host's own address")


@pytest.mark.usefixtures("over_tap")
@pytest.mark.parametrize(
    ("total", "chunk"),
    [
        (5_000, 1),
        (132_555, 2048),
        (132_555, 5000),
        (132_555, 6500),
        (132_555, 8000),
        (132_555, 65_536),
        (3_000_000, 1 << 20),
    ],
)
def test_lots_sends_every_byte_in_chunks_of_any_size(
    wang: Wang, console: ConsoleView, patterns: Native, total: int, chunk: int
) -> None:
    with socket.create_server((HOST_ADDRESS, 2022)) as server:
        server.settimeout(20)
        console.type(f"lots {HOST_ADDRESS} 2022 {total} {chunk}")

        def take() -> bytes:
            with server.accept()[0] as sock:
                sock.settimeout(20)
                return b"".join(iter(lambda: sock.recv(1 << 16), b""))

        came = wang.aside(take)
    assert came == patterns.gen_stream(0, 0, total)
    assert re.fullmatch(rf"sent {total} of {total} bytes in \d+ ms", answer(console))


@pytest.mark.usefixtures("over_tap")
def test_lots_needs_no_more_than_a_host(wang: Wang, console: ConsoleView) -> None:
    with socket.create_server((HOST_ADDRESS, 2022)) as server:
        server.settimeout(20)
        console.type(f"lots {HOST_ADDRESS}")

        def count() -> int:
            with server.accept()[0] as sock:
                return sum(map(len, iter(lambda: sock.recv(1 << 16), b"")))

        assert wang.aside(count) == 132_555
    assert answer(console).startswith("sent 132555 of 132555 bytes in ")


def test_lots_says_that_nobody_listens(console: ConsoleView, over_tap: None) -> None:
    del over_tap
    assert console.ask(f"lots {HOST_ADDRESS} 2023")[-1].endswith(": refused")


@pytest.mark.parametrize("chunk", [1, 2048, 5000, 6500, 8000, 65_536, 1 << 20])
def test_a_send_of_any_size_is_whole(wang: Wang, chunk: int) -> None:
    size = 20_000 if chunk == 1 else 2_500_000 if chunk == 1 << 20 else 200_000
    assert wang.gen(seed=chunk, size=size, chunk=chunk).received == size


def test_the_menu_t_passes(console: ConsoleView) -> None:
    assert console.ask("t 0", 60)[-1] == "11 tests: 11 ok, 0 failed, 0 skipped"


def test_sockstat_names_the_thread_and_tcptrace_the_segments(
    wang: Wang, console: ConsoleView
) -> None:
    where = wang.session.board.address(WANGDOODLE)
    with socket.create_connection((where.host, where.port), timeout=10) as sock:
        sock.sendall(b"stat\n")
        assert wang.aside(lambda: sock.recv(3)) == b"OK\n"
        rows = [line.split() for line in console.ask("sockstat")]
        # Connections that a test has just closed may stand there too.
        (number,) = [row[0] for row in rows if "ESTABLISHED" in row and "wang-" in row[-1]]
        trace = console.ask(f"tcptrace {number}")
    assert " in  S seq " in trace[0]
    assert any(" in  PA seq " in line and " len 5" in line for line in trace)
    assert any(" out PA seq " in line and " len 3 ESTABLISHED rexmt" in line for line in trace)


def test_the_network_commands_show_what_there_is(console: ConsoleView, wang: Wang) -> None:
    wang.big()
    shown = {
        "netstat": r"longest hold \d+ us, taken at \S+\+[0-9a-f]+",
        "tcpstat": r"segments received +\d+",
        "mbufs": r"clusters +\d+ of \d+, high \d+, refused \d+",
        "arp": r"[0-9a-f:]{17}",
        "route": r"/24 +- +eth0",
        "ifconfig": r"eth0: up, mac [0-9a-f:]{17}, mtu 1500",
        "tcptrace": r"\d+ segments among the last \d+ frames",
    }
    for command, pattern in shown.items():
        said = "\n".join(console.ask(command))
        assert re.search(pattern, said), said


def tcp_frames(capture: Path) -> list[tuple[IP, TCP]]:
    with RawPcapNgReader(str(capture)) as reader:
        found = [Ether(data) for data, _ in reader]
    return [(frame[IP], frame[TCP]) for frame in found if TCP in frame]


@pytest.mark.needs("gdb")
def test_the_frames_of_a_living_board_can_be_saved(
    board: Session, wang: Wang, tmp_path: Path
) -> None:
    wang.big()
    assert isinstance(board.board, QemuBoard)
    saved = tmp_path / "frames.pcapng"
    inspect_command.inspect(
        InspectOptions(target=board.board.debugger(), image=board.symbols.image, frames=saved)
    )
    found = tcp_frames(saved)
    assert any(tcp.sport == WANGDOODLE for _, tcp in found)
    assert any(tcp.dport == WANGDOODLE for _, tcp in found)
    wang.big()


@pytest.mark.needs("gdb")
def test_a_panic_in_a_soak_leaves_the_last_segments(
    boards: Keeper, defects_choice: BoardChoice, patterns: Native, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    session = boards.prepare(replace(defects_choice, bootargs="defect=panic:2"), folder=folder)
    wanted = plan(SoakOptions(transfers=5))
    summary = Soak(session, folder, wanted, patterns, PlainDisplay(io.StringIO())).run()
    folder.close()
    assert summary.verdict.cause is not None
    (capture,) = (folder.path / journal.FAILURES).glob("001-*/frames.pcapng")
    found = tcp_frames(capture)
    assert len(found) > 100
    ip, tcp = found[-1]
    assert WANGDOODLE in {tcp.sport, tcp.dport}
    last = {frozenset((one.sport, one.dport)) for _, one in found[-10:]}
    assert len(last) == 1, "the panic came in the middle of one transfer"
    full = [one for _, one in found if one.sport == WANGDOODLE]
    assert ip.proto == 6
    assert sorted({one.seq for one in full[-5:]}) == [one.seq for one in full[-5:]]
    assert SERVICES["wangdoodle"] == WANGDOODLE
