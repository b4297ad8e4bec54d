"""What tests of the rig share. No test of the rig depends on how fast the machine is."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from rig import interrupts

settings.register_profile("kyu", deadline=None)
settings.load_profile("kyu")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C is what a soak makes of it; a worker of pytest-xdist ignores it."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    interrupts.install()
    yield
    interrupts.taken()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
