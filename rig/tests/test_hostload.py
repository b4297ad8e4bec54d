"""How busy the host is: what /proc says becomes shares of time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from rig.hostload import FILE, KEPT, STARVED, HostRecord, Load, Sampler
from rig.verdict import Cause, Outcome, Verdict, failed


def proc(folder: Path, *, busy: int, idle: int, steal: int, waited_us: int) -> Path:
    (folder / "pressure").mkdir(parents=True, exist_ok=True)
    (folder / "loadavg").write_text("3.25 2.00 1.00 2/300 4711\n")
    (folder / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 {steal} 0 0\ncpu0 1 2\n")
    some = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={waited_us}"
    (folder / "pressure" / "cpu").write_text(f"{some}\nfull avg10=0.00 total=0\n")
    return folder


def test_shares_are_of_the_time_since_the_sample_before(tmp_path: Path) -> None:
    sampler = Sampler(lambda _: None, proc(tmp_path, busy=100, idle=100, steal=0, waited_us=0))
    proc(tmp_path, busy=10**9, idle=100, steal=0, waited_us=10**12)
    load = sampler.sample()
    assert (load.load1, load.busy, load.steal, load.waited) == (3.25, 1.0, 0.0, 1.0)
    again = sampler.sample()
    assert (again.busy, again.waited) == (0.0, 0.0)
    assert load.starved
    assert not again.starved


def test_a_host_that_tells_nothing_is_no_trouble(tmp_path: Path) -> None:
    load = Sampler(lambda _: None, tmp_path).sample()
    assert load.as_json() == {
        "at": round(load.at, 3),
        "load1": 0.0,
        "busy": 0.0,
        "steal": 0.0,
        "waited": 0.0,
        "harmed": 0,
    }


def test_samples_come_until_it_is_stopped() -> None:
    seen: list[Load] = []
    enough = threading.Event()

    def emit(load: Load) -> None:
        seen.append(load)
        if len(seen) == 3:
            enough.set()

    sampler = Sampler(emit, every_s=0.01)
    sampler.start()
    assert enough.wait(10)
    sampler.stop()
    count = len(seen)
    assert not sampler._thread.is_alive()
    assert len(seen) == count
    assert all(0 <= one.waited <= 1 and 0 <= one.busy <= 1 for one in seen)


def test_waiting_or_stolen_time_makes_a_host_starved() -> None:
    assert Load(0, 0, waited=STARVED).starved
    assert Load(0, 0, steal=STARVED).starved
    assert not Load(0, 9, busy=1.0).starved


def excused(folder: Path, loads: Sequence[Load], verdict: Verdict, told: str = "") -> Verdict:
    """What becomes of a verdict after such seconds."""
    record = HostRecord(folder / FILE)
    for load in loads:
        record.take(load)
    record.close()
    return record.excuse(verdict, told)


STALL = failed(Cause.STALL, 5.0, "no byte for 2.5 s")
HUNGRY = [Load(float(n), 9.0, waited=0.95) for n in range(KEPT)]


def test_a_stall_without_a_reason_on_a_starved_host_says_nothing_of_the_board(
    tmp_path: Path,
) -> None:
    verdict = excused(tmp_path, HUNGRY, STALL)
    assert (verdict.outcome, verdict.cause) == (Outcome.INCONCLUSIVE, Cause.RIG)
    assert "no byte for 2.5 s; but the host was starved: 95% of 8 s waited" in verdict.detail
    assert len((tmp_path / FILE).read_text().splitlines()) == KEPT


def test_a_stall_stands_when_the_boards_memory_explains_it_or_the_host_was_not_starved(
    tmp_path: Path,
) -> None:
    assert excused(tmp_path, HUNGRY, STALL, "wang-0 waits in sosend") is STALL
    easy = [*HUNGRY[:-1], Load(9.0, 0.1)]
    assert excused(tmp_path, easy, STALL) is STALL
    assert excused(tmp_path, HUNGRY[:-1], STALL) is STALL, "too little is known"


def test_what_a_board_says_itself_is_never_excused(tmp_path: Path) -> None:
    panic = failed(Cause.PANIC, 5.0, "m_copym 3")
    assert excused(tmp_path, HUNGRY, panic) is panic
