"""A panic of the firmware is an exception with the crash record's fields."""

import pickle

import pytest

from kyusim.errors import FirmwarePanic, NotDone
from kyusim.world import Step, World, ms, s

CRASH: list[Step] = [("sleep", 5 * ms), ("panic", "nobody expects this")]


def test_a_panic_is_raised_from_whatever_runs_the_world(world: World) -> None:
    world.board().program(CRASH)
    with pytest.raises(FirmwarePanic, match="board: panic: nobody expects this") as caught:
        world.run_for(1 * s)
    crash = caught.value
    assert (crash.kind, crash.board, crash.at_us) == ("panic", "board", 5 * ms)
    assert crash.func.startswith(("Program", "run_steps", "bindings"))
    assert crash.backtrace[0][1].startswith(crash.func)


def test_the_crash_record_is_complete(world: World) -> None:
    world.board().program(CRASH)
    with pytest.raises(FirmwarePanic) as caught:
        world.run_for(1 * s)
    record = caught.value.record
    assert record.complete
    assert record.lines_missing == 0
    assert "net" in record.thread_names().values()
    assert {frame.text("name") for frame in record.of_kind("crash-pool")} >= {"mbufs", "clusters"}


def test_the_other_boards_run_on(world: World) -> None:
    bad, server, client = world.board(), world.board(), world.board()
    bad.program(CRASH)
    with pytest.raises(FirmwarePanic):
        world.run_for(1 * s)
    assert bad.crashed
    assert client.fetch_big(server).finish().transfers == 1


def test_a_task_of_a_crashed_board_never_ends(world: World) -> None:
    board = world.board()
    board.program(CRASH)
    task = board.program([("sleep", 10 * ms)])
    with pytest.raises(FirmwarePanic):
        task.finish()
    with pytest.raises(NotDone):
        task.finish(within_us=1 * s)


def test_the_exception_can_be_sent_to_another_process(world: World) -> None:
    world.board().program(CRASH)
    with pytest.raises(FirmwarePanic) as caught:
        world.run_for(1 * s)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own
    assert str(again) == str(caught.value)
    assert again.backtrace == caught.value.backtrace
