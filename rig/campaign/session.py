"""One board under watch: the only place where the watch meets the world.

Context   everything but _emit on the main thread. The console reader and the workers only put
          events into the queue; pump() folds them, and does what the watch wants done.
Ownership the session owns the board's power, the reader and the workers.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

from rig import interrupts
from rig.board.protocol import Address, Board, Debuggable, Eventful, Inspectable, Resettable
from rig.clock import Clock
from rig.console import events as ev
from rig.console.grammar import PROMPT
from rig.console.reader import ConsoleReader
from rig.console.symbols import Symbols
from rig.errors import RigError, UserError
from rig.inspect import look as looking
from rig.inspect.findings import Odd, findings, silenced, standing_out
from rig.inspect.image import Image
from rig.inspect.look import Look
from rig.journal import RunFolder
from rig.traffic.pattern import Native
from rig.traffic.pool import Job, Work, Workers
from rig.traffic.request import Result
from rig.traffic.wangdoodle import Client, Patience
from rig.verdict import Verdict, inconclusive
from rig.watch import Limits, Wants, Watch, step
from rig.wire.pcapng import Frame
from rig.wire.protocol import WANGDOODLE, Wire

TICK_S = 0.1
TAIL_LINES = 4000  # a crash record is a thousand lines, and its story begins before it
PC_SAMPLES = 7
#: The whole look from outside, at a gdb server that may be as sick as the board.
LOOK_S = 10.0


@dataclass(frozen=True, slots=True)
class _PullReset:
    """A scenario wants the board's reset line to be pulled."""

    done: Future[None]


_Item = ev.Event | Result | _PullReset


T = TypeVar("T")


class BoardFailedError(Exception):
    """The watch has come to a verdict while something else was going on."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class TimedLine:
    at: float
    text: str


class Session:
    def __init__(
        self,
        board: Board,
        symbols: Symbols,
        *,
        folder: RunFolder | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
        patience: Patience = Patience(),  # noqa: B008  frozen
        wire: Wire | None = None,
    ) -> None:
        """`wire`: what remembers the last frames."""
        self.board = board
        self.resets = 0  # on purpose, since power-on
        self.visitors = 1  # at the same time
        self.wire = wire
        self.symbols = symbols
        self.clock = Clock()
        self.watch = Watch(limits=limits)
        self.verdict: Verdict | None = None
        self.tail: deque[TimedLine] = deque(maxlen=TAIL_LINES)
        self._limits = limits
        self._patience = patience
        self._folder = folder
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._good: deque[Result] = deque()
        self._unread: list[Result] = []  # came while nobody asked for results
        self._reader: ConsoleReader | None = None
        self._workers: Workers | None = None
        self._ticked = 0.0
        self._image: Image | None = None
        self._look: Look | None = None
        self._look_trouble = ""

    # Power

    def boot(self) -> Verdict | None:
        """Power on and wait until every server listens. A verdict when that did not come about."""
        self.power_off()
        self.watch, self.verdict = Watch(limits=self._limits), None
        self.tail.clear()
        self._look, self._look_trouble = None, ""
        self._queue = queue.SimpleQueue()
        self._good.clear()
        self._unread.clear()
        self.board.power_on()
        self.clock.restart(self.board)
        self._ticked = 0.0
        self.feed(ev.PowerOn(0.0))
        log = self._folder.console if self._folder else None
        self._reader = ConsoleReader(self.board.console, self._queue.put, self.clock.now, log)
        self._reader.start()
        self.board.go()
        while not self._decided() and not self.watch.ready:
            self.pump()
        return self.verdict

    def take_up_again(self) -> None:
        """The board was left alone for a while, and not by a host that was starved."""
        self.clock.pass_over(self.board)
        self._ticked = self.clock.now()

    def power_off(self) -> None:
        self.stop_traffic()
        if self._reader is not None:
            self._reader.quiet()
        self.board.power_off()
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
            if self._folder is not None:
                self._folder.flush_ticks()

    def _decided(self) -> bool:
        return self.verdict is not None

    # Events

    def pump(self, wait_s: float = TICK_S) -> list[Result]:
        """Folds what has happened, for up to `wait_s`, and returns the transfers that ended."""
        interrupts.check()
        results, self._unread = self._unread, []
        deadline = time.monotonic() + wait_s
        for item in self._arrivals(deadline):
            if isinstance(item, Result):
                self._gather(results)
                results.append(item)
                if item.cause is not None and self.verdict is None:
                    self.feed(ev.Symptom(self.clock.now(), item.cause, _symptom_detail(item)))
            elif isinstance(item, _PullReset):
                self._reset(item)
            elif isinstance(item, ev.RigTrouble):
                self.feed(replace(item, detail=self._why_gone() or item.detail))
            else:
                self.feed(item)
        self._gather(results)
        if self.clock.now() - self._ticked >= TICK_S:
            self._tick()
        return results

    def drain(self) -> list[Result]:
        """All that is left of workers that have ended, however loud the board is."""
        results: list[Result] = []
        for _ in range(self._queue.qsize() + 1):  # each takes one at least
            results += self.pump(0)
            if self._queue.empty():
                break
        return results

    def _gather(self, results: list[Result]) -> None:
        while self._good:
            results.append(self._good.popleft())

    def _ended(self, item: Result | ev.RigTrouble) -> None:
        """From the thread of a transfer. A good one wakes nobody: this thread would take the
        interpreter just when the next transfer wants to begin.
        """
        if isinstance(item, Result) and item.ok:
            self._good.append(item)
        else:
            self._queue.put(item)

    def feed(self, event: ev.Event) -> None:
        """One event into the fold; after a verdict only the record is kept."""
        if isinstance(event, ev.Line):
            self.tail.append(TimedLine(event.at, event.text))
        elif isinstance(event, ev.Prompt):
            self.tail.append(TimedLine(event.at, PROMPT))
        if self._folder is not None:
            self._folder.event(event)
        if self.verdict is not None:
            return
        self.watch, self.verdict = step(self.watch, event)
        if self.verdict and self._folder:
            self._folder.flush_ticks()
        if self.watch.wants is Wants.PROBE:
            self._probe()
        elif self.watch.wants is Wants.INSPECT:
            self.stop_traffic()  # where the network still works it would slow the look down
            self.feed(self._inspect())
        elif self.watch.wants is Wants.LOOK:
            self.feed(self._look_at_stall())

    def observed(self) -> float:
        """Seconds of observed time; safe to ask from any thread."""
        return self.watch.observed

    def settle(self) -> Verdict:
        """No more traffic: the verdict, once the board was heard again or was found silent."""
        self.feed(ev.TrafficEnded(self.clock.now()))
        while self.verdict is None:
            self.pump()
        return self.verdict

    def await_verdict(self) -> Verdict:
        """After a symptom: what the board, its console and its processor say. Results that come
        meanwhile are those of the next pump().
        """
        while self.verdict is None:
            results = self.pump()
            self._unread += results
        return self.verdict

    # Traffic

    def client(self, native: Native, stopping: Callable[[], bool] = lambda: False) -> Client:
        return Client(
            self.board.address(WANGDOODLE),
            native,
            patience=self._patience,
            observed=self.observed,
            now=self.clock.now,
            stopping=stopping,
            resets=lambda: self.resets,
            ready=lambda: self.watch.ready,
            grounds=self,
        )

    def start_traffic(self, native: Native, jobs: Iterator[Job], parallel: int) -> Workers:
        self.visitors = parallel
        self._unread.clear()
        self._workers = Workers(
            lambda stopping: self.client(native, stopping),
            jobs,
            parallel,
            self._ended,
        )
        self._workers.start()
        return self._workers

    @property
    def workers_left(self) -> int:
        return 0 if self._workers is None else self._workers.left

    def stop_traffic(self) -> None:
        if self._workers is not None:
            self._workers.stop()
            self._workers = None

    def run(self, native: Native, requests: Sequence[Work], *, parallel: int = 1) -> list[Result]:
        """These requests to their end, under watch; fewer results when a verdict came between."""
        workers = self.start_traffic(native, enumerate(requests, 1), parallel)
        results: list[Result] = []
        while not workers.done and self.verdict is None:
            results += self.pump()
        if self.verdict is None:
            results += self.drain()
        self.stop_traffic()
        return results

    def aside(self, work: Callable[[], T]) -> T:
        """Something else that talks to the board, on a thread of its own, under watch.

        Raises what `work` raises, and BoardFailedError when there is a verdict before it has ended.
        """
        future: Future[T] = Future()

        def body() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # handed over to the caller, whatever it is
                future.set_exception(error)

        threading.Thread(target=body, name="aside", daemon=True).start()
        while not future.done():
            if self.verdict is not None:
                raise BoardFailedError(self.verdict)
            self.pump(0.02)
        return future.result()

    def mark(self, text: str) -> None:
        """A remark between the frames that the wire remembers."""
        if self.wire is not None:
            self.wire.mark(text)

    def frames(self) -> list[Frame]:
        """The last that the wire has seen, at 10^-DIGITS s (rig/wire/recorded.py)."""
        return [] if self.wire is None else self.wire.frames()

    # What scenarios may do to the board, from their workers' threads (rig/traffic/guest.py)

    def address(self, port: int) -> Address:
        return self.board.address(port)

    def type(self, command: str) -> None:
        self.board.console.write(command.encode("ascii") + b"\r")

    def has(self, need: str) -> bool:
        return need in abilities(self.board, self.wire.name if self.wire else "")

    def pull_reset(self) -> Future[None]:
        """The watch begins anew, and so does whatever others have under way."""
        wish = _PullReset(Future())
        self._queue.put(wish)
        return wish.done

    def _reset(self, wish: _PullReset) -> None:
        """On the thread that drives the board."""
        assert isinstance(self.board, Resettable), "a scenario is asked what it needs before"
        watch, warnings = self.watch, self.watch.warnings
        if self.verdict is not None or watch.symptom or watch.crash.alarming or watch.trouble:
            return  # the board stands as it failed: whoever waits for this is going to be stopped
        try:
            self.mark("the board is reset")
            # Nobody may see the new number beside the old board's readiness and set out at once.
            self.feed(ev.PowerOn(self.clock.now()))
            self.watch = replace(self.watch, warnings=warnings)
            self.resets += 1  # before it is pulled: what breaks from now on breaks because of it
            self.board.reset()
        except RigError as fault:
            self.feed(ev.RigTrouble(self.clock.now(), str(fault)))
        finally:
            wish.done.set_result(None)

    # The watch's wishes

    def _tick(self) -> None:
        if isinstance(self.board, Eventful):
            for told in self.board.happenings():
                self.feed(ev.RigNote(self.clock.now(), told))
        gone = self.board.gone()
        if gone:
            self._drain_console()
            self.feed(ev.RigTrouble(self.clock.now(), gone))
        self._ticked = self.clock.now()
        self.feed(self.clock.tick(self.board))

    def _why_gone(self) -> str:
        """A dying emulator closes its console a moment before it can be asked how it ended."""
        for _ in range(20):
            if gone := self.board.gone():
                return gone
            time.sleep(0.01)
        return ""

    def _drain_console(self) -> None:
        """The board's last words may still be under way when the emulator is already gone."""
        for item in self._arrivals(time.monotonic() + 0.2):
            if not isinstance(item, Result | ev.RigTrouble | _PullReset):
                self.feed(item)

    def _probe(self) -> None:
        try:
            self.board.console.write(b"\r")
        except RigError as fault:
            self.feed(ev.RigTrouble(self.clock.now(), self.board.gone() or str(fault)))
            return
        self.feed(ev.ProbeSent(self.clock.now()))

    def _inspect(self) -> ev.Inspected:
        """Where the processor is, by a few samples; then the board is halted and looked at."""
        if not isinstance(self.board, Inspectable):
            return ev.Inspected(self.clock.now())
        samples = []
        try:
            for _ in range(PC_SAMPLES):
                samples.append(self.board.program_counter())
                time.sleep(0.02)
        except RigError as fault:
            return ev.Inspected(self.clock.now(), trouble=self.board.gone() or str(fault))
        # Halted before anything is decoded: a board that spins would take its processor from that.
        look = self.look("the board is silent")
        where, function = self._most_seen(samples)
        if look is None:
            where += f"; no look from outside: {self._look_trouble}" if self._look_trouble else ""
            return ev.Inspected(self.clock.now(), where=where, function=function)
        said, thread = findings(look.record), look.record.thread
        if one := silenced(look.record):
            said, thread, function = (*said, self._told(one)), one.thread, one.function
        return ev.Inspected(
            self.clock.now(), where=where, function=function, thread=thread, findings=said
        )

    def _look_at_stall(self) -> ev.Looked:
        look = self.look("a transfer does not go on")
        one = None if look is None else standing_out(look.record)
        if one is None:
            return ev.Looked(self.clock.now())
        return ev.Looked(self.clock.now(), one.thread, one.function, self._told(one))

    def _told(self, one: Odd) -> str:
        chain = self.symbols.call_chain(one.pc)
        place = next((f" ({p.file}:{p.line})" for p in chain if p.file), "")
        return f"{one.thread} {one.does} in {one.function}{place}"

    def _most_seen(self, samples: list[int]) -> tuple[str, str]:
        """(what to say, the function) of the function that the processor was in most often."""
        seen: Counter[str] = Counter()
        example: dict[str, str] = {}
        for pc in samples:
            place = self.symbols.place(pc)
            name = place.function or f"{pc:08x}"
            seen[name] += 1
            example.setdefault(name, f"{place} at {pc:08x}")
        name, count = seen.most_common(1)[0]
        return f"processor in {example[name]}, {count} of {len(samples)} samples", name

    def look(self, why: str) -> Look | None:
        """The board from outside, once a power-on: it stays halted. None when that cannot be."""
        known = self._look is not None or self._look_trouble
        if known or not isinstance(self.board, Debuggable) or self.symbols.image is None:
            return self._look
        try:
            with contextlib.closing(looking.attach(self.board.debugger(), budget_s=LOOK_S)) as stub:
                self._image = self._image or Image(self.symbols.image)
                self._look = looking.look(stub, self._image, f"{looking.HALTED}: {why}")
        except (RigError, UserError) as fault:
            self._look_trouble = str(fault)
        return self._look

    def _arrivals(self, deadline: float) -> Iterator[_Item]:
        while True:
            left = deadline - time.monotonic()
            try:
                yield self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                return
            if left <= 0 and self.clock.now() - self._ticked >= 2 * TICK_S:
                return


def abilities(board: Board, wire: str) -> frozenset[str]:
    """Which of rig.scenario.NEEDS this board on this wire meets."""
    able = {"console", "real-time"}
    if wire == "tap":
        able |= {"connect-out", "raw", "faults"}
    if isinstance(board, Resettable):
        able |= {"reset"}
    if isinstance(board, Debuggable):
        able |= {"gdb"}
    if isinstance(board, Inspectable):
        able |= {"emulator"}
    return frozenset(able)


def _symptom_detail(result: Result) -> str:
    return f"transfer {result.number} ({result.request}): {result.detail}"


@contextlib.contextmanager
def powered(session: Session) -> Iterator[Session]:
    """The board is off afterwards, whatever happened."""
    try:
        yield session
    finally:
        session.power_off()


def rig_failed(at: float, fault: Exception) -> Verdict:
    return inconclusive(at, str(fault))
