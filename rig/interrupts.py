"""Ctrl-C, a shutdown, a terminal that was closed: an interruption that is never lost.

Rules     CPython raises KeyboardInterrupt wherever the main thread is. In a finaliser or in the
          callback of a weak reference, of which a database library has many, it is printed and
          forgotten. So the handler remembers it, and whoever waits asks again.
          A terminal that was closed is told by the shell and by the kernel, and is a place where
          nothing can be printed: all of that is one interruption, and none after another one.
Context   the main thread.
"""

from __future__ import annotations

import signal
from types import FrameType

_asked = False
_seen = False  # one, since they are handled


def install() -> None:
    """From now on each of them is a KeyboardInterrupt."""
    global _seen
    _seen = False
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def check() -> None:
    """Raises KeyboardInterrupt when one was asked for that nobody has taken."""
    if _asked:
        raise KeyboardInterrupt


def taken() -> None:
    """It has come to where it is dealt with."""
    global _asked
    _asked = False


def hung_up() -> None:
    """The terminal has gone, as is seen by whoever prints; from any thread."""
    global _asked, _seen
    if not _seen:
        _asked = _seen = True


def _interrupt(number: int, _frame: FrameType | None) -> None:
    global _asked, _seen
    if number == signal.SIGHUP and _seen:
        return
    _asked = _seen = True
    raise KeyboardInterrupt
