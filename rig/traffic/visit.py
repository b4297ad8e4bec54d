"""One call of a scenario's function: what is asked of the board when it is more than a transfer.

Context   run() on a worker's thread.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from rig.errors import RigError, told
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
        """Raises TransferError for what the board did wrong, RigError for what the scenario did.

        An exit, and the outcomes of pytest, are no Exceptions.
        """
        try:
            _to_its_end(self.body, guest)
        except (TransferError, GivenUpError, RigError):
            raise
        except BaseException as error:
            if isinstance(error, AssertionError) or _is_verdict(error):
                raise TransferError(Cause.CORRUPTION, f"{_place(error)}: {_said(error)}") from None
            raise RigError(f"scenario {self}: {_place(error)}: {told(error)}") from error


def _to_its_end(body: Body, guest: Guest) -> None:
    """What is async, or yields, only makes something when it is called: nothing of it was run, and
    that must not pass.
    """
    made = cast(Callable[["Guest"], object], body)(guest)
    if inspect.iscoroutine(made) or inspect.isgenerator(made):
        made.close()
    if inspect.isawaitable(made) or inspect.isgenerator(made) or inspect.isasyncgen(made):
        raise RigError(f"scenario {name_of(body)}: a scenario neither is async nor yields")


def _is_verdict(error: BaseException) -> bool:
    """pytest.fail(), and what pytest.raises() says: an assert in other words. xfail() is neither.

    Who raises them has imported pytest; nobody else has to.
    """
    pytest = sys.modules.get("pytest")
    if pytest is None:
        return False
    failed, expected = pytest.fail.Exception, pytest.xfail.Exception
    return isinstance(error, failed) and not isinstance(error, expected)


def _place(error: BaseException) -> str:
    """The innermost function that does not hide, as pytest's own do."""
    frames = list(traceback.walk_tb(error.__traceback__))
    shown = [one for one in frames if not one[0].f_locals.get("__tracebackhide__")] or frames
    frame, line = shown[-1]
    return f"{frame.f_code.co_name}, line {line}"


def _said(wrong: BaseException) -> str:
    """What was asserted; a message says more, and so does what pytest makes of it."""
    if said := " ".join(str(wrong).split()):
        return said[:300]
    return (traceback.extract_tb(wrong.__traceback__)[-1].line or "it does not hold")[:300]
