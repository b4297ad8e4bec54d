"""Where debuggers reach the emulated boards that run: a socket for each, in a folder of the user's.

Context   any process of this user: `kyu inspect` finds here what another `kyu` has started.
Rules     sockets are files, so they are reached from outside of a board's network namespace, too.
          The folder is the user's alone. A socket bears the number of the rig's process; one whose
          process is gone (kill -9) is removed by the next that comes by.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import tempfile
from pathlib import Path

from rig.errors import RigError

_count = itertools.count(1)
#: What fits into the address of a Unix socket.
PATH_BYTES_MAX = 107


def make() -> Path:
    """A path for a new board's socket. Raises RigError when there can be none."""
    folder = _folder()
    door = folder / f"{os.getpid()}-{next(_count)}.gdb"
    if len(os.fsencode(door)) > PATH_BYTES_MAX:
        raise RigError(f"{door} is too long for a socket")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise RigError(f"{folder} cannot be made: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise RigError(f"{folder} is not a private folder of this user")
    for left in folder.glob("*.gdb"):
        if not _alive(left):
            left.unlink(missing_ok=True)
    return door


def found() -> list[Path]:
    """The sockets of all boards that run, oldest first."""
    doors = [door for door in _folder().glob("*.gdb") if _alive(door) and door.is_socket()]
    return sorted(doors, key=lambda door: door.stat().st_mtime)


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"kyu-{_user()}"


def _user() -> int:
    """The user outside of a user namespace, where the wire may have moved this process."""
    uid = os.getuid()
    with contextlib.suppress(OSError, ValueError):
        for row in Path("/proc/self/uid_map").read_text().splitlines():
            inside, outside, count = map(int, row.split())
            if inside <= uid < inside + count:
                return outside + uid - inside
    return uid


def _alive(door: Path) -> bool:
    number = door.name.partition("-")[0]
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except (ValueError, OSError):
        return False
    return True
