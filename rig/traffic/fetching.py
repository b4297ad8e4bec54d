"""One stream from the board: the bindings receive and compare it; patience and judgement are here.

Context   a worker's thread, which waits without the interpreter (bindings/fetch.hpp): about one
          call a transfer, or one every LOOK_S of a longer one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kyusim.native import Fetch, Step
from rig.board.protocol import Address
from rig.traffic.failure import GivenUpError, TransferError
from rig.traffic.pattern import expectation, hex_context
from rig.traffic.request import Request
from rig.traffic.wangdoodle import lost, no_answer, progress, stalled, unreached
from rig.verdict import Cause

if TYPE_CHECKING:
    from rig.traffic.wangdoodle import Client

#: A slow client's receive buffer, and how long it sleeps before each look at it: long enough for
#: the window to fill up and close.
SLOW_WINDOW = 16 * 1024
SLOW_PAUSE_S = 0.005
#: Between two questions whether to give up; of an eager client so many bytes, if that is sooner.
LOOK_S = 0.1
AT_ONCE_BYTES = 64 << 20
CONTEXT_BYTES = 8
_UNDER_WAY = frozenset({Step.CONNECTING, Step.WAITING, Step.CLOSING, Step.PAUSED})


class Fetching:
    def __init__(self, client: Client, request: Request, board: Address) -> None:
        self._client = client
        self._request = request
        self._board = board
        self._slow = request.manner == "slow"
        self._fetch = Fetch(
            board.host,
            board.port,
            request.command,
            seed=None if request.kind == "big" else request.seed,
            size=request.share,
            window=SLOW_WINDOW if self._slow else 0,
            half_close=request.half_close,
            until_close=not request.goes_away,
            quiet_s=LOOK_S,
        )

    @property
    def received(self) -> int:
        return self._fetch.received

    @property
    def port(self) -> int:
        return self._fetch.port

    def run(self) -> None:
        """Lets the fetch go on while there is patience.

        Raises TransferError, GivenUpError and RigError.
        """
        client, fetch = self._client, self._fetch
        begun, before = client.observed(), (Step.CONNECTING, 0)
        while (step := fetch.go(SLOW_WINDOW if self._slow else AT_ONCE_BYTES)) in _UNDER_WAY:
            try:
                client.give_up_if_stopping()
                if self._slow and step is Step.PAUSED:
                    client.pause(SLOW_PAUSE_S)
            except GivenUpError:
                raise GivenUpError(self._progress()) from None
            if (step, fetch.received) != before:
                begun, before = client.observed(), (step, fetch.received)
            else:
                self._be_patient(client.observed() - begun, step)
        if step is not Step.DONE:
            raise self._went_wrong(step)

    def close(self) -> None:
        self._fetch.close(reset=self._request.manner == "reset")

    def _progress(self) -> str:
        return progress(self.received, self._request.share)

    def _be_patient(self, waited: float, step: Step) -> None:
        patience = self._client.patience
        if step is Step.CONNECTING:
            if waited > patience.connect:
                raise no_answer(self._board, patience.connect)
        elif waited > patience.stall:
            closing = step is Step.CLOSING
            state = "all bytes came, the close did not" if closing else self._progress()
            raise stalled(patience.stall, state)

    def _went_wrong(self, step: Step) -> Exception:
        """What a fetch that ended says of the board, or of this host."""
        fetch, size = self._fetch, self._request.share
        match step:
            case Step.UNREACHED:
                return unreached(fetch.error, self._board)
            case Step.EARLY:
                return TransferError(Cause.TRUNCATED, f"closed early: {self._progress()}")
            case Step.WRONG:
                return TransferError(Cause.CORRUPTION, self._difference())
            case Step.EXTRA:
                return TransferError(
                    Cause.CORRUPTION,
                    f"offset {size}: expected the end, found {len(fetch.found)} or more bytes: "
                    f"{hex_context(fetch.found, 0, 16)}",
                )
            case _:
                return lost(OSError(fetch.error, os.strerror(fetch.error)), self.received, size)

    def _difference(self) -> str:
        """The first wrong byte among its neighbours: those before it were right."""
        at, tail = self._fetch.at, self._fetch.found
        before = min(at, CONTEXT_BYTES)
        expected = expectation(self._request, self._client.native)
        right = expected(at - before, before + len(tail))
        found = right[:before] + tail
        return (
            f"offset {at}: expected {right[before]:02x}, found {found[before]:02x}; "
            f"expected {hex_context(right, before)}, found {hex_context(found, before)}"
        )
