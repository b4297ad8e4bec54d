"""metrics.prom: the figures of a run as OpenMetrics text.

Rules     a run is over when this is read, so all but the histogram are gauges. Such a file is also
          what Prometheus' older text format is, and a node exporter's text file collector takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from rig.report.material import Material
from rig.verdict import Outcome

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


def render(material: Material) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OfRun(material))
    rendered: bytes = generate_latest(registry)
    return rendered.decode("utf-8")


class _OfRun(Collector):
    def __init__(self, material: Material) -> None:
        self._material = material

    def collect(self) -> Iterable[Metric]:
        figures, run = self._material.figures, self._material.run
        own = {"scenario": run.scenario, "board": run.option("board"), "wire": run.wire}

        def gauge(name: str, what: str, *rows: tuple[dict[str, str], float]) -> Metric:
            extra = list(rows[0][0]) if rows else []
            family = GaugeMetricFamily(f"kyu_{name}", what, labels=[*own, *extra])
            for labels, value in rows:
                family.add_metric([*own.values(), *labels.values()], value)
            return family

        build = figures.build or run.image.get("build_id", "")
        about = {"run": self._material.name, "build": build, "started": run.started}
        yield gauge("run", "Always 1; the labels say which run it was.", (about, 1))
        yield gauge(
            "run_finished", "1 when a summary was written.", ({}, figures.verdict is not None)
        )
        yield gauge(
            "run_verdict",
            "1 at the verdict; none before the end.",
            *(({"verdict": one.value}, one is figures.verdict) for one in Outcome),
        )
        yield gauge("transfers_attempted", "Transfers begun.", ({}, figures.transfers_attempted))
        yield gauge(
            "transfers_good", "Transfers with every byte right.", ({}, figures.transfers_ok)
        )
        yield gauge("good_bytes", "Bytes of the good transfers.", ({}, figures.bytes_ok))
        yield gauge("traffic_seconds", "Time of the traffic alone.", ({}, figures.seconds))
        yield gauge("goodput_bytes_per_second", "Good bytes.", ({}, figures.goodput_bytes_per_s))
        yield gauge(
            "failures",
            "Failures by cause.",
            *(({"cause": cause}, count) for cause, count in figures.failures.items()),
        )
        yield gauge(
            "failure_rate_upper_95",
            "The true failure rate is below this with 95 % confidence.",
            ({}, figures.failure_rate_upper_95),
        )
        if figures.boot_seconds is not None:
            yield gauge("boot_seconds", "From power-on to ready.", ({}, figures.boot_seconds))
        yield self._transfer_seconds(own)

    def _transfer_seconds(self, own: dict[str, str]) -> Metric:
        times = self._material.journal.milliseconds
        family = HistogramMetricFamily(
            "kyu_transfer_seconds", "Time of a good transfer.", labels=list(own)
        )
        buckets = list(zip(_edges(), accumulate(_counts(times)), strict=True))
        family.add_metric(list(own.values()), buckets, sum(times) / 1000)
        return family


def _edges() -> Iterator[str]:
    yield from map(str, BUCKETS_S)
    yield "+Inf"


def _counts(times: Iterable[float]) -> list[int]:
    counts = [0] * (len(BUCKETS_S) + 1)
    for ms in times:
        counts[sum(ms / 1000 > edge for edge in BUCKETS_S)] += 1
    return counts
