"""The emulated Orange Pi PC.

Context   power_on and power_off from the main thread: the kernel kills QEMU when the thread that
          started it ends, however the rig dies (prctl PDEATHSIG, set by util-linux setpriv).
Ownership every channel (console, monitor, boot arguments, TAP) is a descriptor handed to QEMU, so
          nothing is left on disk but the gdb server's socket (doors.py), removed at power_off. The
          console is attached before the first instruction (-S).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rig.board import bootargs, doors
from rig.board.protocol import Address, HostLoad
from rig.board.qmp import Qmp
from rig.errors import RigError, UserError
from rig.wire.protocol import Wire

QEMU = "qemu-system-arm"
OLDEST = (7, 2, 0)
PROC = Path("/proc")
#: What QEMU keeps of the code that it has translated. Each reset leaves 130 KB of Kyu's there until
#: this is full, and left alone it takes 1 GB in a night of resets, for each board; Kyu needs 2.
TRANSLATIONS_MIB = 32
#: The rig may have died before the kernel was told to kill QEMU with it: then do not start at all.
_UNLESS_ORPHANED = 'test "$PPID" = "$0" || exit 1; exec "$@"'


class SocketConsole:
    """The serial line as one end of a socket pair."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self) -> bytes:
        try:
            return self._sock.recv(65536)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise RigError(f"the console is gone ({error})") from None

    def close(self) -> None:
        # shutdown first: it wakes a reader that is blocked in recv, close alone does not.
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


class _Delays:
    """What the host kept from a process: of each stretch between two looks, the delay of the
    thread that was kept waiting longest in it.

    A thread's own counter tells of its whole life. Of that only what is new counts, or a thread
    that was delayed long ago would hide one that starves now.
    """

    def __init__(self) -> None:
        self.total_ns = 0
        self._last_ns: dict[str, int] = {}

    def see(self, now_ns: dict[str, int]) -> None:
        """By thread. One that is new begins at what it shows first."""
        more = (ns - self._last_ns.get(thread, ns) for thread, ns in now_ns.items())
        self.total_ns += max(more, default=0)
        self._last_ns = now_ns


class QemuBoard:
    """Satisfies Board, Inspectable, Debuggable, Resettable and Observable."""

    name = "qemu"

    def __init__(
        self,
        image: Path,
        wire: Wire,
        args: str,
        *,
        pcap: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """`options`: more of QEMU's own, as they are."""
        self.image = image
        self._wire = wire
        self._page = bootargs.page(args)
        self._pcap = pcap
        self._options = tuple(options)
        self._child: subprocess.Popen[bytes] | None = None
        self._console: SocketConsole | None = None
        self._qmp: Qmp | None = None
        self._stderr: IO[bytes] | None = None
        self._forwards: dict[int, tuple[str, int]] = {}
        self._door: Path | None = None
        self._delays = _Delays()

    @property
    def console(self) -> SocketConsole:
        if self._console is None:
            raise RigError("the board is off")
        return self._console

    @property
    def version(self) -> str:
        return ".".join(map(str, self._qmp.version)) if self._qmp else ""

    def power_on(self) -> None:
        """Raises UserError when QEMU is missing or too old, RigError when it will not start."""
        self.power_off()
        program, setpriv = _find(QEMU, "qemu-system-arm"), _find("setpriv", "util-linux")
        ours, theirs = socket.socketpair()
        our_monitor, their_monitor = socket.socketpair()
        page = os.memfd_create("kyu-bootargs")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by power_off
        with contextlib.suppress(RigError):  # a board that cannot be looked at still runs
            self._door = doors.make()
        try:
            os.write(page, self._page)
            fds = (theirs.fileno(), their_monitor.fileno(), page, *self._wire.descriptors)
            command = [setpriv, "--pdeathsig", "KILL", "--"]
            command += ["/bin/sh", "-c", _UNLESS_ORPHANED, str(os.getpid()), program]
            command += self._arguments(theirs.fileno(), their_monitor.fileno(), page)
            self._child = subprocess.Popen(
                command,
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                # Ctrl-C is for the rig, which then ends QEMU in good order.
                start_new_session=True,
            )
        except OSError as error:
            raise RigError(f"cannot start {QEMU}: {error}") from None
        finally:
            theirs.close()
            their_monitor.close()
            os.close(page)
        self._delays = _Delays()
        self._console = SocketConsole(ours)
        self._qmp = Qmp(our_monitor)
        self._greet()

    def go(self) -> None:
        self._monitor.execute("cont")

    def power_off(self) -> None:
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        if self._console is not None:
            self._console.close()
            self._console = None
        if self._door is not None:
            self._door.unlink(missing_ok=True)
            self._door = None
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def address(self, port: int) -> Address:
        direct = self._wire.address(port)
        if direct is not None:
            return direct
        if port not in self._forwards:
            raise UserError(f"port {port} is not forwarded by the wire", where=self._wire.name)
        return Address(*self._forwards[port])

    def gone(self) -> str:
        if self._child is None:
            return "the board is off"
        status = self._child.poll()
        if status is None:
            return self._wire.gone()
        said = self._said()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"QEMU {how}{': ' + said if said else ''}"

    def program_counter(self) -> int:
        """Raises RigError when QEMU is silent, or is not running the board."""
        status = self._monitor.status()
        if status != "running":
            raise RigError(f"QEMU is not running the board: {status}")
        return self._monitor.program_counter()

    def reset(self) -> None:
        self._monitor.execute("system_reset")

    def debugger(self) -> str:
        return "" if self._door is None else str(self._door)

    def host_load(self) -> HostLoad:
        """From /proc/PID/task/*: time spent runnable but not running, and whether it is stopped."""
        if self._child is None:
            return HostLoad(0.0, stopped=False)
        delayed_ns: dict[str, int] = {}
        stopped = False
        for task in (PROC / str(self._child.pid) / "task").glob("*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                delayed_ns[task.name] = int((task / "schedstat").read_text().split()[1])
            with contextlib.suppress(OSError, IndexError):
                state = (task / "stat").read_text().rpartition(")")[2].split()[0]
                stopped = stopped or state in ("T", "t")
        self._delays.see(delayed_ns)
        return HostLoad(self._delays.total_ns / 1e9, stopped)

    @property
    def pid(self) -> int:
        return self._child.pid if self._child else 0

    @property
    def _monitor(self) -> Qmp:
        if self._qmp is None:
            raise RigError("the board is off")
        return self._qmp

    def _arguments(self, console_fd: int, monitor_fd: int, page_fd: int) -> list[str]:
        loader = f"loader,file=/proc/self/fd/{page_fd},addr={bootargs.PAGE_ADDRESS:#x}"
        arguments = ["-M", "orangepi-pc", "-kernel", str(self.image), "-S"]
        arguments += ["-accel", f"tcg,tb-size={TRANSLATIONS_MIB}"]
        arguments += ["-display", "none", "-nodefaults"]
        arguments += [
            "-chardev",
            f"socket,id=console,fd={console_fd}",
            "-serial",
            "chardev:console",
        ]
        arguments += ["-chardev", f"socket,id=qmp,fd={monitor_fd}", "-mon", "qmp,mode=control"]
        arguments += ["-device", f"{loader},force-raw=on", *self._wire.qemu_arguments()]
        if self._door is not None:
            # It costs nothing until somebody attaches, and then the board stands still.
            path = str(self._door).replace(",", ",,")  # as QEMU wants a comma
            arguments += ["-chardev", f"socket,id=gdb,path={path},server=on,wait=off"]
            arguments += ["-gdb", "chardev:gdb"]
        if self._pcap is not None:
            arguments += ["-object", f"filter-dump,id=pcap,netdev=wire,file={self._pcap}"]
        return [*arguments, *self._options]

    def _greet(self) -> None:
        try:
            self._monitor.greet()
            version = self._monitor.version
            if version < OLDEST:
                found, oldest = (".".join(map(str, v)) for v in (version, OLDEST[:2]))
                raise UserError(
                    f"{QEMU} is {found}, {oldest} or newer is needed", mend="run kyu doctor"
                )
            if self._wire.address(1) is None:
                self._forwards = self._monitor.forwards()
        except RigError as fault:
            if self._child is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(timeout=2)
            why = self.gone() or str(fault)
            self.power_off()
            raise RigError(f"{QEMU} did not start: {why}") from None

    def _said(self) -> str:
        """QEMU's last words, as one line."""
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        return last_words(self._stderr.read().decode(errors="replace"))


def last_words(stderr: str) -> str:
    """The last line, without the program's name and the option that it repeats."""
    lines = stderr.strip().splitlines()
    parts = lines[-1].strip().split(": ") if lines else []
    while len(parts) > 1 and (parts[0] == QEMU or parts[0].startswith("-")):
        parts.pop(0)
    return ": ".join(parts)


def _find(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise UserError(
            f"{program} is not installed", mend=f"install package {package}, or run kyu doctor"
        )
    return path
