"""The hosted firmware as a Python package: boards, wires and peers under one virtual clock.

    >>> from kyusim import World
    >>> world = World(seed=1)
    >>> server, client = world.board(), world.board()
    >>> client.fetch(server, b"big\\n").finish().received[:10]
    b'ST001ST001'

`kyusim.peer` and `kyusim.script` speak for the far side of a connection; `kyusim.native` is what
the rig shares with the firmware. See docs/simulator.md.
"""

from kyusim import native
from kyusim._sim import Endpoint, Fate, FatePlan, Fates
from kyusim.errors import FirmwarePanic, NotDone, Unexpected
from kyusim.world import MISSION_BUGS, Board, Counters, Passage, Spoiled, Task, World, ms, s, us

__all__ = [
    "MISSION_BUGS",
    "Board",
    "Counters",
    "Endpoint",
    "Fate",
    "FatePlan",
    "Fates",
    "FirmwarePanic",
    "NotDone",
    "Passage",
    "Spoiled",
    "Task",
    "Unexpected",
    "World",
    "ms",
    "native",
    "s",
    "us",
]
