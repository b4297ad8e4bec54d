"""What the emulator's board tells of the host, from a /proc that a test has written."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from rig.board import qemu
from rig.clock import Sample, tick_between
from rig.wire.slirp import SlirpWire


class Threads:
    """Those of an emulator, with what /proc says of each."""

    def __init__(self, proc: Path) -> None:
        self._tasks = proc / "77" / "task"
        self.board = qemu.QemuBoard(Path("kyu.elf"), SlirpWire(), "")
        self.board._child = SimpleNamespace(pid=77)  # type: ignore[assignment]

    def have_waited(self, **seconds: float) -> float:
        """Seconds for which each thread waited in its life; what the board makes of them."""
        shutil.rmtree(self._tasks, ignore_errors=True)
        for name, waited in seconds.items():
            (self._tasks / name).mkdir(parents=True)
            (self._tasks / name / "schedstat").write_text(f"1 {waited * 1e9:.0f} 1\n")
            (self._tasks / name / "stat").write_text(f"{name} (qemu) R 1\n")
        return self.board.host_load().delayed_s


@pytest.fixture
def threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Threads:
    monkeypatch.setattr(qemu, "PROC", tmp_path)
    return Threads(tmp_path)


def test_a_processor_that_starves_is_seen_beside_a_thread_that_was_delayed_long_ago(
    threads: Threads,
) -> None:
    threads.have_waited(main=10.0, processor=2.0)
    before, observed = Sample(0.0, threads.board.host_load()), 0.0
    for tenth in range(1, 51):
        threads.have_waited(main=10.0, processor=2.0 + tenth / 10)
        after = Sample(tenth / 10, threads.board.host_load())
        observed += tick_between(before, after).observed
        before = after
    assert observed == pytest.approx(0.0, abs=1e-6), "five of five seconds it was not run"


def test_each_stretch_counts_the_thread_that_waited_longest_in_it(threads: Threads) -> None:
    assert threads.have_waited(main=1.0, processor=1.0) == 0.0
    assert threads.have_waited(main=1.1, processor=1.3) == pytest.approx(0.3)
    assert threads.have_waited(main=1.6, processor=1.4) == pytest.approx(0.8)
    assert threads.have_waited(main=1.6, processor=1.4) == pytest.approx(0.8)


def test_a_thread_that_comes_or_goes_is_no_delay(threads: Threads) -> None:
    threads.have_waited(main=1.0)
    assert threads.have_waited(main=1.0, worker=9.0) == 0.0
    assert threads.have_waited(main=1.0, worker=9.5) == pytest.approx(0.5)
    assert threads.have_waited(main=1.0) == pytest.approx(0.5)
    assert threads.have_waited(main=1.0, worker=1.0) == pytest.approx(0.5)
