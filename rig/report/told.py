"""The words that all reports share. Pure."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rig import options
from rig.errors import UserError
from rig.report import text
from rig.report.material import Material
from rig.report.shape import histogram
from rig.report.summary import describe

NO_VERDICT = "NO VERDICT"
#: What two runs must have in common, or their failure rates tell of something else.
ALIKE = ("scenario", "board", "wire", "parallel", "boot arguments", "faults")


def badge(material: Material) -> str:
    """The verdict, with its cause."""
    figures = material.figures
    if figures.verdict is None:
        return NO_VERDICT
    if figures.cut_short:
        return "INTERRUPTED"
    cause = f" ({figures.cause.value})" if figures.cause else ""
    return figures.verdict.value.upper() + cause


def reason(material: Material) -> str:
    """What was found; empty when there is nothing to say."""
    figures = material.figures
    if figures.verdict is None:
        return "the run was killed, or still goes on"
    if figures.cut_short:
        return "before its end"
    return figures.detail + ("; interrupted before its end" if figures.interrupted else "")


def headline(material: Material) -> str:
    why = reason(material)
    return f"{badge(material)}: {why}" if why else badge(material)


def circumstances(material: Material) -> list[tuple[str, str]]:
    """With what the run was made: what is not known is left out."""
    run, figures = material.run, material.figures
    wire = f"{run.wire} ({run.why})" if run.why else run.wire
    pairs = [
        ("started", run.started),
        ("scenario", run.scenario if run.options else ""),
        ("board", run.option("board")),
        ("wire", wire),
        ("seed", run.option("seed")),
        ("parallel", run.option("parallel")),
        ("boot arguments", run.option("bootargs")),
        ("faults", "" if figures.faults is None else figures.faults.plan),
        ("image", run.image.get("path", "")),
        ("build", figures.build or run.image.get("build_id", "")),
        ("ready after", "" if figures.boot_seconds is None else f"{figures.boot_seconds:.2f} s"),
        ("host", " ".join(run.host.values())),
        ("versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())),
    ]
    return [(name, value) for name, value in pairs if value]


def repeat(material: Material) -> str:
    """The command that does the same again; empty when run.json does not tell."""
    if material.run.options:
        with contextlib.suppress(UserError):
            wanted = options.from_json(material.run.options, Path("run.json"))
            return text.line(options.repeat_command(wanted))
    return ""


def beside(before: Material, after: Material) -> list[str]:
    """Two runs: what else changed, and with what they were made differently."""
    old, new = before.figures, after.figures
    lines = []
    if old.transfers_ok and new.transfers_ok:
        for name, a, b, unit in (
            ("p50", old.transfer_ms.p50, new.transfer_ms.p50, "ms"),
            ("p99", old.transfer_ms.p99, new.transfer_ms.p99, "ms"),
            ("goodput", old.goodput_bytes_per_s / 1e6, new.goodput_bytes_per_s / 1e6, "MB/s"),
        ):
            lines.append(f"{name:<7} {a:.1f} {unit} before, {b:.1f} {unit} after")
    one, other = dict(circumstances(before)), dict(circumstances(after))
    for name in ALIKE:
        was, now = one.get(name, "none"), other.get(name, "none")
        if was != now:
            lines.append(f"MIND: not alike: {name}: {was} before, {now} after")
    return lines


def summary_text(material: Material) -> str:
    """For a terminal."""
    lines = [describe(headline(material), material.figures.as_json())]
    lines += [f"  {name:<10} {value}" for name, value in circumstances(material)[:5]]
    lines += [f"  note       {note}" for note in material.notes]
    bins = histogram(material.journal.milliseconds, 10)
    if bins:
        most = max(one.count for one in bins)
        lines.append("")
        lines += [
            f"  {one.low:9.2f} to {one.high:9.2f} ms {one.count:>9,}  {_bar(one.count, most)}"
            for one in bins
        ]
    for failure in material.failures[:10]:
        lines += ["", f"{failure.name}: {failure.detail}", failure.traceback.rstrip()]
    if len(material.failures) > 10:
        lines.append(f"and {len(material.failures) - 10} failures more, in failures/")
    again = repeat(material)
    return "\n".join([*lines, "", f"again: {again}"] if again else lines).rstrip()


def _bar(count: int, most: int) -> str:
    return "█" * max(1 if count else 0, round(40 * count / most))
