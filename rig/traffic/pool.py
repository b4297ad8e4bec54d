"""Transfers in parallel: a few threads, each with a client of its own.

Context   start and stop from the thread that drives the board; results arrive on the threads of
          the workers.
Rules     numbers are handed out in order; after hold() none is handed out any more, and what is
          under way may end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from rig.console.events import RigTrouble
from rig.errors import RigError, told
from rig.traffic.request import Request, Result
from rig.traffic.visit import Visit
from rig.traffic.wangdoodle import Client

Work = Request | Visit
Job = tuple[int, Work]


class Workers:
    def __init__(
        self,
        make_client: Callable[[Callable[[], bool]], Client],
        jobs: Iterator[Job],
        parallel: int,
        emit: Callable[[Result | RigTrouble], None],
    ) -> None:
        """`make_client` is given the question whether to give up. ValueError: nobody would work."""
        if parallel < 1:
            raise ValueError(f"parallel={parallel}: nobody would make a transfer")
        self._jobs = jobs
        self._emit = emit
        self._lock = threading.Lock()
        self._held = False
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(make_client(self._stopping.is_set),), name=f"transfer-{n}"
            )
            for n in range(parallel)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def hold(self) -> None:
        self._held = True

    def stop(self) -> None:
        """Gives up what is under way and waits for the threads."""
        self._held = True
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    @property
    def left(self) -> int:
        """Workers that have not ended."""
        return sum(thread.is_alive() for thread in self._threads)

    @property
    def done(self) -> bool:
        return self.left == 0

    def _next(self) -> Job | None:
        with self._lock:
            return None if self._held else next(self._jobs, None)

    def _run(self, client: Client) -> None:
        """A worker that ends by a mistake of the rig says so: nothing done is no run passed."""
        try:
            self._work(client)
        except BaseException as mistake:  # an exit too: nobody else would notice
            what = f"a transfer's thread has died: {told(mistake)}"
            self._emit(RigTrouble(client.now(), what))
            raise

    def _work(self, client: Client) -> None:
        while job := self._next():
            number, work = job
            try:
                result = self._carry_out(client, work, number)
            except RigError as fault:
                self._emit(RigTrouble(client.now(), str(fault)))
                return
            if not result.ok:
                self.hold()  # at once: the state after the first failure is the evidence
            self._emit(result)

    def _carry_out(self, client: Client, work: Work, number: int) -> Result:
        """Once more when the board was reset meanwhile, as a scenario wanted."""
        while True:
            if isinstance(work, Visit):
                result = work.run(client, number)
            else:
                result = client.transfer(work, number)
            if not result.abandoned or self._held:
                return result
