"""An interruption that Python loses is raised again where the rig waits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from rig import interrupts
from rig.campaign.session import Session
from rig.console.symbols import Symbols
from rig.tests.fake import FakeBoard


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    interrupts.install()
    yield
    interrupts.taken()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


class Finalised:
    """Ctrl-C comes while this goes away, as a connection of a pool may."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_was_lost_in_a_finaliser_comes_again() -> None:
    Finalised()
    session = Session(FakeBoard(), Symbols(None))
    with pytest.raises(KeyboardInterrupt):
        session.pump(0)
    interrupts.taken()
    session.pump(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_them_is_one(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
