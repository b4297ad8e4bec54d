"""report.html: one file that needs nothing else, no script, nothing from a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rig.drift import SECONDS_MIN
from rig.hostload import STARVED
from rig.report import charts, panels, told
from rig.report.material import BAD_SHOWN, Failure, Material
from rig.report.shape import histogram
from rig.report.summary import one_in
from rig.verdict import Cause

TEMPLATE = "report.html.j2"
FATES = (
    "frames",
    "delivered",
    "dropped",
    "duplicated",
    "corrupted",
    "truncated",
    "overflowed",
    "refused",
)


def render(material: Material) -> str:
    """Everything but the plots is escaped by the template."""
    figures, lines, seconds = material.figures, material.journal, material.host
    board = panels.panels(material.beats)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    bins = histogram(lines.milliseconds)
    rate = figures.failure_rate_upper_95
    return environment.get_template(TEMPLATE).render(
        material=material,
        figures=figures,
        badge=told.badge(material),
        tone=figures.verdict.value if figures.verdict and not figures.cut_short else "none",
        reason=told.reason(material),
        circumstances=told.circumstances(material),
        again=told.repeat(material),
        one_in=one_in(rate) if figures.transfers_ok and rate else "not known",
        times=_plot(charts.times(bins)) if bins else "",
        over_time=_plot(charts.over_time(lines)) if lines.attempted else "",
        throughput=_plot(charts.throughput(lines)) if lines.ok else "",
        host=_plot(charts.host(seconds)) if seconds else "",
        harm=_plot(charts.harm(seconds)) if len(seconds) > 2 and seconds[-1].harmed else "",
        panels=[(one, _plot(one.svg)) for one in board],
        boots=material.beats.boots,
        judged=bool(material.beats.trends),
        judged_from=SECONDS_MIN,
        starved=sum(one.waited >= STARVED or one.steal >= STARVED for one in seconds),
        seconds=len(seconds),
        minded=[one for one in figures.drift if not one.fails],  # the others are failures
        fates=FATES,
        failures=_told_once(material.failures),
        excused=all(one.cause == Cause.RIG.value for one in material.failures),
        skipped=("verdict", "board", "again"),
        bad=lines.bad,
        bad_count=lines.attempted - lines.ok,
        shown=BAD_SHOWN,
    )


def _told_once(failures: Sequence[Failure]) -> list[tuple[Failure, str]]:
    """With the name of an earlier one that has the same signature: what is told there is alike."""
    first: dict[str, str] = {}
    return [
        (one, "" if not one.signature else _other(first.setdefault(one.signature, one.name), one))
        for one in failures[:BAD_SHOWN]
    ]


def _other(name: str, one: Failure) -> str:
    return "" if name == one.name else name


def _plot(svg: str) -> Markup:
    """Made of numbers and of names written in charts.py: nothing in it is from the folder."""
    return Markup(svg)  # noqa: S704
