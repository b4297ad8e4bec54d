"""One call of a scenario's function: what is asked of the board when it is more than a transfer.

Context   run() on a worker's thread.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rig.errors import RigError
from rig.scenario import Body, name_of
from rig.traffic.failure import GivenUpError, TransferError
from rig.verdict import Cause

if TYPE_CHECKING:
    from rig.scenario import Guest
    from rig.traffic.request import Result
    from rig.traffic.wangdoodle import Client, Tally


@dataclass(frozen=True, slots=True)
class Visit:
    body: Body
    seed: int
    number: int
    quick: bool = False

    def __str__(self) -> str:
        return name_of(self.body)

    def run(self, client: Client, number: int) -> Result:
        """By the host's own sockets."""
        from rig.traffic.guest import SocketGuest

        def body(tally: Tally) -> None:
            with SocketGuest(client, self, tally) as guest:
                self.play(guest)

        return client.attempt(self, number, body)

    def play(self, guest: Guest) -> None:
        """Raises TransferError for what the board did wrong, RigError for what the scenario did."""
        try:
            self.body(guest)
        except (TransferError, GivenUpError, RigError):
            raise
        except AssertionError as wrong:
            raise TransferError(Cause.CORRUPTION, f"{_place(wrong)}: {_said(wrong)}") from None
        except Exception as error:
            kind = type(error).__name__
            raise RigError(f"scenario {self}: {_place(error)}: {kind}: {error}") from error


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{last.name}, line {last.lineno}"


def _said(wrong: AssertionError) -> str:
    """What was asserted; a message says more, and so does what pytest makes of it."""
    if wrong.args:
        return " ".join(str(wrong.args[0]).split())[:300]
    return (traceback.extract_tb(wrong.__traceback__)[-1].line or "it does not hold")[:300]
