"""Boards under one virtual clock: what is promised of time, seeds, wires and counters."""

import time

import pytest

from kyusim import native
from kyusim._sim import Fate, FatePlan, Fates
from kyusim.errors import NotDone
from kyusim.world import World, ms, s

BIG = native.big_pattern()
LOSSY = FatePlan(delay_us=200, jitter_us=300, loss=0.02, duplicate=0.01, reorder=0.02, corrupt=0.01)


def transfer(seed: int, plan: FatePlan | None = None, *, planted: bool = False) -> World:
    world = World(seed, planted=planted)
    server, client = world.board(), world.board()
    world.wire(server, client, plan, plan)
    task = client.fetch(server, b"big\n").finish()
    assert task.received == BIG
    world.run_for(100 * ms)
    return world


def test_two_boards_exchange_big_byte_for_byte() -> None:
    world = transfer(seed=1)
    server, client = world.boards
    assert server.tcpstat.connections_accepted == client.tcpstat.connections_opened == 1
    assert server.tcpstat.bytes_sent == len(BIG)
    assert server.tcpstat.segments_sent_again == 0


def test_virtual_time_costs_no_real_time(world: World) -> None:
    world.board()
    start = time.monotonic()
    world.run_for(60 * s)
    assert world.now_us == 60 * s
    assert time.monotonic() - start < 10


def test_a_wire_that_loses_and_corrupts_delays_but_never_changes_a_byte() -> None:
    world = transfer(3, LOSSY)
    assert world.boards[0].tcpstat.segments_sent_again > 0


def test_the_same_seed_gives_the_same_events() -> None:
    first, again, other = transfer(5, LOSSY), transfer(5, LOSSY), transfer(6, LOSSY)
    assert (first.hash(), first.events(), first.now_us) == (
        again.hash(),
        again.events(),
        again.now_us,
    )
    assert first.counters() == again.counters()
    assert first.hash() != other.hash()


def test_the_build_with_bugs_behaves_the_same_while_none_is_chosen() -> None:
    assert transfer(5, LOSSY).hash() == transfer(5, LOSSY, planted=True).hash()


def test_running_in_steps_changes_nothing() -> None:
    def run(world: World, step_us: int) -> int:
        server, client = world.board(), world.board()
        world.wire(server, client, LOSSY, LOSSY)
        client.fetch(server)
        for _ in range(2 * s // step_us):
            world.run_for(step_us)
        return world.hash()

    assert run(World(9), 2 * s) == run(World(9), 10 * ms)


def test_a_wires_delay_and_rate_are_the_time_a_frame_takes() -> None:
    fates = Fates.from_seed(FatePlan(delay_us=1000), seed=1)
    assert fates.next(1514, 0).delay_us == 1000
    quick = transfer(1, FatePlan(delay_us=100)).boards[1]
    slow = transfer(1, FatePlan(delay_us=20_000)).boards[1]
    assert quick.tcpstat.bytes_received_in_order == slow.tcpstat.bytes_received_in_order == len(BIG)


def test_fates_are_data_that_can_be_recorded_and_given_again() -> None:
    drawn = Fates.from_seed(LOSSY, seed=7)
    first = [drawn.next(1000, 100 * i) for i in range(500)]
    assert drawn.recorded() == first
    again = Fates.given(first)
    assert [again.next(1000, 100 * i) for i in range(500)] == first
    assert 0 < sum(fate.drop for fate in first) < 50


def test_one_lost_frame_is_named_by_its_place() -> None:
    world = World(1)
    server, client = world.board(), world.board()
    lose_the_fifth = [Fate(drop=i == 5) for i in range(10)]
    world.wire(server, client, Fates.given(lose_the_fifth))
    assert client.fetch(server).finish().received == BIG
    assert server.tcpstat.segments_sent_again >= 1


def test_three_boards_share_a_network_without_being_wired(world: World) -> None:
    server, one, other = world.board(), world.board(), world.board()
    tasks = [one.fetch(server), other.fetch(server)]
    assert all(task.finish().received == BIG for task in tasks)


def test_programs_on_two_boards_talk_to_each_other(world: World) -> None:
    left, right = world.board(), world.board()
    heard = left.program([("listen", 5000), ("accept",), ("recv_all",), ("close",)])
    right.program([("sleep", 10 * ms), ("connect", left.ip, 5000), ("send", b"hello"), ("close",)])
    assert heard.finish().received == b"hello"


def test_a_program_that_fails_says_where(world: World) -> None:
    left, right = world.board(), world.board()
    task = right.program([("sleep", 50 * ms), ("connect", left.ip, 4999)])
    with pytest.raises(NotDone, match="connect: refused"):
        task.finish()


def test_a_program_that_stays_is_told_step_by_step_what_to_do(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(1 * s)
    task = client.program([("connect", server.ip, 7)], stays=True)
    for step, said in ((1, b"first"), (3, b"second, much later")):
        task.then(("send", said), ("recv", len(said)))
        assert world.wait_for(lambda: task.step == step + 2, 5 * s)  # noqa: B023
        assert task.take() == said
        assert (task.take(), task.done) == (b"", False)
        world.run_for(100 * s)
    task.then(("shutdown",), ("recv_all",))
    task.end()
    assert task.finish().error == ""


def test_a_program_that_makes_no_sense_is_refused_at_once(world: World) -> None:
    board = world.board()
    for steps in ([("dance",)], [("connect", "nowhere", 1)], [("send", 5)], [("recv",)], [()]):
        with pytest.raises((ValueError, TypeError)):
            board.program(steps)


def test_many_transfers_are_compared_without_leaving_the_compiled_part(world: World) -> None:
    server, client = world.board(), world.board()
    task = client.fetch_big(server, transfers=20).finish()
    assert task.transfers == 20


def test_counters_have_names_and_change_by_what_happened(world: World) -> None:
    server, client = world.board(), world.board()
    world.run_for(10 * ms)
    before = server.counters()
    client.fetch(server).finish()
    changed = server.counters().since(before)
    assert changed["tcp_bytes_sent"] == len(BIG)
    with pytest.raises(AttributeError, match="no counter nonsense; there are:"):
        _ = server.tcpstat.nonsense


def test_the_shell_answers_at_the_serial_line(world: World) -> None:
    board = world.board()
    world.run_for(100 * ms)
    assert "wang" in board.shell("tcp") or "114" in board.shell("tcp")
    assert any(name == "net" for _, name, *_ in board.threads())


def test_what_cannot_be_is_refused_with_a_reason(world: World) -> None:
    board = world.board()
    with pytest.raises(ValueError, match="no IPv4 address"):
        world.board(ip="10.0.0.300")
    with pytest.raises(ValueError, match="mission bug"):
        world.board(mission_bug="no-such-bug")
    with pytest.raises(ValueError, match="chance"):
        world.wire(board, world.board(), FatePlan(loss=1.5))
