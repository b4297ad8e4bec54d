"""The bugs of the story that `defect=NAME` plants in build/defects/kyu.elf too.

Rules     apart from rig/defects.py, whose failures strike at a transfer that can be named: these
          strike when threads and frames fall that way, under the load that docs/planted-bugs.md
          gives. `kyu sim find NAME` looks for them under every load.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.sim.diagnose import EXPECTED
from rig.verdict import Cause


@dataclass(frozen=True, slots=True)
class StoryBug:
    """`soak` is what a soak of the emulated board calls it, () where a soak does not find it."""

    name: str
    what: str
    soak: tuple[Cause, ...] = ()

    @property
    def found_as(self) -> str:
        """What the simulator calls it, and a soak."""
        causes = " or ".join(cause.value for cause in self.soak)
        return EXPECTED[self.name] + (f"; in a soak as {causes}" if causes else "")


STORY_BUGS = (
    StoryBug(
        "unlocked-sendbuf", "sosend fills and sends without the lock", (Cause.PANIC, Cause.FAULT)
    ),
    StoryBug(
        "close-deadlock", "close waits for the last ACK with the lock held", (Cause.DEADLOCK,)
    ),
    StoryBug("lost-wakeup", "sosend gives the lock up before it counts as waiting", (Cause.STALL,)),
    StoryBug("deaf-receiver", "a receiver whose ring ran full is not started again"),
    StoryBug(
        "freelist-lost", "a socket is zeroed after it was put on the free list", (Cause.STALL,)
    ),
    StoryBug("timewait-pool", "TIME-WAIT keeps the socket", (Cause.STALL,)),
    StoryBug("shared-buffer", "all wangdoodle connections fill one buffer", (Cause.CORRUPTION,)),
    StoryBug("icmp-leak", "an echo reply that nobody asked for is kept"),
    StoryBug("odd-checksum", "each piece is summed as from an even offset"),
)
