"""report.html, junit.xml and metrics.prom, beside the run that they tell of.

Rules     each file is whole or not there; one that is there is replaced, never written through.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from rig.errors import RigError
from rig.report import junit, metrics, page
from rig.report.material import Material, load

HTML, JUNIT, METRICS = "report.html", "junit.xml", "metrics.prom"
NAMES = (HTML, JUNIT, METRICS)


def write(folder: Path, material: Material) -> None:
    """Raises RigError when a file cannot be written."""
    rendered = {
        HTML: page.render(material),
        JUNIT: junit.render(material),
        METRICS: metrics.render(material),
    }
    for name, content in rendered.items():
        _write(folder / name, content)


def make(folder: Path) -> None:
    """From the folder alone. Raises UserError and RigError."""
    write(folder, load(folder))


def _write(path: Path, content: str) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        with partial.open("x", encoding="utf-8", newline="\n") as file:  # follows no link
            file.write(content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RigError(f"{path} cannot be written: {error.strerror}") from None
