"""The console's thread: however it ends, nobody takes the silence behind it for the board's."""

from __future__ import annotations

import io
import threading

import pytest

from rig.console.events import Event, Line, RigTrouble
from rig.console.reader import ConsoleReader


class Sick:
    """A console that says so much, and is then no console any more."""

    def __init__(self, *says: bytes | Exception) -> None:
        self._says = list(says)

    def read(self) -> bytes:
        said = self._says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    def write(self, _data: bytes) -> None:
        """Nobody types here."""


def heard(console: Sick, *, quiet: bool = False) -> list[Event]:
    events: list[Event] = []
    log = io.BytesIO()
    reader = ConsoleReader(console, events.append, lambda: 1.5, log)
    if quiet:
        reader.quiet()
    reader.start()
    reader.stop()
    assert "console" not in [thread.name for thread in threading.enumerate()]
    assert log.getvalue() == b"hello\nhalf a"
    return events


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_the_rig_in_the_consoles_thread_is_no_hang_of_the_board() -> None:
    said = heard(Sick(b"hello\nhalf a", KeyError("what")))
    assert said == [
        Line(1.5, "hello"),
        Line(1.5, "half a"),
        RigTrouble(1.5, "the console's thread has died: KeyError: 'what'"),
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_end_that_was_to_come_is_no_trouble_in_whatever_way_it_comes() -> None:
    lines = [Line(1.5, "hello"), Line(1.5, "half a")]
    assert heard(Sick(b"hello\nhalf a", b""), quiet=True) == lines
    assert heard(Sick(b"hello\nhalf a", TypeError("closed")), quiet=True) == lines
    assert heard(Sick(b"hello\nhalf a", b""))[2:] == [
        RigTrouble(1.5, "the console line was closed")
    ]
