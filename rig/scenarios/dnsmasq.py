"""Debian's dnsmasq as the network around the board: DHCP, DNS and TFTP in the rig's namespace.

Ownership  the process dies with the `with` block; it writes nothing outside `folder`.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.errors import RigError
from rig.wire.tap import DEVICE, HOST_ADDRESS

PROGRAM = "dnsmasq"
DOMAIN = "kyu"
#: What the board may be given.
FIRST, LAST = "192.168.0.100", "192.168.0.110"
NAMES = {"board.kyu": "10.1.2.3", "target.kyu": "10.1.2.4"}
ALIAS = "alias.kyu"


def found() -> bool:
    return shutil.which(PROGRAM, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None


def _arguments(folder: Path) -> list[str]:
    program = shutil.which(PROGRAM, path="/usr/sbin:/usr/bin:/sbin:/bin") or PROGRAM
    options = [
        "keep-in-foreground",
        "conf-file=/dev/null",
        "user=root",
        f"pid-file={folder / 'pid'}",
        f"log-facility={folder / 'log'}",
        f"interface={DEVICE}",
        "bind-interfaces",
        "except-interface=lo",
        "no-resolv",
        "no-hosts",
        f"local=/{DOMAIN}/",
        f"dhcp-range={FIRST},{LAST},255.255.255.0,2m",
        "dhcp-authoritative",
        "no-ping",
        "log-dhcp",
        f"dhcp-leasefile={folder / 'leases'}",
        f"dhcp-option=option:router,{HOST_ADDRESS}",
        f"dhcp-option=option:dns-server,{HOST_ADDRESS}",
        f"cname={ALIAS},target.kyu",
        "enable-tftp",
        f"tftp-root={folder / 'files'}",
        *(f"host-record={name},{address}" for name, address in NAMES.items()),
    ]
    return [program, *(f"--{option}" for option in options)]


@contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """The folder whose files are served by TFTP."""
    files = folder / "files"
    files.mkdir()
    log = folder / "log"
    child = subprocess.Popen(
        _arguments(folder), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        ends = time.monotonic() + 10.0
        while not (log.exists() and "started" in log.read_text()):
            if child.poll() is not None:
                said = child.stderr.read() if child.stderr else ""
                raise RigError(f"{PROGRAM} does not start: {said.strip()}")
            if time.monotonic() > ends:
                raise RigError(f"{PROGRAM} does not say that it has started")
            time.sleep(0.02)
        yield files
    finally:
        child.terminate()
        child.wait()
        if child.stderr:
            child.stderr.close()
