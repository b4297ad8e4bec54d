"""run.json: with what a run was made, so that it can be understood and repeated."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rig import __version__
from rig.console.symbols import symbols_of

_LIBRARIES = ("click", "rich", "pyelftools", "pyroute2", "pydantic")


def image_facts(image: Path) -> dict[str, str]:
    return {
        "path": str(image),
        "sha256": hashlib.sha256(image.read_bytes()).hexdigest(),
        "build_id": symbols_of(image).build_id,
    }


def versions() -> dict[str, str]:
    found = {"kyu": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def host_facts() -> dict[str, str]:
    return {"system": platform.platform(), "machine": platform.machine()}


def stamp() -> str:
    """UTC, fit for a file name."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def document(options: dict[str, Any], image: Path, **more: Any) -> dict[str, Any]:
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "image": image_facts(image),
        "host": host_facts(),
        "versions": versions(),
        **more,
    }
