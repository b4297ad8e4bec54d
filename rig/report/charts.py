"""The plots, as inline SVG. Colours are the page's variables, so that they follow its theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import leather
from leather import theme

from rig.report.material import HostSecond, Journal
from rig.report.shape import STRETCHES, Bin, Stretch, course, rates

WIDTH, HEIGHT = 900, 300
#: Of the plots that stand two in a row.
SMALL = (460, 230)
EDGE = 6
#: From this ratio of the longest time to the median the scale is logarithmic.
LONG_TAIL = 30
#: So many transfers are shown one by one.
FEW = 300

T = TypeVar("T")

theme.background_color = "none"
theme.tick_color, theme.zero_color = "var(--line)", "var(--faint)"
theme.label_color = theme.axis_title_color = theme.legend_color = "var(--soft)"
theme.tick_font_family = theme.axis_title_font_family = theme.legend_font_family = "inherit"
theme.tick_font_size = theme.axis_title_font_size = theme.legend_font_size = 12
theme.tick_font_char_width = theme.legend_font_char_width = 7
theme.margin = 0.012


def times(bins: Sequence[Bin]) -> str:
    """How many transfers took how long."""
    chart = leather.Chart()
    names = [milliseconds(one.low) for one in bins]
    # A column is known by its name: those that would read alike are told apart by their number.
    keys = [f"{number}" for number in range(len(bins))]
    chart.add_columns(
        [(key, one.count) for key, one in zip(keys, bins, strict=True)], fill_color="var(--accent)"
    )
    every = math.ceil(len(bins) / 12)
    chart.add_x_axis(
        name="from … ms on",
        tick_formatter=lambda key, index, _count: names[int(key)] if index % every == 0 else "",
    )
    chart.add_y_scale(0, _end(max(4, *(one.count for one in bins))))  # from 4 on ticks are whole
    chart.add_y_axis(tick_formatter=_plain, name="transfers")
    return _svg(chart)


def over_time(lines: Journal) -> str:
    """Each transfer when they are few, else what each stretch of time was like; failures apart.

    Raises ValueError when the journal is empty.
    """
    bad = [(one.at, one.line.ms) for one in lines.bad]
    points = [*_extremes(lines.milliseconds), *(ms for _, ms in bad)]
    shortest, longest, level = _levels(points)
    chart = leather.Chart()
    if lines.ok <= FEW:
        good = zip(lines.ends, lines.milliseconds, strict=True)
        _dots(chart, [(at, level(ms)) for at, ms in good], "good", "var(--accent)", 3)
    else:
        _lines(chart, course(lines.ends, lines.milliseconds), level)
    _dots(chart, [(at, level(ms)) for at, ms in bad], "failed", "var(--bad)", 4)
    _time_axis(chart, max([*_extremes(lines.ends), *(at for at, _ in bad)]))
    _level_axis(chart, shortest, longest)
    return _svg(chart)


def throughput(lines: Journal) -> str:
    """Good bytes a second, in stretches of equal length; where nothing ended it is 0.

    Raises ValueError when no transfer was good.
    """
    points = rates(lines.ends, lines.sizes)
    chart = leather.Chart()
    add_course(chart, points, "good bytes", "var(--accent)")
    _time_axis(chart, max(lines.ends))
    chart.add_y_scale(0, _end(max(rate for _, rate in points)))
    chart.add_y_axis(tick_formatter=_plain, name="MB/s")
    return _svg(chart, (WIDTH, HEIGHT * 2 // 3))


def host(seconds: Sequence[HostSecond]) -> str:
    """How busy the host was, in percent."""
    chart = leather.Chart()
    parts, began = groups(seconds), seconds[0].at
    shares: tuple[tuple[str, str, Callable[[HostSecond], float]], ...] = (
        ("busy", "var(--faint)", lambda one: one.busy),
        ("waited for a processor", "var(--second)", lambda one: one.waited),
        ("stolen", "var(--bad)", lambda one: one.steal),
    )
    for name, colour, share in shares:
        points = [(_since(began, g), 100 * sum(map(share, g)) / len(g)) for g in parts]
        add_course(chart, points, name, colour)
    _time_axis(chart, max(_since(began, group) for group in parts))
    chart.add_y_scale(0, 100)
    chart.add_y_axis(tick_formatter=_plain, name="% of the time")
    return _svg(chart)


def harm(seconds: Sequence[HostSecond]) -> str:
    """Frames that the wire spoiled, a second."""
    chart = leather.Chart()
    parts, began = groups(seconds), seconds[0].at
    points = []
    for before, group in pairwise(parts):
        gone = max(group[-1].at - before[-1].at, 1e-3)
        more = max(0, group[-1].harmed - before[-1].harmed)
        points.append((_since(began, group), more / gone))
    add_course(chart, points, "spoiled frames", "var(--bad)")
    _time_axis(chart, max(_since(began, group) for group in parts))
    chart.add_y_scale(0, _end(max(4.0, *(rate for _, rate in points))))
    chart.add_y_axis(tick_formatter=_plain, name="frames a second")
    return _svg(chart)


Point = tuple[float, float]


def panel(
    lines: Sequence[tuple[str, str, Sequence[Point]]], judged: Sequence[Point], unit: str
) -> str:
    """One quantity over the run. `lines`: (name, colour, points); `judged`: what drift is told by.
    In ms it is a transfer's time, on the scale of over_time().

    Raises ValueError when there is no point at all.
    """
    chart = leather.Chart()
    every = [*(point for _, _, points in lines for point in points), *judged]
    shortest, longest, level = _levels([value for _, value in every])
    if unit != "ms":
        level = float
    for name, colour, points in lines:
        add_course(chart, [(at, level(value)) for at, value in points], name, colour)
    _dots(chart, [(at, level(value)) for at, value in judged], "judged", "var(--second)", 3)
    _time_axis(chart, max(at for at, _ in every))
    if unit == "ms":
        _level_axis(chart, shortest, longest)
    else:
        chart.add_y_scale(0, _end(max(4.0, longest)))
        chart.add_y_axis(tick_formatter=_plain, name=unit)
    return _svg(chart, SMALL)


def _levels(values: Sequence[float]) -> tuple[float, float, Callable[[float], float]]:
    """The shortest and the longest of these times, and where on the scale one stands."""
    shortest, longest = max(min(values), 0.001), max(values)
    if not _logarithmic(shortest, longest):
        return shortest, longest, float
    return shortest, longest, lambda ms: math.log10(max(ms, shortest))


def _logarithmic(shortest: float, longest: float) -> bool:
    return shortest * LONG_TAIL < longest


def add_course(chart: Any, points: Sequence[Point], name: str, colour: str) -> None:
    """A line; of a single point, which would be none, a dot."""
    if len(points) > 1:
        chart.add_line(points, name=name, stroke_color=colour, width=1.5)
    else:
        _dots(chart, list(points), name, colour, 3)


def groups(values: Sequence[T]) -> list[Sequence[T]]:
    """As many as a plot has room for, of equal length."""
    size = max(1, math.ceil(len(values) / STRETCHES))
    return [values[at : at + size] for at in range(0, len(values), size)]


def _since(began: float, group: Sequence[HostSecond]) -> float:
    """A clock that was stepped back does not lead out of the plot."""
    return max(0.0, group[-1].at - began)


def _extremes(values: Sequence[float]) -> tuple[float, ...]:
    return (min(values), max(values)) if values else ()


def _lines(chart: Any, stretches: Sequence[Stretch], level: Callable[[float], float]) -> None:
    for name, colour, values in (
        ("longest", "var(--faint)", [one.max for one in stretches]),
        ("99 %", "var(--second)", [one.p99 for one in stretches]),
        ("median", "var(--accent)", [one.p50 for one in stretches]),
    ):
        points = [(one.at, level(ms)) for one, ms in zip(stretches, values, strict=True)]
        chart.add_line(points, name=name, stroke_color=colour, width=1.5)


def _dots(
    chart: Any, points: list[tuple[float, float]], name: str, colour: str, radius: int
) -> None:
    if points:
        chart.add_dots(points, name=name, fill_color=colour, radius=radius)


def _time_axis(chart: Any, last: float) -> None:
    chart.add_x_scale(0, _end(max(1.0, last)))
    chart.add_x_axis(tick_formatter=_plain, name="seconds of the run")


def _level_axis(chart: Any, shortest: float, longest: float) -> None:
    if not _logarithmic(shortest, longest):
        chart.add_y_scale(0, _end(longest))
        chart.add_y_axis(tick_formatter=_plain, name="ms")
        return
    low, high = math.floor(math.log10(shortest)), math.ceil(math.log10(longest))
    chart.add_y_scale(low, high)
    chart.add_y_axis(
        ticks=list(range(low, high + 1)),
        tick_formatter=lambda value, _index, _count: f"{10.0 ** float(value):,.9g}",
        name="ms",
    )


def milliseconds(value: float) -> str:
    """Three figures at most below a thousand."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _plain(value: float, _index: int, _count: int) -> str:
    return f"{float(value):,.6g}" if value < 1e6 else f"{float(value):,.0f}"


def _end(value: float) -> Decimal:
    """Where a scale that begins at 0 ends; leather adds what is lacking to the next round tick."""
    return Decimal(max(value, 1e-3))


def _svg(chart: Any, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    width, height = size
    svg: str = chart.to_svg(width=width, height=height)
    # The page scales it: its own size becomes the size of its coordinates. Around them is room for
    # what leather lets hang over: half of the last tick's label, half of a legend.
    room = f"{-EDGE} {-EDGE} {width + 3 * EDGE} {height + EDGE}"
    return svg.replace(
        f'<svg width="{width}" height="{height}"', f'<svg role="img" viewBox="{room}"', 1
    )
