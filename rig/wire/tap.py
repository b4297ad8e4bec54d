"""A TAP device in a network namespace of the rig's own, so that the peer is the host's real TCP.

Context   open_tap() early, from the main thread, before any other thread exists: a user namespace
          cannot be entered later, and threads inherit the namespace they are born in.
Ownership the namespace lives as long as its processes: when the rig dies, however it dies, the
          kernel removes the namespace, the device and the address with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

from rig.board.protocol import Address
from rig.errors import RigError
from rig.wire.protocol import MAC
from rig.wire.recorded import Recorded

HOST_ADDRESS = "192.168.0.1"
BOARD_ADDRESS = "192.168.0.73"
PREFIX_BITS = 24
DEVICE = "kyu0"

_TUN = "/dev/net/tun"
_CLONE_NEWUSER = 0x1000_0000
_CLONE_NEWNET = 0x4000_0000
_TUNSETIFF = 0x4004_54CA
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1

_libc = ctypes.CDLL(None, use_errno=True)


class NoTapError(Exception):
    """Why there is no TAP here, for people."""


class TapWire(Recorded):
    name = "tap"

    def __init__(self, fd: int, why: str) -> None:
        super().__init__()
        self._fd = fd
        self.why = why

    @property
    def descriptors(self) -> Sequence[int]:
        return (self._fd,)

    def qemu_arguments(self) -> list[str]:
        return ["-nic", f"tap,id=wire,fd={self._fd},mac={MAC}"]

    def boot_arguments(self) -> dict[str, str]:
        return {"ip": f"{BOARD_ADDRESS}/{PREFIX_BITS}", "gw": HOST_ADDRESS}

    def address(self, port: int) -> Address | None:
        return Address(BOARD_ADDRESS, port)

    def record(self) -> None:
        """From now on its last frames are kept, if this host and this build can."""
        with contextlib.suppress(ImportError, RuntimeError):
            from kyusim._wire import TapRecorder

            self.begin_recording(TapRecorder(DEVICE))

    def gone(self) -> str:
        return device_trouble()

    def close(self) -> None:
        self.end_recording()
        with contextlib.suppress(OSError):
            os.close(self._fd)
        self._fd = -1


def open_tap(*, record: bool = True) -> TapWire:
    """Moves this process into a namespace of its own. Raises NoTapError where that cannot be.

    `record`: keep its last frames. Once moved, the process stays there: a second call makes a new
    device in the same namespace.
    """
    # First only to see whether it may be opened: the device belongs to the namespace that the
    # opener is in, so the real opening comes after the move, which cannot be undone.
    os.close(_open_tun())
    why = _enter_namespace()
    tun = _open_tun()
    try:
        _attach(tun)
        _configure()
    except BaseException:
        os.close(tun)
        raise
    wire = TapWire(tun, why)
    if record:
        wire.record()
    return wire


def device_trouble() -> str:
    """What somebody did to the device: no fault of the board, which will fall silent. Cheap."""
    request = struct.pack("16s24x", DEVICE.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        except OSError:
            return f"the TAP device {DEVICE} has been removed"
    return "" if flags & _IFF_UP else f"the TAP device {DEVICE} has been set down"


def _open_tun() -> int:
    try:
        return os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoTapError(f"{_TUN} does not exist") from None
    except OSError as error:
        raise NoTapError(f"{_TUN} cannot be opened ({error.strerror})") from None


_entered = ""


def _enter_namespace() -> str:
    global _entered
    if _entered:
        return _entered
    uid, gid = os.getuid(), os.getgid()
    if _unshare(_CLONE_NEWNET) == 0:
        _entered = "root: private network namespace"
        return _entered
    if threading.active_count() > 1:
        raise NoTapError("a user namespace cannot be entered once threads run")
    error = _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    if error:
        raise NoTapError(f"no namespace may be made ({os.strerror(error)})")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _entered = "unprivileged: private user and network namespace"
    return _entered


def _unshare(flags: int) -> int:
    """0, or errno."""
    return 0 if _libc.unshare(flags) == 0 else ctypes.get_errno() or errno.EPERM


def _attach(tun: int) -> None:
    request = struct.pack("16sH22x", DEVICE.encode(), _IFF_TAP | _IFF_NO_PI)
    try:
        fcntl.ioctl(tun, _TUNSETIFF, request)
    except OSError as error:
        raise NoTapError(f"no TAP device may be made ({error.strerror})") from None


def _configure() -> None:
    from pyroute2 import IPRoute, NetlinkError  # slow to import: only where it is used

    # Nothing but what a test sends: no router solicitations and no multicast reports on the wire.
    with contextlib.suppress(OSError):
        Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6").write_text("1")
    try:
        with IPRoute() as ip:
            loopback = ip.link_lookup(ifname="lo")[0]
            ip.link("set", index=loopback, state="up")
            tap = ip.link_lookup(ifname=DEVICE)[0]
            with contextlib.suppress(NetlinkError):  # there already, after a restart
                ip.addr("add", index=tap, address=HOST_ADDRESS, prefixlen=PREFIX_BITS)
            ip.link("set", index=tap, state="up")
    except (NetlinkError, OSError, IndexError) as error:
        raise RigError(f"the TAP device cannot be configured ({error})") from None
