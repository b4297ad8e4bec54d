"""A desk with a board on it, as foreign to the rig as can be had without a board.

Rules     QEMU boots Debian's own U-Boot from an SD image; the rig sees a serial device
          (a pty), an interface of this host, and a command that cycles its power. The pty stays
          when the board is off, as a USB adapter does. `python -m rig.scenarios.desk cycle DIR` is
          that command: it asks the desk, by a socket in DIR, and says what came of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

from rig.board import sdcard

DEVICE = "kyudesk0"
#: Of the serial line: 115200 8N1.
BYTES_PER_S = 11520
HOST, BOARD = "192.168.77.1", "192.168.77.73"
#: The emulated counter runs at 62.5 MHz unless told; U-Boot says it runs at the board's 24.
CLOCK = "cortex-a7-arm-cpu.cntfrq=24000000"

#: It goes with the thread that started it, however the desk ends.
QEMU = (
    "setpriv",
    "--pdeathsig",
    "KILL",
    "--",
    "qemu-system-arm",
    "-M",
    "orangepi-pc",
    "-display",
    "none",
    "-nodefaults",
    "-global",
    CLOCK,
)
NIC = "tap,id=wire,ifname={},script=no,downscript=no,mac=52:54:00:4b:59:44"
#: QEMU stops reading a TAP at the first frame that the MAC cannot take, and goes on when the MAC's
#: DMA is started; U-Boot starts the DMA before the receiver, so one frame from the host before that
#: (an answer to a board that was switched off) would leave it deaf. A wire does not wait for a MAC:
#: frames pass through a buffer that never says "later".
BUFFER = "filter-buffer,id=passing,netdev=wire,queue=tx,interval=1000"


class Desk:
    def __init__(self, folder: Path, image: Path, device: str = DEVICE) -> None:
        self.folder, self._card, self._nic = folder, image, NIC.format(device)
        self.serial = folder / "ttyBoard"
        self.cycles = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._board: socket.socket | None = None
        self._master = -1
        self._slave = -1
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.plug()
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.bind(str(folder / "power"))
        self._asked.listen()
        self._asked.settimeout(0.1)
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._serve, self._relay)
        ]
        for thread in self._threads:
            thread.start()

    def insert(self, image: Path) -> Path:
        """Another card, from the next power cycle on; the one that was there."""
        self._card, was = image, self._card
        return was

    @property
    def power_command(self) -> list[str]:
        return [sys.executable, "-m", "rig.scenarios.desk", "cycle", str(self.folder)]

    def plug(self) -> None:
        """A serial adapter, new to the host, at the same name."""
        with self._lock:
            self._master, self._slave = pty.openpty()
            tty.setraw(self._slave)
            self.serial.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        with self._lock:
            self.serial.unlink()
            os.close(self._slave)
            os.close(self._master)
            self._master = self._slave = -1

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._off()
        self._asked.close()
        if self._master >= 0:
            self.unplug()

    def _off(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        if self._board is not None:
            self._board.close()
            self._board = None

    def _cycle(self) -> None:
        self._off()
        ours, theirs = socket.socketpair()
        with theirs:
            line = ("-chardev", f"socket,id=line,fd={theirs.fileno()}", "-serial", "chardev:line")
            self._child = subprocess.Popen(
                [
                    *QEMU,
                    "-nic",
                    self._nic,
                    "-object",
                    BUFFER,
                    *self._boots_from(self._card),
                    *line,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._board = ours
        self.cycles += 1

    def _boots_from(self, image: Path) -> list[str]:
        return ["-drive", f"file={image},format=raw,if=sd"]

    def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                asker, _ = self._asked.accept()
                with asker, self._lock:
                    asker.settimeout(5)
                    if asker.recv(16) == b"cycle":
                        self._cycle()
                        asker.sendall(b"done")

    def _relay(self) -> None:
        """What the board says comes no faster than its line is."""
        credit, at = 0.0, time.monotonic()
        while not self._ended.is_set():
            now = time.monotonic()
            credit, at = min(credit + (now - at) * BYTES_PER_S, 256.0), now
            with self._lock:
                moved = self._carry(int(credit))
            credit -= moved
            if not moved:
                self._ended.wait(0.002)

    def _carry(self, most: int) -> int:
        """How many bytes went from the board to the host."""
        master, board = self._master, self._board
        ends = [end for end in (master, board) if end is not None and end != -1]
        ready = select.select(ends, [], [], 0)[0]
        data = b""
        with contextlib.suppress(OSError):
            if board is not None and board in ready and most:
                data = board.recv(most)
            if data and master >= 0:
                os.write(master, data)
            if master in ready and (typed := os.read(master, 256)) and board is not None:
                board.sendall(typed)
        return len(data)


def interface(device: str = DEVICE, host: str = HOST) -> None:
    """The host's interface to the desk, in the namespace that this process is in already."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x4004_54CA, struct.pack("16sH22x", device.encode(), 0x1002))  # TUNSETIFF
    fcntl.ioctl(tun, 0x4004_54CB, 1)  # TUNSETPERSIST: it goes with the namespace
    os.close(tun)
    from pyroute2 import IPRoute

    with contextlib.suppress(OSError):
        Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
    with IPRoute() as ip:
        index = ip.link_lookup(ifname=device)[0]
        ip.addr("add", index=index, address=host, prefixlen=24)
        ip.link("set", index=index, state="up")


def lacking() -> str:
    """Why there can be no desk here; empty when there can."""
    if shutil.which("qemu-system-arm") is None:
        return "qemu-system-arm is not installed"
    if shutil.which("mcopy") is None:
        return "mtools is not installed"
    return "" if sdcard.uboot() else "no U-Boot for the H3 here: ci/uboot fetches Debian's"


def main(verb: str, folder: str) -> int:
    with socket.socket(socket.AF_UNIX) as power:
        power.settimeout(10)
        power.connect(f"{folder}/power")
        power.sendall(verb.encode())
        return 0 if power.recv(16) == b"done" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
