"""QEMU's user networking: no privileges; the board's services appear on free ports of 127.0.0.1."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Sequence

from rig.board.protocol import Address
from rig.wire.protocol import MAC, SERVICES, WANGDOODLE
from rig.wire.recorded import Recorded

BOARD_ADDRESS = "10.0.2.15"


#: Bytes that QEMU may be ahead of the recorder before it has to wait.
_PIPE_BYTES = 1 << 20


class SlirpWire(Recorded):
    name = "slirp"

    def __init__(self, why: str = "", *, host_port: int = 0) -> None:
        """`host_port`: where wangdoodle appears; 0 lets the kernel choose, which cannot collide."""
        super().__init__()
        self.why = why
        self._host_port = host_port
        self._pipe: tuple[int, int] | None = None

    @property
    def descriptors(self) -> Sequence[int]:
        return () if self._pipe is None else self._pipe[1:]

    def record(self) -> None:
        """From now on its last frames are kept, if this build can: QEMU writes them to a pipe."""
        with contextlib.suppress(ImportError, OSError, RuntimeError):
            from kyusim._wire import PipeRecorder

            self._pipe = os.pipe()
            with contextlib.suppress(OSError):  # a shorter one does too
                fcntl.fcntl(self._pipe[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self.begin_recording(PipeRecorder(self._pipe[0], bytes.fromhex(MAC.replace(":", ""))))

    def qemu_arguments(self) -> list[str]:
        forwards = ""
        for port in SERVICES.values():
            here = self._host_port if port == WANGDOODLE else 0
            forwards += f",hostfwd=tcp:127.0.0.1:{here}-{BOARD_ADDRESS}:{port}"
        arguments = ["-nic", f"user,id=wire{forwards},mac={MAC}"]
        if self._pipe is not None:
            told = f"filter-dump,id=record,netdev=wire,file=/dev/fd/{self._pipe[1]}"
            arguments += ["-object", told]
        return arguments

    def boot_arguments(self) -> dict[str, str]:
        return {"ip": f"{BOARD_ADDRESS}/24", "gw": "10.0.2.2"}

    def address(self, _port: int) -> Address | None:
        return None

    def close(self) -> None:
        self.end_recording()
        for end in self._pipe or ():
            os.close(end)
        self._pipe = None
