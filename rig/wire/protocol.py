"""What joins the board to this host's TCP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rig.board.protocol import Address
from rig.wire.pcapng import Frame

#: Every TCP service of the image, for wires that must forward each by name.
SERVICES = {
    "echo": 7,
    "discard": 9,
    "daytime": 13,
    "chargen": 19,
    "pirate": 111,
    "blab": 112,
    "classic-echo": 113,
    "wangdoodle": 114,
    "doney": 115,
    "iperf": 5001,
}
WANGDOODLE = SERVICES["wangdoodle"]
#: The board's own, as it is emulated.
MAC = "52:54:00:4b:59:55"


class Wire(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def why(self) -> str:
        """Why this wire was taken, for people; empty when it was asked for by name."""

    @property
    def descriptors(self) -> Sequence[int]:
        """To be inherited by QEMU."""

    def qemu_arguments(self) -> list[str]: ...

    def boot_arguments(self) -> dict[str, str]:
        """The board's own address on this wire."""

    def address(self, port: int) -> Address | None:
        """None when only the emulator knows (user networking picks free ports)."""

    def mark(self, text: str) -> None:
        """A remark between the frames that it remembers."""

    def frames(self) -> list[Frame]:
        """The last ones in both directions, at 10^-DIGITS s (recorded.py)."""

    def gone(self) -> str:
        """What has become of it, when it is no wire any more; empty: it is well."""

    def close(self) -> None: ...
