"""The two ways in which a run ends without a word about the board.

Context   anywhere; raised at the edge, caught once in cli.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


class UserError(Exception):
    """Wrong usage or configuration: one line for people, exit status 2."""

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.mend}" if self.mend else line


class RigError(Exception):
    """The rig or its host failed (disk full, QEMU killed from outside): exit status 3."""


@contextlib.contextmanager
def looked_for(path: Path) -> Iterator[None]:
    """Within this it is asked whether a user's path is there.

    Python answers no only where nothing is. It raises what else is the matter: a folder that may
    not be entered, a name that is too long.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def told(error: BaseException) -> str:
    """What somebody else's code has raised, in one line: its kind and its text."""
    text = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind
