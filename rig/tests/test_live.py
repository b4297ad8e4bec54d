"""The metrics endpoint: what it says, to whom, and that the dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from rig.errors import UserError
from rig.hostload import Load
from rig.report.live import LOOPBACK, Live, View, address_of
from rig.report.summary import Tally
from rig.verdict import Cause
from rig.watch import Watch

DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass(frozen=True)
class Lane:
    delivered: int = 90
    dropped: int = 7
    duplicated: int = 1
    corrupted: int = 0
    truncated: int = 0
    overflowed: int = 0
    refused: int = 0


@pytest.fixture
def view() -> View:
    made = View({"scenario": 'a"b\n\x1b[31m', "board": "qemu", "wire": "tap", "seed": "7"})
    made.tally = Tally()
    for ms in (4.0, 6.0, 900.0):
        made.tally.attempted += 1
        made.tally.add_ok(ms, 200_000)
    made.tally.attempted += 1
    made.tally.add_failure(Cause.STALL)
    watch = replace(Watch(), ready=True, up_ms=61_500, observed=10.0, heard_at=9.5)
    made.watch = lambda: watch
    made.boots = lambda: 2
    made.wire = lambda: {"to_board": Lane(), "to_host": Lane()}
    made.load = lambda: Load(0.0, 3.5, 0.9, 0.1, 0.6)
    return made


@pytest.fixture
def live(view: View) -> Iterator[Live]:
    made = Live("0", view)
    made.serve()
    yield made
    made.close()


def asked(live: Live) -> str:
    request = urllib.request.Request(live.url, headers={"Accept": OPENMETRICS})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own
        assert answer.headers["Content-Type"].startswith(OPENMETRICS)
        said: str = answer.read().decode()
        return said


def samples(said: str) -> dict[str, float]:
    """By name and labels."""
    return {
        one.name + "".join(f" {v}" for v in one.labels.values()): one.value
        for family in text_string_to_metric_families(said)
        for one in family.samples
    }


def test_a_run_can_be_watched_while_it_goes_on(live: Live, view: View) -> None:
    assert view.tally is not None
    first = samples(asked(live))
    assert first["kyu_transfers_total good"] == 3
    assert first["kyu_transfers_total bad"] == first["kyu_failures_total stall"] == 1
    assert first["kyu_transfer_seconds_count"] == 3
    assert first["kyu_transfer_seconds_bucket 0.005"] == 1
    assert first["kyu_board_up_seconds"] == 61.5
    assert first["kyu_board_silent_seconds"] == 0.5
    assert first["kyu_wire_frames_total dropped to_host"] == 7
    assert first["kyu_host_waited_ratio"] == 0.6
    view.tally.attempted += 1
    view.tally.add_ok(5.5, 1000)
    again = samples(asked(live))
    assert again["kyu_transfers_total good"] == again["kyu_transfer_seconds_count"] == 4
    assert again["kyu_good_bytes_total"] == 601_000


def test_nothing_that_steers_a_terminal_or_breaks_a_line_comes_out(live: Live) -> None:
    said = asked(live)
    assert "\x1b" not in said
    (line,) = [row for row in said.splitlines() if row.startswith("kyu_run_info{")]
    assert r'scenario="a\"b\\n\\x1b[31m"' in line


def test_before_there_is_a_board_it_says_which_run_it_is() -> None:
    live = Live("0", View({"scenario": "soak"}))
    live.serve()
    assert samples(asked(live)) == {"kyu_run_info soak": 1.0}
    live.close()


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    assert address_of("9464") == (LOOPBACK, 9464)
    assert address_of("0.0.0.0:9464") == ("0.0.0.0", 9464)


@pytest.mark.parametrize("words", ["", "http", "1.2.3.4:", "70000", "1.2.3.4:-1", "²"])
def test_what_is_no_address_is_one_clear_line(words: str) -> None:
    with pytest.raises(UserError, match=r"--metrics: .* is no \[ADDRESS:\]PORT"):
        address_of(words)


def test_a_port_that_is_taken_is_one_clear_line(live: Live) -> None:
    port = live.url.rpartition(":")[2].partition("/")[0]
    with pytest.raises(UserError, match=r"--metrics: cannot listen at 127\.0\.0\.1"):
        Live(port, View({}))


def test_the_dashboard_asks_for_nothing_that_is_not_exported(live: Live) -> None:
    exported = {name.partition(" ")[0] for name in samples(asked(live))}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    wanted = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"kyu_\w+", target["expr"])
    }
    assert len(panels) >= 10
    assert wanted <= exported, wanted - exported
