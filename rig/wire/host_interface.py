"""The wire to a board on the bench: an interface of this host, taken as it is, never changed.

Rules     its last frames are kept where this user may listen; where not, `why` says so.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface

from rig.board.protocol import Address
from rig.errors import UserError
from rig.wire.recorded import Recorded


class HostInterface(Recorded):
    name = "host interface"

    def __init__(self, device: str, own: IPv4Interface, board: IPv4Address) -> None:
        super().__init__()
        self.device = device
        self.why = device
        self._own = own
        self.host, self.board, self.mask = str(own.ip), str(board), str(own.netmask)

    @property
    def descriptors(self) -> Sequence[int]:
        return ()

    def qemu_arguments(self) -> list[str]:
        return []

    def boot_arguments(self) -> dict[str, str]:
        return {"ip": f"{self.board}/{self._own.network.prefixlen}", "gw": self.host}

    def address(self, port: int) -> Address | None:
        return Address(self.board, port)

    def record(self) -> None:
        """From now on its last frames are kept, if this user may listen and this build can."""
        try:
            from kyusim._wire import TapRecorder

            self.begin_recording(TapRecorder(self.device))
        except (ImportError, RuntimeError) as error:
            self.why = f"{self.device}, without capture: {' '.join(str(error).split())}"

    def gone(self) -> str:
        try:
            socket.if_nametoindex(self.device)
        except OSError:
            return f"the interface {self.device} is gone"
        return ""

    def close(self) -> None:
        """The interface is not ours: it stays as it is."""
        self.end_recording()


def find(device: str, board: IPv4Address) -> HostInterface:
    """Raises UserError when there is no such interface, or none of its addresses is beside the
    board's.
    """
    from pyroute2 import IPRoute  # slow to import: only where it is used

    with IPRoute() as ip:
        indices = ip.link_lookup(ifname=device)
        if not indices:
            raise UserError(f"there is no interface {device}", where="--host-iface")
        rows = ip.get_addr(index=indices[0], family=2)
        found = [f"{row.get_attr('IFA_ADDRESS')}/{row['prefixlen']}" for row in rows]
    for text in found:
        own = IPv4Interface(text)
        if board in own.network:
            wire = HostInterface(device, own, board)
            wire.record()
            return wire
    raise UserError(
        f"{device} has no address beside {board}" + (f", only {', '.join(found)}" if found else ""),
        where="--host-iface",
        mend=f"as root: ip addr add {board + 1 if int(board) & 255 < 254 else board - 1}/24"
        f" dev {device}",
    )
