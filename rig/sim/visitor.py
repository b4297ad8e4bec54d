"""Whose turn it is in a simulated world: the world's thread, or the visitor's that it answers.

Context   Wish and ask() on the visitor's thread, everything else on the world's.
Rules     a visitor touches the world by its wishes only; they are carried out one after the other.
          Ctrl-C may come wherever the world's thread is, mostly while it waits for a visitor: so
          who has the floor is seen by the wish and is never counted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rig.traffic.failure import GivenUpError

#: How long, of the host's time, a visit that is given up may take for it.
GRACE_S = 5.0


@dataclass(slots=True)
class Wish:
    """What a visit wants of the world: `work`, once `until` holds."""

    until: Callable[[], bool]
    work: Callable[[], Any]
    patience_us: int
    asked_us: int = 0
    at_us: int = 0  # instead: when this time has come
    answer: Future[Any] = field(default_factory=Future)


class Visitor:
    """A thread that runs visits; it has the floor between an answer and its next wish."""

    def __init__(self, body: Callable[[Visitor], None]) -> None:
        self.over = False
        self.mistake: BaseException | None = None  # of which the thread has died
        self._body = body
        self._asked: Wish | None = None
        self._given_up = False
        self._turn: queue.SimpleQueue[None] = queue.SimpleQueue()  # look again: it may be yours
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def wish(self) -> Wish | None:
        """What it waits for; None: it has the floor, or is over."""
        asked = self._asked
        return None if asked is None or asked.answer.done() else asked

    def start(self) -> None:
        self._thread.start()
        self._wait()

    def answer(self, wish: Wish, answer: Callable[[Future[Any]], None]) -> None:
        """On the world's thread: the visitor goes on until it wants something more."""
        answer(wish.answer)
        self._wait()

    def give_up(self) -> None:
        """On the world's thread: nothing that it wants comes about any more."""
        self._given_up = True
        if (wish := self.wish) is not None:
            wish.answer.set_exception(GivenUpError("the test is over"))
        if self._thread.ident is not None:
            self._thread.join(GRACE_S)

    def ask(self, wish: Wish) -> Any:
        """On the visitor's own thread."""
        self._asked = wish  # first: who gives up says so, and looks for a wish then
        if self._given_up:
            raise GivenUpError("the test is over")
        self._turn.put(None)
        return wish.answer.result()

    def _wait(self) -> None:
        while not self.over and self.wish is None:
            self._turn.get()

    def _run(self) -> None:
        try:
            self._body(self)
        except BaseException as mistake:
            self.mistake = mistake
        finally:
            self.over = True
            self._turn.put(None)
