"""kyu sim in the simulator: each bug of the mission is found as what it is, and replays."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import TCP
from scapy.utils import rdpcap

from rig import cli
from rig.sim import diagnose, find, soak, trial
from rig.sim.eventlog import Log
from rig.sim.plan import Plan, parse
from rig.sim.shrink import shrink


@pytest.mark.parametrize("bug", diagnose.EXPECTED)
def test_a_planted_bug_is_found_with_its_cause_and_replays(bug: str) -> None:
    found = find.search(seed=5, seconds=60, bug=bug)
    assert found.found(bug), found
    assert found.trial is not None
    again = trial.run(found.trial.recorded)
    assert again.finding == found.trial.finding
    assert again.hash == found.trial.hash, "the recorded choices give the same run"


def test_the_build_without_a_bug_is_quiet() -> None:
    assert find.search(seed=5, seconds=60, runs_max=30).trial is None


def test_a_failure_shrinks_and_still_has_its_cause() -> None:
    plans = (
        Plan(seed=n, bug="unlocked-sendbuf", transfers=20, choices=f"random:{n}:10")
        for n in range(1, 60)
    )
    failed = next(found for found in map(trial.run, plans) if found.finding is not None)
    assert failed.finding is not None
    small = find.smallest(failed)
    assert small.finding is not None
    assert small.finding.cause == failed.finding.cause
    assert small.plan.recorded
    assert len(small.plan.choice_list()) <= 5
    assert len(small.plan.choice_list()) < len(failed.recorded.choice_list())


EVERY_ACT = (
    "talk0:s3000.r50.z9000.s70000.all,wait5000,big1,wait200000,again3,rst2:-1,rstack40:1460,"
    "syn5:100000,far1:20,spoil2:30:1,error3:4:600,noise0:45000000,wait3000000,talk1:s1.abort"
)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(seed=5, transfers=2, loss=0.02, choices="random:5:10"),
        Plan(seed=5, loss=0.02, jitter_us=300, acts=EVERY_ACT),
    ],
    ids=["transfers", "siege"],
)
def test_a_log_changes_nothing_in_what_happens(plan: Plan) -> None:
    lines: list[str] = []
    logged = trial.run(plan, Log(lines.append))
    assert logged == trial.run(plan)
    assert sum("board: rx_frames" in line for line in lines) > 20


def test_choices_that_were_recorded_give_the_hash_that_they_gave() -> None:
    for choices in ("random:7:10", "pct:7:3:2000:10", "robin:3"):
        drawn = trial.run(Plan(seed=2, choices=choices))
        assert drawn.finding is None
        assert trial.run(drawn.recorded).hash == drawn.hash
        if "robin" not in choices:  # which takes no time, and the frames go as they went
            assert trial.run(replace(drawn.plan, choices="none")).hash != drawn.hash


EVERY_HARM: dict[str, Any] = {
    "loss": 0.01,
    "burst_start": 0.003,
    "burst_end": 0.3,
    "duplicate": 0.02,
    "reorder": 0.02,
    "corrupt": 0.01,
    "truncate": 0.01,
    "jitter_us": 100,
    "rate_bytes_per_s": 5_000_000,
    "flaps": "1010000-1200000",
}
LOADS = (
    Plan(seed=8, clients=2, transfers=2, choices="random:8:10"),
    Plan(seed=9, chunk=2047),
    Plan(seed=10, noise=150, burst=8),
)


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_faults_that_were_recorded_give_the_hash_that_they_gave(load: Plan) -> None:
    drawn = trial.run(replace(load, **EVERY_HARM))
    assert drawn.finding is None, "a bad wire is no bug"
    faults = drawn.recorded.fault_list()
    kinds = [{f.drop for f in faults}, {f.bit >= 0 for f in faults}, {f.cut >= 0 for f in faults}]
    kinds += [{f.dup_us >= 0 for f in faults}, {f.late_us > 0 for f in faults}]
    assert all(kind == {True, False} for kind in kinds), "each kind has happened, and not always"
    line = str(drawn.recorded)
    assert parse(line).recorded
    again = trial.run(parse(line))
    assert (again.hash, again.events) == (drawn.hash, drawn.events)
    assert again.recorded == drawn.recorded
    assert trial.run(replace(drawn.recorded, fates="")).hash != drawn.hash


def test_what_one_fault_did_shrinks_to_that_fault() -> None:
    """Among many losses one of the SYN, which alone costs the second that the first timeout is."""
    noisy = trial.run(Plan(seed=3, loss=0.01, corrupt=0.01, duplicate=0.03, reorder=0.03))
    plan = replace(noisy.recorded, fates=f"a2:drop,{noisy.recorded.fates}")
    quick_us = trial.run(Plan(seed=3)).at_us

    def slow(candidate: Plan) -> bool:
        return trial.run(candidate).at_us > quick_us + 900_000

    assert len(plan.fault_list()) > 5
    assert shrink(plan, slow) == Plan(seed=3, fates="a2:drop")


def test_a_wire_that_stays_down_is_mended_before_tcp_gives_up() -> None:
    tried = trial.run(Plan(transfers=2, flaps="1000000-900000000"))
    assert tried.finding is None
    assert 20_000_000 < tried.at_us < 200_000_000


def test_odd_checksums_are_told_from_what_a_wire_has_inverted() -> None:
    plan = Plan(seed=4, chunk=2047, corrupt=0.05)
    assert trial.run(plan).finding is None
    wrong = trial.run(replace(plan, bug="odd-checksum")).finding
    assert wrong is not None
    assert wrong.cause == "bad-checksum"


def test_what_explore_finds_it_prints_with_the_command_that_shows_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = find.search

    def with_a_bug(seed: int, seconds: float, runs_max: int) -> find.Search:
        return looks(seed, seconds, "icmp-leak", runs_max)

    monkeypatch.setattr(find, "search", with_a_bug)
    assert cli.run(["sim", "explore", "--seed", "1"]) == 1
    finding, again = capsys.readouterr().out.splitlines()
    assert finding == "buffers-leaked: 1 of mbufs"
    assert cli.run(shlex.split(again)[1:]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == finding


def test_a_replay_shows_every_frame_and_writes_it_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "run.pcap"
    plan = "seed=4 fates=a2:drop,b9:bit400,b12:dup90"
    assert cli.run(["sim", "replay", "--bytes", "--pcap", str(capture), plan]) == 0
    lines = capsys.readouterr().out.splitlines()
    syn = next(n for n, line in enumerate(lines) if " SEW seq 0 win 65535 mss 1460" in line)
    assert "us  a2     client -> board LOST, 78 bytes: TCP 10.0.0.2:" in lines[syn]
    assert lines[syn + 1].split()[0] == "0000", "its bytes"
    assert any(" b9 " in line and "SPOILED" in line and "checksum" in line for line in lines)
    assert sum(" b12 " in line for line in lines) == 2
    assert any(". seq 1449:2897 ack 5 win 32768, 1448 bytes" in line for line in lines)
    packets = rdpcap(str(capture))
    delivered = [line for line in lines if " -> " in line and "LOST" not in line]
    assert len(packets) == len(delivered)
    sent = {p[TCP].seq: p[TCP].payload for p in packets if TCP in p and p[TCP].sport == 114}
    assert sum(len(bytes(data)) for data in sent.values()) >= 200_000


def test_a_capture_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sim", "replay", "--pcap", str(tmp_path / "no" / "x"), "seed=1"]) == cli.USAGE
    told = capsys.readouterr().err
    assert f"'--pcap': '{tmp_path / 'no'}' is no folder that can be written to" in told
    assert told.count("\n") == 1


def test_a_soak_is_byte_exact_and_leaves_the_pools_as_they_were() -> None:
    parts = soak.parts_of(transfers=60, seed=1, loss=0.01)
    results = [soak.run_part(part) for part in parts]
    assert [(r.transfers, r.failure) for r in results] == [(60, "")]
