"""run.json: with what a run was made, so that it can be understood and repeated."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

from rig import __version__
from rig.console.symbols import symbols_of
from rig.errors import UserError

#: A file system takes 255; a report's files lie beneath.
NAME_CHARS_MAX = 120
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


def folder_name(scenarios: Sequence[str]) -> str:
    """`20261127T190412Z-soak`: one part of a path, which no shell and no file system dislikes."""
    return f"{stamp()}-{'+'.join(map(_plain, scenarios))}"[:NAME_CHARS_MAX]


def _plain(scenario: str) -> str:
    """A user's own is called by a path: my/test_x.py::test_one is test_x-test_one."""
    path, _, test = scenario.partition("::")
    words = [Path(path).stem, test] if path.endswith(".py") else [scenario]
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", "-".join(filter(None, words)))


def claim(path: Path) -> Path:
    """This folder or, where another rig has taken the name, the first of -2, -3 … that is free.

    Raises UserError when it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            mine = path if number == 1 else path.with_name(f"{path.name}-{number}")
            with contextlib.suppress(FileExistsError):
                mine.mkdir()
                return mine
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}", mend="name another folder with --out"
        ) from None
    raise AssertionError("numbers never end")


def document(options: dict[str, Any], image: Path, **more: Any) -> dict[str, Any]:
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
        "image": image_facts(image),
        "host": host_facts(),
        "versions": versions(),
        **more,
    }
