"""What the kernel costs, counted on the real image: a count of instructions repeats."""

from __future__ import annotations

from rig.assembly import BoardChoice
from rig.bench import beside, network
from rig.bench.kernel import LABELS, measure
from rig.pytest_plugin import Keeper


def test_the_kernels_cost_in_guest_instructions_repeats_whatever_the_host_does(
    boards: Keeper, board_choice: BoardChoice
) -> None:
    boards.off()
    first, second = (measure(board_choice.image, boards.wire) for _ in range(2))
    assert [cost.what for cost in first] == list(LABELS)
    for one, other in zip(first, second, strict=True):
        assert one.instructions > 20, "a switch cannot be had for less"
        # What else is ready to run, and a frame from the network in each of the rounds, is all that
        # may make a difference.
        assert abs(one.instructions / other.instructions - 1) < 0.2


def test_the_network_is_measured_both_ways_and_counted(
    boards: Keeper, board_choice: BoardChoice
) -> None:
    boards.off()
    load = network.Load(transfers=12, stream=2_000_000)
    measured = network.measure(board_choice.image, boards.wire, load)
    figures = {one.what: one for one in measured}
    counted = [one.value for one in figures.values() if one.unit == "instructions"]
    assert len(figures) == 9
    assert all(one.value > 0 for one in figures.values())
    # Less than one instruction for three bytes cannot be, more than ten has been mended.
    assert len(counted) == 3
    assert all(0.3 < value < 10 for value in counted)


def test_the_rig_is_measured_beside_a_plain_c_client(
    boards: Keeper, board_choice: BoardChoice
) -> None:
    boards.off()
    found = beside.measure(board_choice.image, boards.wire, transfers=20, rounds=2)
    assert len(found.rig) == len(found.plain) == 2
    assert all(one > 0 for one in (*found.rig, *found.plain, found.ratio))
