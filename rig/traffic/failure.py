"""The two ways in which what a client does ends early without being the rig's fault."""

from __future__ import annotations

from rig.verdict import Cause


class TransferError(Exception):
    """What the board did wrong, as the client saw it."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail


class GivenUpError(Exception):
    """The run was stopped, or the board reset on purpose, while this was under way."""
