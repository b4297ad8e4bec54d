"""Ctrl-C, a shutdown, a terminal that was closed: an interruption that is never lost.

Rules     CPython raises KeyboardInterrupt wherever the main thread is. In a finaliser or in the
          callback of a weak reference, of which a database library has many, it is printed and
          forgotten. So the handler remembers it, and whoever waits asks again.
Context   the main thread.
"""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def install() -> None:
    """From now on each of them is a KeyboardInterrupt."""
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


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
