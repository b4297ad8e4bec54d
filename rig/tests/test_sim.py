"""kyu sim without a simulator: plans as text, shrinking, telling causes apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig import cli
from rig.console.crash import CrashRecord
from rig.console.grammar import Frame
from rig.errors import UserError
from rig.sim import faults
from rig.sim.diagnose import EXPECTED, Finding, Observation, ThreadSeen, diagnose
from rig.sim.faults import Fault
from rig.sim.plan import Plan, parse
from rig.sim.shrink import fewer, shrink, smaller
from rig.story import STORY_BUGS


def cause(**seen: object) -> str:
    finding = diagnose(Observation(**seen))  # type: ignore[arg-type]  # as a test names them
    return finding.cause if finding else ""


def test_a_plan_is_one_line_that_reads_back() -> None:
    for plan in (
        Plan(),
        Plan(seed=7, bug="lost-wakeup", clients=3, loss=0.01, choices="41:s2,77:t30"),
        Plan(noise=600, burst=64, fates="a12:drop,b3:bit77", choices="pct:3:3:500:10"),
        Plan(jitter_us=3, rate_bytes_per_s=5, flaps="7-9,20-21", choices="robin:3"),
        Plan(burst_start=1 / 3, burst_end=1.0, duplicate=1e-9, reorder=0.1, truncate=0.3),
        Plan(corrupt=0.02, choices="random:4294967295:10:20:300"),
        Plan(loss=0.1, acts="talk0:s100.r50.z300.all,big1,wait0,rst3:-1460,noise1:00ff,noise0:"),
        Plan(bug="shared-buffer", acts="talk1:close,again9,far0:1400,spoil1:7:255,error2:4:68"),
    ):
        assert parse(str(plan)) == plan
    assert str(Plan(seed=7)) == "seed=7"


@pytest.mark.parametrize(
    "line",
    [
        "speed=3",
        "seed",
        "seed=seven",
        "seed=1 seed=2",
        "seed=-1",
        "clients=0",
        "bug=unlocked",
        "loss=much",
        "loss=1.5",
        "corrupt=nan",
        "choices=sometimes",
        "choices=random:1",
        "choices=pct:1:999:5:5",
        "choices=3:x1",
        "acts=",
        "acts=talk0:s1",
        "acts=talk2:all",
        "acts=talk0:s1.all,",
        "acts=rst1",
        "acts=rst1:2:3",
        "acts=noise0:0",
        "acts=wait01",
        "acts=wait1 transfers=2",
        "acts=wait1 choices=robin:3",
        "flaps=9-7",
        "flaps=9",
        "fates=a1",
        "fates=c1:drop",
        "fates=a1:drop+bit3",
        "fates=a1:late5bit3",
        "fates=a01:drop",
        "fates=a1:late0",
        "fates=a1:bit1,a1:drop",
        "fates=a1:drop loss=0.1",
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(line: str) -> None:
    with pytest.raises(UserError, match=r"kyu sim replay: .") as refused:
        parse(line)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_fault_of_each_kind_reads_back() -> None:
    text = "a12:drop,b3:bit77,a9:dup200,b4:late500,b8:cut60,b9:late7+bit0+cut14+dup0"
    assert faults.to_text(faults.parse(text)) == text
    assert faults.parse("b4:late500") == (Fault("b", 4, late_us=500),)
    assert faults.parse("") == ()


def test_shrinking_a_list_keeps_what_is_needed_together() -> None:
    tries = []

    def fails(some: tuple[int, ...]) -> bool:
        tries.append(some)
        return {3, 77} <= set(some)

    assert fewer(range(100), fails) == (3, 77)
    first = list(tries)
    tries.clear()
    assert fewer(range(100), fails) == (3, 77)
    assert tries == first, "deterministic"


def test_what_fails_without_anything_shrinks_to_nothing() -> None:
    assert fewer([1, 2, 3], lambda _: True) == ()
    assert smaller(100, 1, lambda _: True) == 1
    assert smaller(100, 1, lambda n: n >= 30) < 60


def test_a_plan_loses_clients_choices_and_faults_that_do_not_matter() -> None:
    plan = Plan(
        clients=4,
        transfers=8,
        rate_bytes_per_s=1000,
        fates="a1:drop,a2:bit5+dup3,b3:late9,b7:cut20",
        choices="1:s1,2:n1,9:t3",
    )

    def fails(candidate: Plan) -> bool:
        return "2:n1" in candidate.choices and {"a2:bit5+dup3", "b7:cut20"} <= set(
            candidate.fates.split(",")
        )

    small = shrink(plan, fails)
    assert small == Plan(choices="2:n1", fates="a2:bit5+dup3,b7:cut20")
    assert shrink(plan, fails) == small


def test_faults_that_only_a_longer_schedule_needed_go_with_it() -> None:
    plan = Plan(fates="a1:drop,b2:drop", choices="1:s1,2:n1")

    def fails(candidate: Plan) -> bool:
        simple = "1:s1" not in candidate.choices
        return "2:n1" in candidate.choices and (simple or "b2" in candidate.fates)

    assert shrink(plan, fails) == Plan(choices="2:n1")


def test_a_siege_loses_acts_and_calls_that_do_not_matter() -> None:
    plan = Plan(acts="talk0:s9.r5.s7.close,wait100,big1,talk1:s1.abort,again3,wait5", loss=0.1)

    def fails(candidate: Plan) -> bool:
        kinds = [act.kind for act in candidate.act_list()]
        return "s7" in candidate.acts and "again" in kinds[kinds.index("talk") :]

    assert shrink(plan, fails) == replace(plan, acts="talk0:s7.close,again3")
    assert shrink(plan, lambda _: True).acts == "wait0"


def test_a_quiet_board_gives_no_finding() -> None:
    assert cause() == ""
    assert cause(leaked={"mbufs": 0, "clusters": -1}) == ""


def test_who_sleeps_with_the_lock_is_told_from_who_was_not_woken() -> None:
    sleeper = ThreadSeen("wang-1", "waiting", "semaphore disconnect", "net")
    net = ThreadSeen("net", "waiting", "mutex net", "")
    assert cause(stuck=True, threads=(net, sleeper)) == "sleeps-with-lock"
    sender = ThreadSeen("wang-1", "waiting", "condition send", "")
    assert cause(stuck=True, threads=(sender,), senders_asleep_on_empty=1) == "lost-wakeup"
    assert cause(stuck=True, threads=(sender,)) == "hang", "its buffer is full: it waits rightly"


def test_sockets_in_use_tell_lost_ones_from_kept_ones() -> None:
    lost = {"used": 3, "total": 300, "connections": 3}
    kept = {"used": 300, "total": 300, "connections": 4}
    many = {"used": 300, "total": 300, "connections": 300}
    assert cause(sockets_at_failure=lost) == "sockets-lost"
    assert cause(sockets_at_failure=kept) == "sockets-in-time-wait"
    assert cause(sockets_at_failure=many) == "refused"


def test_each_other_sign_has_its_own_cause() -> None:
    assert cause(hears=False, stuck=True) == "receiver-deaf"
    assert cause(wrong="byte 7") == "foreign-bytes"
    assert cause(checksum_drops=1) == "bad-checksum"
    assert cause(leaked={"clusters": 2}) == "buffers-leaked"
    assert cause(failed="connect: timed out") == "refused"
    assert cause(answers=False) == "mute"


def test_what_a_wire_may_have_done_to_arp_excuses_silence_and_nothing_else() -> None:
    sender = ThreadSeen("wang-1", "waiting", "condition send", "")
    assert cause(arp_spoiled=1, failed="connect: timed out") == ""
    assert cause(arp_spoiled=1, stuck=True, threads=(sender,)) == ""
    assert cause(arp_spoiled=1, hears=False) == ""
    assert cause(arp_spoiled=1, answers=False) == ""
    assert cause(arp_spoiled=1, wrong="byte 7") == "foreign-bytes"
    assert cause(arp_spoiled=1, checksum_drops=1) == "bad-checksum"
    assert cause(arp_spoiled=1, leaked={"mbufs": 1}) == "buffers-leaked"


# ---- Who was in the send path without the lock ------------------------------------------------

DOOR = ("Mutex::lock_from+3a", "NetGuard::NetGuard+20")
AT_IT = ("tcp_output+8fc", "tcp_usr_send+20", "sosend+fb")


def crash_of(crashed: str, owner: str, unlocked: str = "", **calls: tuple[str, ...]) -> CrashRecord:
    """`calls`: the threads, and what each is in, innermost first."""
    ids = {name: str(n) for n, name in enumerate(calls, start=1)}
    frames = [Frame("crash-thread", {"id": ids[name], "name": name}) for name in calls]
    frames += [
        Frame("crash-frame", {"thread": ids[name], "n": str(n), "pc": "0x1", "sym": sym})
        for name, syms in calls.items()
        for n, sym in enumerate(syms)
    ]
    frames.append(Frame("crash-lock", {"name": "net", "owner": owner}))
    frames.append(Frame("crash-event", {"what": "switch", "us": "8", "a": "0x1", "b": "0x2"}))
    if unlocked:
        frames.append(Frame("crash-event", {"what": "unlocked", "us": "9", "a": ids[unlocked]}))
    begin = Frame("crash-begin", {"kind": "check", "reason": "CHECK(x)", "thread": crashed})
    return CrashRecord(begin=begin, frames=tuple(frames))


@pytest.mark.parametrize("owner", ["net", "-"])
def test_who_crashes_in_the_send_path_without_the_lock_is_the_sender(owner: str) -> None:
    record = crash_of("wang", owner, net=("tcp_input+1",), wang=("Mbuf::share+dc", *AT_IT))
    finding = diagnose(Observation(panic=record))
    assert finding == Finding(
        "sendbuf-without-lock", "CHECK(x); wang is in Mbuf::share without the network lock"
    )


def test_who_holds_the_lock_and_crashes_may_have_found_the_sender_in_the_middle() -> None:
    record = crash_of("net", "net", net=("check_invariants+9",), wang=("explore+1", *AT_IT))
    finding = diagnose(Observation(panic=record))
    assert finding is not None
    assert finding.cause == "sendbuf-without-lock"
    assert "wang is in tcp_output" in finding.detail


def test_who_waits_at_the_door_or_sleeps_without_the_lock_is_no_culprit() -> None:
    asleep = ("Kernel::block+c1", "CondVar::wait+81", "NetGuard::wait+2f", *AT_IT)
    # ... whatever the functions round it are called.
    for wang in ((*DOOR, *AT_IT), asleep, (*DOOR, "send_without_lock+7")):
        record = crash_of("net", "net", net=("check_invariants+9", "tcp_input+1"), wang=wang)
        assert cause(panic=record) == "panic"


def test_who_passed_a_marked_point_without_a_lock_explains_a_broken_connection() -> None:
    late = (*DOOR, "TcpSocket::send+7")
    broken = crash_of("net", "net", "wang", net=("check_invariants+9",), wang=late)
    assert cause(panic=broken) == "sendbuf-without-lock"
    elsewhere = crash_of("net", "net", "wang", net=("arp_input+9",), wang=late)
    assert cause(panic=elsewhere) == "panic", "that crash has another reason"


def test_kyu_defects_lists_the_bugs_of_the_story_with_what_they_are_found_as(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert [bug.name for bug in STORY_BUGS] == list(EXPECTED)
    assert cli.run(["defects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, found_as in EXPECTED.items():
        [line] = [line for line in lines if line.startswith(f"{name} ")]
        assert f" found as {found_as}" in line
