"""Faults as a person writes them, and the wire that carries them out."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from kyusim import FatePlan
from rig.errors import UserError
from rig.scenarios import test_night
from rig.wire.bridged import BridgedWire
from rig.wire.faults import FaultPlan, Lane, Phase, brief, parse
from rig.wire.tap import TapWire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss=1% delay=2ms", Lane(loss=0.01, delay=2000)),
        ("loss=0.25,corrupt=1", Lane(loss=0.25, corrupt=1.0)),
        ("rate=10MB/s jitter=1.5ms", Lane(rate=10_000_000, jitter=1500)),
        ("burst_start=1% burst_end=30%", Lane(burst_start=0.01, burst_end=0.3)),
        ("flaps=5s-6s/1min-61s", Lane(flaps=((5_000_000, 6_000_000), (60_000_000, 61_000_000)))),
    ],
)
def test_what_holds_for_both_directions(text: str, expected: Lane) -> None:
    (phase,) = parse(text).phases
    assert phase == Phase(to_board=expected, to_host=expected)


def test_a_direction_has_its_own_word_over_what_holds_for_both() -> None:
    (phase,) = parse("loss=1% to_host.loss=100% to_board.delay=1ms").phases
    assert phase.to_board == Lane(loss=0.01, delay=1000)
    assert phase.to_host == Lane(loss=1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no fault is named"),
        ("rain", "'rain' is no fault"),
        ("rain=1", "there is no such fault; there are delay, jitter, rate, loss"),
        ("loss=200%", "200% is more than 1"),
        ("loss=-1", "loss"),
        ("delay=20", "'20' is no time, as 500us, 2ms, 1.5s, 10min are"),
        ("delay=11s", "delay: 11s is more than 10s"),
        ("flaps=1s-2000h", "2000h is more than 1000h"),
        ("los=1%", "--faults: los: there is no such fault"),
        ("rate=fast", "is no rate"),
        ("burst_start=1%", "burst_start needs burst_end"),
        ("flaps=6s-5s", "ends before it begins"),
        ("flaps=6s", "are no times"),
        ("loss=1% loss=2%", "loss is there twice"),
        ("to_moon.loss=1%", "'to_moon.loss=1%' is no fault"),
        ("/no/such/plan.toml", "cannot read /no/such/plan.toml: No such file"),
    ],
)
def test_a_mistake_says_what_and_where(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert "--faults" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_changes_the_weather_with_time(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(
        'seed = 7\n[both]\nloss = "1%"\n[to_host]\ndelay = "1ms"\n'
        '[[then]]\nafter = "30s"\nto_board = { loss = "100%" }\n'
        '[[then]]\nafter = "31s"\n'
    )
    plan = parse(str(path))
    assert plan.seed == 7
    assert plan.phases == (
        Phase(to_board=Lane(loss=0.01), to_host=Lane(loss=0.01, delay=1000)),
        Phase(after=30_000_000, to_board=Lane(loss=1.0)),
        Phase(after=31_000_000),
    )
    assert str(plan).endswith("after 30 s: to_board.loss=1; after 31 s: clear")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("loss = '5%'", "loss: a fault stands in a table, as [both], [to_board] or [to_host]"),
        ("[to_bord]\nloss = '1%'", "to_bord: there is no such word; there are seed and the tables"),
        ("[[then]]\nafter='1s'\nto_bord={}", "there are after, both, to_board, to_host"),
        ("[both]\nlos = '1%'", "both.los: there is no such fault; there are delay"),
        ("[both]\nloss = '1%'\n[to_host]\nlos = '1%'", "to_host.los: there is no such fault"),
        ("[[then]]\nafter='1s'\nboth={delay='11s'}", "then.1.both.delay: 11s is more than 10s"),
        ("[both", "Expected ']'"),
        ("[both]\nloss = 'x'", "loss"),
        ("both = 3", "both: a table of faults is needed"),
        ("then = 3", "tables [[then]]"),
        ("[[then]]\nafter='2s'\n[[then]]\nafter='1s'", "later than the one before"),
        ("seed = -1", "-1 is less than 0"),
        ("\x00", "line 1"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        parse(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "[both]\ndelay = 2",
        "[both]\njitter = 0.5",
        "[both]\nflaps = [[5, 6]]",
        "[[then]]\nafter = 30",
    ],
)
def test_a_time_in_a_file_needs_its_unit_as_it_does_in_words(tmp_path: Path, content: str) -> None:
    path = tmp_path / "night.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=r'is no time: it lacks its unit, as in "2ms" or "1.5s"'):
        parse(str(path))


def test_a_flap_is_a_pair_of_times_or_one_word(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    found = []
    for flaps in ('"5s-6s"', '[["5s", "6s"]]'):
        path.write_text(f"[both]\nflaps = {flaps}\n")
        found.append(parse(str(path)).phases[0].to_board.flaps)
    assert found == [((5_000_000, 6_000_000),)] * 2


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
@example("loss=1%%")
@example("=,=")
def test_whatever_is_written_is_a_plan_or_one_clear_line(text: str) -> None:
    try:
        plan = parse(text)
    except UserError as error:
        told = str(error)
        assert told
        assert "\n" not in told
        return
    assert parse(str(plan)) == plan


_CHANCE = st.floats(0, 1).map(lambda x: round(x, 6))
_LANES = st.builds(
    Lane,
    delay=st.integers(0, 1_000_000),
    jitter=st.integers(0, 1_000_000),
    rate=st.integers(0, 1 << 30),
    loss=_CHANCE,
    corrupt=_CHANCE,
    reorder=_CHANCE,
)


@given(_LANES, _LANES)
def test_a_plan_of_one_phase_reads_back_from_what_is_said_of_it(one: Lane, other: Lane) -> None:
    plan = FaultPlan(phases=(Phase(to_board=one, to_host=other),))
    if one.clear and other.clear:
        assert str(plan) == "clear"
    else:
        assert parse(str(plan)) == plan


def test_the_same_plan_is_one_of_the_simulator() -> None:
    (phase,) = parse("loss=1% delay=2ms flaps=1s-2s rate=1M").phases
    plan = FatePlan(**phase.to_board.fate_plan())
    assert (plan.delay_us, plan.rate_bytes_per_s, plan.flaps) == (
        2000,
        1_000_000,
        [(1_000_000, 2_000_000)],
    )
    assert plan.loss == pytest.approx(0.01)


# --- The wire -----------------------------------------------------------------------------------


class Bench:
    """A wire whose TAP device is the test."""

    def __init__(self, plan: FaultPlan | None, seed: int = 1) -> None:
        self.host, tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire = BridgedWire(TapWire(tap.detach(), "test"), plan, seed)
        self.board = socket.socket(fileno=self.wire.descriptors[0])
        self.board.settimeout(5)
        self.host.settimeout(5)

    def close(self) -> None:
        self.board.detach()
        self.wire.close()
        self.host.close()


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    one = Bench(request.param)
    yield one
    one.close()


@pytest.mark.parametrize("bench", [parse("to_board.loss=100%")], indirect=True)
def test_a_wire_does_no_harm_before_its_plan_begins_and_none_after_calm(bench: Bench) -> None:
    bench.host.send(b"a" * 60)
    assert bench.board.recv(100) == b"a" * 60
    bench.wire.begin()
    bench.host.send(b"b" * 60)
    bench.board.send(b"c" * 60)
    assert bench.host.recv(100) == b"c" * 60
    bench.wire.calm()
    bench.host.send(b"d" * 60)
    assert bench.board.recv(100) == b"d" * 60
    assert bench.wire.told()["to_board"].dropped == 1


@pytest.mark.parametrize(
    "bench",
    [FaultPlan(phases=(Phase(), Phase(after=1000, to_board=Lane(loss=1.0)), Phase(after=60_000)))],
    indirect=True,
)
def test_the_weather_changes_by_itself(bench: Bench) -> None:
    bench.wire.begin()
    ends = time.monotonic() + 10
    bench.board.settimeout(0.005)
    seen: list[str] = []
    while seen[-2:] != ["dropped", "passed"]:
        assert time.monotonic() < ends, seen
        bench.host.send(b"x" * 60)
        try:
            bench.board.recv(100)
            now = "passed"
        except TimeoutError:
            now = "dropped"
        seen += [now] if seen[-1:] != [now] else []


@pytest.mark.parametrize("bench", [parse("to_board.loss=100%")], indirect=True)
def test_a_capture_tells_faults_and_marks_and_others_can_read_it(
    bench: Bench, tmp_path: Path
) -> None:
    bench.board.send(b"1" * 60)
    bench.host.recv(100)
    bench.wire.begin()
    bench.wire.mark("transfer 7 begins")
    bench.host.send(b"2" * 1514)
    while bench.wire.told()["to_board"].dropped == 0:
        time.sleep(0.001)
    path = tmp_path / "wire.pcapng"
    path.write_bytes(bench.wire.capture())
    with RawPcapNgReader(str(path)) as reader:
        found: list[Any] = list(reader)
    assert [data for data, _ in found] == [b"1" * 60, b"2" * 1514]
    assert [meta.direction for _, meta in found] == [2, 1]  # out of the board, into it
    assert found[1][1].comments == [b"faults: to_board.loss=1; transfer 7 begins; dropped"]


def test_a_closed_wire_keeps_its_counts_but_not_its_megabytes_of_frames() -> None:
    bench = Bench(None)
    bench.host.send(b"1" * 60)
    bench.board.recv(100)
    assert len(bench.wire.frames()) == 1
    bench.close()
    assert bench.wire.told()["to_board"].frames == 1
    assert bench.wire._bridge.captured() == []


def test_a_nights_weather_is_told_in_a_part_of_a_line() -> None:
    night = str(parse(test_night.WEATHER))
    assert len(night) > 500
    told = brief(night)
    assert len(told) < 100
    assert "changes more" in told
    assert brief("loss=0.01 delay=5us") == "loss=0.01 delay=5us"
