"""What the fuzzer wrote is told right, and nothing that it found is called a pass."""

from __future__ import annotations

from ci import fuzz
from ci.fuzz import Ran, read_log

LOG = """\
#17\tINITED cov: 2106 ft: 4850 corp: 16/341b exec/s: 0 rss: 42Mb
#5585\tDONE   cov: 2716 ft: 10628 corp: 523/14021b lim: 34 exec/s: 429 rss: 55Mb
"""


def test_a_run_is_told_in_inputs_and_edges() -> None:
    ran = read_log("connection", 0, LOG, 10.0)
    assert ran == Ran("connection", 5585, 10.0, 2716, "")
    assert ran.per_second == 558 or ran.per_second == 559


def test_what_stopped_it_is_the_finding() -> None:
    panic = LOG + "PANIC: CHECK(size > 0) mbuf.cpp:7\nSUMMARY: libFuzzer: deadly signal\n"
    assert read_log("frames", 77, panic, 1.0).finding == "PANIC: CHECK(size > 0) mbuf.cpp:7"
    sanitizer = LOG + "a.cpp:3:5: runtime error: shift exponent -1 is negative\n"
    assert "shift exponent" in read_log("frames", 1, sanitizer, 1.0).finding
    assert read_log("frames", -9, LOG, 1.0).finding == "ended with status -9"


def test_every_target_has_seeds_and_a_bound() -> None:
    committed = {path.name for path in fuzz.COMMITTED.iterdir()}
    assert committed == set(fuzz.BOUNDED)
    for name in fuzz.BOUNDED:
        files = list((fuzz.COMMITTED / name).iterdir())
        assert 2 < len(files) <= fuzz.FILES_MAX + 30, name
        assert any(path.name.startswith("seed-") for path in files), name
        assert all(path.suffix == ".bin" for path in files), name
        assert max(path.stat().st_size for path in files) <= 2048, name
