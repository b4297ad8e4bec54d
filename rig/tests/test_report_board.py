"""What a report tells of the board's pools and of drift, read back from its heartbeats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.console.grammar import make_frame
from rig.drift import Alarm, Sample, Trend, alarms, slope, trends
from rig.report import charts, page, panels
from rig.report.beats import Beats
from rig.report.material import Journal, load
from rig.report.shape import rates

TITLES = ("mbufs in use", "clusters in use", "sockets in use", "retransmissions", "stack left")
SECTION = "What the board held, and whether it drifts"


def beat(**more: int | str) -> str:
    told: dict[str, int | str] = {
        "seq": 1,
        "up_ms": 1000,
        "transfers": 100,
        "mbufs": "258/16384",
        "clusters": "256/4096",
        "sockets": "11/320",
        "rexmt": 0,
        "stack_left": 3000,
    }
    return make_frame("hb", **told | more)


def line(at: object, text: str) -> str:
    return json.dumps({"at": at, "text": text, "kind": "line"})


def power_on(at: float = 0.0) -> str:
    return json.dumps({"at": at, "kind": "power-on"})


def boot(seconds: int, shape: Callable[[int], dict[str, Any]] = lambda _: {}) -> list[str]:
    more = [line(n + 0.5, beat(**{"transfers": 10 * n} | shape(n))) for n in range(seconds)]
    return [power_on(), line(0.1, "Kyu, ready> "), *more]


def heard(folder: Path, events: list[str], transfers: int = 0) -> Path:
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    lines = [
        {"n": n + 1, "start": n * 0.1, "ms": 2.0 + n / 100, "bytes": 200_000, "ok": True}
        for n in range(transfers)
    ]
    (folder / "transfers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    return folder


def told(folder: Path) -> str:
    return page.render(load(folder))


def test_what_the_board_held_is_plotted_with_what_was_free(tmp_path: Path) -> None:
    said = told(heard(tmp_path, boot(60, lambda n: {"mbufs": f"{256 + n}/16384"}), 500))
    assert SECTION in said
    assert all(title in said for title in (*TITLES, "transfer time"))
    assert "At most 315 at once, of 16,384: never fewer than 16,069 free." in said
    assert "Drift is not judged: the board was not heard for 120 s." in said


def test_a_pool_that_drifts_is_loud_and_one_that_does_not_says_its_slope(tmp_path: Path) -> None:
    said = told(heard(tmp_path, boot(400, lambda n: {"mbufs": f"{256 + n}/16384"})))
    assert said.count('class="card alarm"') == 1
    assert "DRIFT: mbufs in use: 2" in said
    assert "No drift: 256 to 256 (+0 an hour, tau +0.00, an alarm needs 0.8)." in said
    assert "of the run: of a pool the least that it held" in said


def test_what_is_judged_is_the_longest_power_on(tmp_path: Path) -> None:
    events = [*boot(30), *boot(200, lambda _: {"sockets": "40/320"}), *boot(40)]
    found = load(heard(tmp_path, events)).beats
    assert (found.boots, len(found.samples)) == (3, 270)
    (sockets,) = (one for one in found.trends if one.name == "sockets")
    assert {value for _, value in sockets.points} == {40.0}
    assert [one.at for one in found.samples] == sorted(one.at for one in found.samples)
    assert "over 3 power-ons, of which the longest is judged" in told(tmp_path)


def test_a_reset_does_not_begin_the_clock_anew(tmp_path: Path) -> None:
    def beats(begin: int, end: int) -> list[str]:
        return [line(n + 0.5, beat(transfers=n - begin)) for n in range(begin, end)]

    once = [
        power_on(),
        *beats(0, 30),
        power_on(30.0),
        *beats(30, 60),
        power_on(60.1),
        *beats(61, 90),
    ]
    found = load(heard(tmp_path, once)).beats
    assert found.boots == 3
    assert [one.at for one in found.samples] == [n + 0.5 for n in range(90) if n != 60]
    found = load(heard(tmp_path, [*once, *once])).beats  # then the power was off, and on again
    assert found.samples[-1].at == 89.5 + 89.5


def test_what_is_given_back_after_the_traffic_is_not_judged(tmp_path: Path) -> None:
    after = [line(200.5 + n, beat(mbufs="900/16384")) for n in range(60)]
    events = [*boot(200), json.dumps({"at": 200.0, "kind": "traffic-ended"}), *after]
    found = load(heard(tmp_path, events)).beats
    assert len(found.samples) == 260
    assert {value for _, value in found.trends[0].points} == {258.0}


def test_a_run_without_a_counted_transfer_tells_retransmissions_by_time(tmp_path: Path) -> None:
    heard(tmp_path, boot(20, lambda n: {"transfers": 0, "rexmt": 5 * n}))
    (shown,) = (
        one for one in panels.panels(load(tmp_path).beats) if one.title == "retransmissions"
    )
    assert "a second" in shown.svg
    assert shown.told == "Segments that the board sent again: 95 in all."


def test_transfer_times_are_those_between_two_heartbeats(tmp_path: Path) -> None:
    found = load(heard(tmp_path, boot(10), 100)).beats
    assert found.samples[0].ms < found.samples[5].ms < found.samples[9].ms


def test_trends_and_alarms_are_of_one_mind() -> None:
    samples = [
        Sample(float(n), 256 + n, 256, 10, 0, 3000, 10 * n, 2.0 + n / 100) for n in range(400)
    ]
    found = trends(samples)
    assert [one.alarm for one in found if one.alarm] == alarms(samples)
    assert {one.name for one in found if one.alarm} == {"mbufs", "transfer_ms"}
    mbufs = found[0]
    assert mbufs.tau == 1.0
    assert mbufs.per_hour == pytest.approx(3600, rel=0.05)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [power_on()],
        ["{", "\x00" * 50, '{"at": 1, "text": "@kyu hb "'],
        [line(1.0, make_frame("hb", seq=1, up_ms=1000))],  # a board that tells no pools
        [line(1.0, beat().replace("258", "259"))],  # a wrong checksum
        [line(1e300, beat()), line("NaN", beat()), line(-5, beat())],
        [line(1.0, beat(mbufs="9" * 5000 + "/1", rexmt="-7", stack_left="0x" + "f" * 300))],
        [line(1.0, beat(stack_left=str(1 << 60)))],
        ['{"at": Infinity, "text": "' + beat() + '", "kind": "line"}'],
    ],
)
def test_heartbeats_that_are_none_leave_the_section_out(tmp_path: Path, events: list[str]) -> None:
    said = told(heard(tmp_path, events))
    assert SECTION not in said
    assert "NO VERDICT" in said


@pytest.mark.parametrize("count", [1, 2, 24, 121])
def test_few_heartbeats_are_seen_in_a_plot_too(tmp_path: Path, count: int) -> None:
    said = told(heard(tmp_path, boot(count)))
    for plot in panels.panels(load(tmp_path).beats):
        assert "<circle" in plot.svg or "<path" in plot.svg, f"{plot.title} is empty"
        assert plot.svg in said
        assert "nan" not in plot.svg.lower()


def test_a_clock_that_goes_back_and_counters_that_fall_break_nothing(tmp_path: Path) -> None:
    events = [
        line(at, beat(transfers=n, rexmt=r)) for at, n, r in ((5, 9, 9), (3, 1, 1), (6, 2, 0))
    ]
    found = load(heard(tmp_path, events)).beats
    assert [one.at for one in found.samples] == [5.0, 6.0]
    assert SECTION in told(tmp_path)


def test_a_board_cannot_write_into_the_page(tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    drift = [{"name": bad, "told": f"mbufs {bad}", "fails": False, "points": []}]
    heard(tmp_path, [line(1.0, beat()), line(2.0, bad), line(3.0, beat(sockets=f"11/{bad}"))])
    figures = load(tmp_path).figures.as_json() | {"drift": drift, "verdict": "failed"}
    (tmp_path / "summary.json").write_text(json.dumps(figures))
    said = told(tmp_path)
    assert "drift: mbufs &lt;script&gt;" in said
    assert "<script" not in said


def test_a_panel_without_points_is_left_out() -> None:
    assert panels.panels(Beats()) == []
    quiet = Sample(1.0, 256, 256, 10, 0, 3000, 0)
    titles = [one.title for one in panels.panels(Beats((quiet,)))]
    assert titles == ["mbufs in use", "clusters in use", "sockets in use", "stack left"]


def test_an_alarm_is_told_in_its_own_words() -> None:
    points = tuple((float(n), float(n)) for n in range(12))
    trend = Trend(
        "mbufs", "mbufs in use", points, Alarm("mbufs", "creeps", fails=True, points=points)
    )
    shown = panels.panels(Beats((Sample(1.0, 1, 1, 1, 0, 1, 0),), (trend,)))[0]
    assert (shown.alarm, shown.drift) == (True, "DRIFT: creeps")


def test_a_slope_has_its_sign_and_no_exponent() -> None:
    assert [slope(x) for x in (12.345, -0.04321, 0.0, 999.9, 28_765.4)] == [
        "+12.3", "-0.0432", "+0", "+1,000", "+28,765",
    ]  # fmt: skip


# Throughput


def test_rates_add_up_to_what_was_received() -> None:
    ends, sizes = [0.5, 1.5, 1.6, 9.9], [1e6, 2e6, 3e6, 4e6]
    found = rates(ends, sizes)
    width = 9.9 / len(found)
    assert sum(rate * width for _, rate in found) == pytest.approx(10.0)
    assert 0 < found[0][0] < found[-1][0] < 9.9


@pytest.mark.parametrize("ends", [[0.0], [0.2], [0.0, 0.0], [1e9], [float(n) for n in range(500)]])
def test_any_journal_has_a_throughput(ends: list[float]) -> None:
    lines = Journal()
    lines.ends.extend(ends)
    lines.sizes.extend([200_000.0] * len(ends))
    svg = charts.throughput(lines)
    assert "MB/s" in svg
    assert "nan" not in svg.lower()
