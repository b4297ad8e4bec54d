"""kyu soak --metrics: the run as it goes on, for Prometheus and whoever else asks by HTTP.

Context   made before the wire is opened, for a rig that has moved into a network namespace of its
          own could be asked by nobody. serve() starts the thread; it answers every question.
Rules     it reads, and changes nothing. On loopback unless told otherwise: whoever may connect may
          ask. Labels are cleaned of whatever a board put into them, and escaped by the library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from rig.errors import UserError
from rig.hostload import Load
from rig.report import text
from rig.report.metrics import BUCKETS_S
from rig.report.statistics import failure_rate_upper
from rig.report.summary import Tally
from rig.watch import Watch

LOOPBACK = "127.0.0.1"
WHERE = "--metrics"
_FATES = ("delivered", "dropped", "duplicated", "corrupted", "truncated", "overflowed", "refused")


def address_of(words: str) -> tuple[str, int]:
    """[ADDRESS:]PORT. Raises UserError."""
    address, _, port = words.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise UserError(
            f"{words[:40]!r} is no [ADDRESS:]PORT", where=WHERE, mend="as in 9464 or 0.0.0.0:9464"
        )
    return address or LOOPBACK, int(port)


class View:
    """What can be seen of a run; whoever drives it sets these once they are there."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = {name: text.line(value) for name, value in labels.items()}
        self.tally: Tally | None = None
        self.watch: Callable[[], Watch] | None = None
        self.boots: Callable[[], int] | None = None
        self.wire: Callable[[], Mapping[str, Any]] | None = None
        self.load: Callable[[], Load | None] | None = None


class Live:
    """The endpoint, which listens from the moment it is made."""

    def __init__(self, words: str, view: View) -> None:
        """Raises UserError when nobody can listen there."""
        host, port = address_of(words)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_OfRun(view))
        try:
            self._server = make_server(
                host, port, make_wsgi_app(registry), WSGIServer, handler_class=_Silent
            )
        except (OSError, OverflowError) as error:
            what = getattr(error, "strerror", None) or str(error)
            raise UserError(f"cannot listen at {host}:{port}: {what}", where=WHERE) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="metrics", daemon=True
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return "http:" + f"//{host!s}:{port}/metrics"

    def serve(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Silent(WSGIRequestHandler):
    timeout = 5.0  # who asks nothing does not keep others from asking

    def log_message(self, *_: object) -> None:
        """A terminal with a display on it is no place for this."""


class _OfRun(Collector):
    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterable[Metric]:
        view = self._view
        info = GaugeMetricFamily(
            "kyu_run_info", "Always 1; the labels say which run it is.", labels=[*view.labels]
        )
        info.add_metric([*view.labels.values()], 1)
        yield info
        if view.tally is not None:
            yield from self._traffic(view.tally)
        if view.watch is not None:
            yield from _board(view.watch(), view.boots() if view.boots else 0)
        if view.wire is not None:
            yield _wire(view.wire())
        load = view.load() if view.load else None
        if load is not None:
            yield from _host(load)

    def _traffic(self, tally: Tally) -> Iterator[Metric]:
        bad = max(0, tally.attempted - tally.ok)
        ended = CounterMetricFamily("kyu_transfers", "Transfers that ended.", labels=["result"])
        ended.add_metric(["good"], tally.ok)
        ended.add_metric(["bad"], bad)
        yield ended
        yield CounterMetricFamily("kyu_good_bytes", "Of good transfers.", value=tally.bytes_ok)
        failures = CounterMetricFamily("kyu_failures", "Failures by cause.", labels=["cause"])
        for cause, count in list(tally.failures.items()):
            failures.add_metric([text.line(cause)], count)
        yield failures
        yield GaugeMetricFamily(
            "kyu_failure_rate_upper_95",
            "The true failure rate is below this with 95 % confidence.",
            value=failure_rate_upper(bad, tally.attempted),
        )
        yield self._times(tally)

    @staticmethod
    def _times(tally: Tally) -> Metric:
        family = HistogramMetricFamily("kyu_transfer_seconds", "Time of a good transfer.")
        counts = tally.times.up_to([1000 * edge for edge in BUCKETS_S])
        edges = [*map(str, BUCKETS_S), "+Inf"]
        family.add_metric([], list(zip(edges, counts, strict=True)), tally.times.total / 1000)
        return family


def _board(watch: Watch, boots: int) -> Iterator[Metric]:
    yield GaugeMetricFamily("kyu_board_ready", "1: every server listens.", value=watch.ready)
    up = watch.up_ms / 1000
    yield GaugeMetricFamily("kyu_board_up_seconds", "As its last heartbeat said.", value=up)
    silent = 0.0 if watch.heard_at is None else watch.observed - watch.heard_at
    yield GaugeMetricFamily("kyu_board_silent_seconds", "Since it was heard last.", value=silent)
    yield GaugeMetricFamily(
        "kyu_board_warnings", "Of this boot, a hundred at most.", value=len(watch.warnings)
    )
    yield CounterMetricFamily("kyu_board_resets", "On purpose, by a scenario.", value=boots)


def _wire(told: Mapping[str, Any]) -> Metric:
    family = CounterMetricFamily(
        "kyu_wire_frames", "What the wire did to frames.", labels=["way", "fate"]
    )
    for way, lane in told.items():
        for fate in _FATES:
            family.add_metric([way, fate], getattr(lane, fate))
    return family


def _host(load: Load) -> Iterator[Metric]:
    for name, what, value in (
        ("load1", "Load average over a minute.", load.load1),
        ("busy_ratio", "Processor time in use.", load.busy),
        ("steal_ratio", "Processor time that another machine took.", load.steal),
        ("waited_ratio", "Time in which somebody waited for a processor.", load.waited),
    ):
        yield GaugeMetricFamily(f"kyu_host_{name}", what, value=value)
