"""What the board's console still wanted to say.

Rules     pure; a board whose transmitter works has sent it within milliseconds.
"""

from __future__ import annotations

from rig.errors import UserError
from rig.inspect.image import Image
from rig.inspect.layout import LayoutError, View, find_type
from rig.inspect.memory import Memory, UnreadableError

VARIABLE, TYPE, NEAR = "the_console", ("kyu", "Console"), "_ZN3kyu7Console5write"


def queued(image: Image, memory: Memory) -> int:
    """Bytes that wait for the transmitter; 0 also when the image does not tell."""
    try:
        address = image.variable(VARIABLE)
        for kind in find_type(image, TYPE, NEAR):
            ring = View(memory, kind, address)["output_"]
            return (_index(ring["tail_"]) - _index(ring["head_"])) & 0xFFFF_FFFF
    except (LayoutError, UnreadableError, UserError):
        pass
    return 0


def _index(atomic: View) -> int:
    """A std::atomic<std::uint32_t>: four bytes, whatever the library names them."""
    return int.from_bytes(atomic.memory.read(atomic.address, 4), "little")
