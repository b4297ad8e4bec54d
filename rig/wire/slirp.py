"""QEMU's user networking: no privileges; the board's services appear on free ports of 127.0.0.1."""

from __future__ import annotations

from collections.abc import Sequence

from rig.board.protocol import Address
from rig.wire.protocol import SERVICES, WANGDOODLE

BOARD_ADDRESS = "10.0.2.15"


class SlirpWire:
    name = "slirp"
    descriptors: Sequence[int] = ()

    def __init__(self, why: str = "", *, host_port: int = 0) -> None:
        """`host_port`: where wangdoodle appears; 0 lets the kernel choose, which cannot collide."""
        self.why = why
        self._host_port = host_port

    def qemu_arguments(self) -> list[str]:
        forwards = ""
        for port in SERVICES.values():
            here = self._host_port if port == WANGDOODLE else 0
            forwards += f",hostfwd=tcp:127.0.0.1:{here}-{BOARD_ADDRESS}:{port}"
        return ["-nic", f"user,id=wire{forwards}"]

    def boot_arguments(self) -> dict[str, str]:
        return {"ip": f"{BOARD_ADDRESS}/24", "gw": "10.0.2.2"}

    def address(self, _port: int) -> Address | None:
        return None

    def close(self) -> None:
        pass
