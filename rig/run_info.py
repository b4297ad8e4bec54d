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
from rig.errors import UserError

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


def taken_up(old: dict[str, Any], new: dict[str, Any], path: Path) -> dict[str, Any]:
    """run.json of a run that goes on: it began when it began. Raises UserError when the image is
    another: two images in one run would be judged as one.
    """
    before, now = (_identity(one.get("image")) for one in (old, new))
    if before and now and before != now:
        raise UserError(
            f"{path} was made with the build {before[:12]}, and {new['image']['path']} is the "
            f"build {now[:12]}",
            where="--resume",
            mend="begin a new run, or build that image again",
        )
    return {**new, "started": old.get("started", new["started"])}


def _identity(image: Any) -> str:
    """The build id of an image that has one."""
    facts = image if isinstance(image, dict) else {}
    return str(facts.get("build_id") or facts.get("sha256") or "")


def document(options: dict[str, Any], image: Path, **more: Any) -> dict[str, Any]:
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "image": image_facts(image),
        "host": host_facts(),
        "versions": versions(),
        **more,
    }
