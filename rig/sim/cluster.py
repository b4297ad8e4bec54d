"""Runs of the simulator on a Dask cluster: parts of a campaign, spread over machines.

Context   the main thread; Dask has threads of its own, which only tell that something has ended.
Rules     results come in the order of the parts, whoever was first: what is made of them is what
          one core would have made. A part is a value and its result follows from it, so a part
          whose worker died is simply run again, elsewhere.
          A worker with another simulator is refused: the same seed would be another run there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import queue
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from rig import interrupts
from rig.errors import RigError, UserError

P = TypeVar("P")
R = TypeVar("R")
Say = Callable[[str], None]

CONNECT_S = 5.0
#: Between two looks at who is there.
LOOK_S = 0.5
#: So long a campaign waits for a worker that is fit.
ALONE_S = 60.0
#: While a worker runs one part the next is on its way to it.
AHEAD = 2
#: A part that was under way on so many workers that died is taken to be why they died.
DEATHS_MAX = 4

#: What the library says of its insides, as when Ctrl-C finds it in a call: whatever matters is an
#: exception, and told in our words. It gives each of these a level of its own.
LOGGERS = ("distributed", "distributed.client", "tornado.application")

WHERE = "--scheduler"
ABSENT = UserError(
    "the package distributed is not installed", where=WHERE, mend="pip install 'kyu-rig[dask]'"
)


@cache
def fingerprint() -> str:
    """Of all that a result depends on: the hosted firmware and the Python about it."""
    import kyusim
    import rig.sim
    from kyusim import _planted, _sim

    content = hashlib.sha256()
    for binary in (_sim, _planted):
        content.update(Path(str(binary.__file__)).read_bytes())
    for package in (rig.sim, kyusim):
        for source in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            content.update(source.read_bytes())
    return content.hexdigest()[:16]


#: A worker may have several threads; a world has the process for itself, as on one core.
_ALONE = threading.Lock()


def _work(work: Callable[[P], R], parts: list[P]) -> list[R]:
    """On a worker."""
    with _ALONE:
        return [work(part) for part in parts]


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    parts: list[Any]


class _Worker:
    """`fit` None: it was asked and has not answered yet."""

    def __init__(self, threads: int) -> None:
        self.room = threads * AHEAD
        self.fit: bool | None = None
        self.jobs: dict[Any, _Job] = {}


class Cluster:
    """Used with `with`; on Ctrl-C what is under way is given up and told."""

    def __init__(self, address: str, say: Say, *, alone_s: float = ALONE_S) -> None:
        """Raises UserError for what is wrong here, RigError when nobody answers there."""
        try:
            import dask
            import distributed
        except ModuleNotFoundError:
            raise ABSENT from None
        self._address, self._say, self._alone_s = address, say, alone_s
        for logger in LOGGERS:
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        dask.config.set({"distributed.comm.timeouts.connect": f"{CONNECT_S:g}s"})
        _check(address)
        try:
            self._client = distributed.Client(
                address, timeout=CONNECT_S, set_as_default=False, name="kyu"
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise RigError(f"no scheduler answers at {address}: {_line(error)}") from None
        self._killed: type[Exception] = distributed.scheduler.KilledWorker
        self._workers: dict[str, _Worker] = {}
        self._again: deque[_Job] = deque()
        self._deaths: Counter[int] = Counter()
        self._ended: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._heard = time.monotonic()
        self._looked = 0.0
        self._given_up = 0

    def __enter__(self) -> Cluster:
        # The library has callbacks of weak references, in which Python's own Ctrl-C is lost.
        interrupts.install()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            interrupts.taken()
            self._say(f"interrupted; parts under way that are given up: {self._given_up}")
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.close(timeout=CONNECT_S)

    def map(self, work: Callable[[P], R], parts: Iterable[P], each: int = 1) -> Generator[R]:
        """Like the built-in one. `each`: parts that travel together. `parts` may be endless.

        Raises RigError when the cluster is gone, and what `work` raises.
        """
        jobs = enumerate(_batches(parts, each))
        done: dict[int, list[R]] = {}
        wanted, more = 0, True
        self._heard, self._looked = time.monotonic(), 0.0
        self._deaths.clear()
        try:
            while True:
                interrupts.check()
                self._look()
                more = self._hand_out(work, jobs) if more or self._again else False
                if not more and not self._again and not done and not self._under_way():
                    return
                for number, results in self._results():
                    done[number] = results
                while wanted in done:
                    yield from done.pop(wanted)
                    wanted += 1
        finally:
            self._given_up = self._give_up()

    # Who is there

    def _look(self) -> None:
        """Meets who has come, and takes back what was with those who are gone."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        if self._client.status != "running":  # it would connect again, but its parts are lost
            raise self._gone(ConnectionError("the connection is lost"))
        try:
            there: dict[str, int] = self._client.nthreads()
        except Exception as error:  # of many kinds, by what it was doing
            raise self._gone(error) from None
        self._looked = time.monotonic()
        for address in [known for known in self._workers if known not in there]:
            self._lost(address)
        for address, threads in there.items():
            if address not in self._workers:
                self._workers[address] = _Worker(threads)
                self._submit(address, _Job(-1, []), fingerprint)
        fit = [worker.fit for worker in self._workers.values()]
        if fit and not any(one is None or one for one in fit):
            raise RigError(f"none of the {len(fit)} workers at {self._address} is fit")
        if not any(fit) and time.monotonic() - self._heard > self._alone_s:
            raise RigError(f"the scheduler at {self._address} has no workers")

    def _lost(self, address: str) -> None:
        worker = self._workers.pop(address)
        jobs = [job for job in worker.jobs.values() if job.number >= 0]
        self._cancel([*worker.jobs])
        if worker.fit:
            self._say(f"worker {address} is gone; parts that are run again elsewhere: {len(jobs)}")
        for job in jobs:
            self._take_back(job)

    def _take_back(self, job: _Job) -> None:
        self._deaths[job.number] += 1
        if self._deaths[job.number] >= DEATHS_MAX:
            raise RigError(f"{DEATHS_MAX} workers died of {job.parts[0]}")
        self._again.append(job)

    def _met(self, address: str, future: Any) -> None:
        """It has told what it runs."""
        worker = self._workers[address]
        try:
            told = str(future.result())
        except Exception as error:  # whatever its Python lacks
            told = _line(error)
        worker.fit = told == fingerprint()
        if not worker.fit:
            self._say(
                f"worker {address} is refused, its results would differ: its simulator is {told},"
                f" not {fingerprint()}"
            )

    # Work

    def _hand_out(self, work: Callable[[P], R], jobs: Iterator[tuple[int, list[P]]]) -> bool:
        """False: there are no more."""
        for address, worker in self._workers.items():
            while worker.fit and len(worker.jobs) < worker.room:
                if self._again:
                    job = self._again.popleft()
                elif (one := next(jobs, None)) is not None:
                    job = _Job(*one)
                else:
                    return False
                self._submit(address, job, _work, work, job.parts)
        return True

    def _submit(self, address: str, job: _Job, *call: Any) -> None:
        try:
            future = self._client.submit(
                *call, workers=[address], allow_other_workers=False, pure=False
            )
        except Exception as error:  # of many kinds, by what it was doing
            raise self._gone(error) from None
        self._workers[address].jobs[future] = job
        future.add_done_callback(lambda one: self._ended.put((address, one)))

    def _results(self) -> Iterator[tuple[int, list[Any]]]:
        """What has ended, waiting for it for a while."""
        left = LOOK_S
        while True:
            try:
                address, future = self._ended.get(timeout=left)
            except queue.Empty:
                return
            left = 0.0
            worker = self._workers.get(address)
            if worker is None or (job := worker.jobs.pop(future, None)) is None:
                continue  # taken back already
            if job.number < 0:
                self._met(address, future)
                continue
            try:
                results = future.result()
            except self._killed:
                self._take_back(job)
                continue
            except (RigError, UserError):
                raise
            except Exception as error:
                if future.cancelled():
                    raise self._gone(error) from None
                raise RigError(f"worker {address}: {_line(error)}") from None
            self._heard = time.monotonic()
            yield job.number, results

    def _under_way(self) -> int:
        jobs = [job for worker in self._workers.values() for job in worker.jobs.values()]
        return sum(job.number >= 0 for job in jobs)

    def _give_up(self) -> int:
        """How many parts that were."""
        parts = sum(len(job.parts) for job in self._again)
        self._again.clear()
        for worker in self._workers.values():
            jobs = [(future, job) for future, job in worker.jobs.items() if job.number >= 0]
            parts += sum(len(job.parts) for _, job in jobs)
            for future, _ in jobs:
                del worker.jobs[future]
            self._cancel([future for future, _ in jobs])
        return parts

    def _cancel(self, futures: list[Any]) -> None:
        if futures:
            with contextlib.suppress(Exception):  # gone is given up, too
                self._client.cancel(futures)

    def _gone(self, error: Exception) -> RigError:
        return RigError(f"the scheduler at {self._address} went away: {_line(error)}")


def _batches(parts: Iterable[P], each: int) -> Iterator[list[P]]:
    left = iter(parts)
    while batch := list(islice(left, each)):
        yield batch


def _check(address: str) -> None:
    """Raises UserError for what is no [SCHEME://]HOST:PORT."""
    found = re.fullmatch(r"((tcp|tls|ws|wss)://)?(\[.+\]|[^:/]+):(\d{1,5})", address)
    if found is None or int(found[4]) >= 1 << 16:
        raise UserError(f"{address!r} is no HOST:PORT", where=WHERE, mend="as in 127.0.0.1:8786")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
