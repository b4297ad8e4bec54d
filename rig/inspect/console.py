"""What the board's console still wanted to say.

Rules     pure; a board whose transmitter works has sent it within milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import UserError
from rig.inspect.image import Image
from rig.inspect.layout import LayoutError, View, find_type
from rig.inspect.memory import Memory, UnreadableError

VARIABLE, TYPE, NEAR = "the_console", ("kyu", "Console"), "_ZN3kyu7Console5write"


@dataclass(frozen=True, slots=True)
class Unsent:
    """`queued` bytes wait for the transmitter; `writer`: the address of the thread that wrote last,
    0 when there is none. Nothing waits also when the image does not tell.
    """

    queued: int = 0
    writer: int = 0


def unsent(image: Image, memory: Memory) -> Unsent:
    try:
        address = image.variable(VARIABLE)
        for kind in find_type(image, TYPE, NEAR):
            console = View(memory, kind, address)
            ring = console["output_"]
            queued = (_index(ring["tail_"]) - _index(ring["head_"])) & 0xFFFF_FFFF
            return Unsent(queued, console["last_writer_"].unsigned())
    except (LayoutError, UnreadableError, UserError):
        pass
    return Unsent()


def _index(atomic: View) -> int:
    """A std::atomic<std::uint32_t>: four bytes, whatever the library names them."""
    return int.from_bytes(atomic.memory.read(atomic.address, 4), "little")
