"""A TOML file that a person wrote, or says to have written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from rig.errors import UserError

#: More is no plan and no board, but a device or another file.
BYTES_MAX = 1 << 20


def read(path: Path, where: str) -> dict[str, Any]:
    """Raises UserError, one line; `where` is the option that named it."""
    name = str(path).replace("\0", "?")[:200]
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
        if len(raw) > BYTES_MAX:
            raise UserError(f"{name} is longer than a TOML file of ours can be", where=where)
        return tomllib.loads(raw.decode())
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}", where=where) from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, no number, no path
        why = str(error).splitlines()[0]
        raise UserError(f"{name} is not TOML: {why}", where=where) from None
