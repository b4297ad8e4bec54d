"""The shell's tools and clients on simulated boards, where a minute costs nothing."""

from __future__ import annotations

import re

import pytest

from kyusim.errors import FirmwarePanic
from kyusim.world import World, s


def test_every_row_of_the_menu_t_passes(world: World) -> None:
    board = world.board()
    world.run_for(1 * s)
    answer = board.shell("t 0", 120 * s)
    assert "11 tests: 11 ok, 0 failed, 0 skipped" in answer, answer


def test_blab_says_25_lines_one_a_second(world: World) -> None:
    server, client = world.board(), world.board()
    start = world.now_us
    said = client.fetch(server, b"", port=112).finish(60 * s).received
    assert said.split(b"\r\n") == [b"Blab %d of 25" % n for n in range(1, 26)] + [b""]
    assert 24 * s < world.now_us - start < 27 * s


@pytest.mark.parametrize(
    ("total", "chunk"),
    [
        (10_000, 1),
        (132_555, 2048),
        (132_555, 5000),
        (132_555, 6500),
        (132_555, 8000),
        (200_000, 65_536),
        (3_000_000, 1 << 20),
    ],
)
def test_lots_sends_all_in_chunks_of_any_size(world: World, total: int, chunk: int) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    before = server.counters()["doney_bytes"]
    answer = client.shell(f"lots {server.ip} 115 {total} {chunk}", 60 * s)
    assert answer.startswith(f"sent {total} of {total} bytes in "), answer
    assert server.counters()["doney_bytes"] - before == total


def test_lots_says_why_it_cannot(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    assert client.shell(f"lots {server.ip}").endswith(": refused\n")
    assert client.shell("lots 10.0.0.99", 60 * s).endswith(": timed out\n")
    for line in ("lots", "lots nobody", "lots 10.0.0.1 0", "lots 10.0.0.1 9 5 0", "lots 1 2 3 4 5"):
        assert client.shell(line).startswith("lots ADDRESS")


def test_daytime_asks_another_board(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(3 * s)
    assert client.shell(f"daytime {server.ip}") == "Kyu has been up for 3 seconds\n"


def test_ifconfig_sets_an_address_that_is_reached_at_once(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    assert "10.0.0.77/24 (args), gateway 10.0.0.254" in server.shell(
        "ifconfig 10.0.0.77/24 10.0.0.254"
    )
    assert client.fetch("10.0.0.77", b"stat\nq\n").finish().received == b"OK\n"
    assert "default              10.0.0.254" in server.shell("route")
    for line in ("ifconfig nobody", "ifconfig 10.0.0.1", "ifconfig 10.0.0.1/33", "ifconfig a b c"):
        assert server.shell(line).startswith("ifconfig [dhcp")


def test_sockstat_names_who_uses_each_socket_and_tcptrace_shows_its_segments(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    client.program(
        [("connect", server.ip, 114), ("send", b"stat\n"), ("recv", 3), ("sleep", 60 * s)]
    )
    world.run_for(1 * s)
    rows = server.shell("sockstat").splitlines()
    (mine,) = (row.split() for row in rows if "ESTABLISHED" in row)
    assert mine[4] == f"{server.ip}:114"
    assert mine[6].startswith("wang-")
    assert any(row.split()[3:5] == ["0", "*:114"] and row.endswith(" wang") for row in rows)
    trace = server.shell(f"tcptrace {mine[0]}").splitlines()
    assert " in  SEC seq " in trace[0]
    assert any(" in  PA seq " in row and " len 5" in row for row in trace)
    assert any(" out PA seq " in row and " len 3 ESTABLISHED rexmt" in row for row in trace)
    assert server.shell("tcptrace 319") == "socket 319: closed\n"
    assert server.shell("tcptrace 999") == "socket 999: invalid\n"


def test_netstat_tells_drops_by_reason_and_how_long_the_lock_was_held(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    client.shell(f"lots {server.ip} 4")  # nobody listens there
    told = server.shell("netstat")
    assert re.search(r"^  no such port +1$", told, re.MULTILINE), told
    assert "longest hold" in told
    assert "below" in told


def test_connections_become_events_of_a_crash_at_debug_level_1(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    assert server.shell("debug") == "debug level 0\n"
    assert server.shell("debug 1") == "debug level 1\n"
    assert server.shell("debug 2") == "debug [0 to 1]\n"
    assert client.fetch(server, b"stat\nq\n").finish().received == b"OK\n"
    world.run_for(1 * s)
    server.program([("panic", "by hand")])
    with pytest.raises(FirmwarePanic):
        world.run_for(1 * s)
    assert "what=tcp-begin a=0x0a000002" in server.console
    assert "what=tcp-end a=0x0a000002" in server.console
    assert "@kyu crash-ring name=frames at=0x" in server.console
