"""The commands that scripts call, for a system that is a shared object.

Rules     Written into a folder that stands first on packetdrill's PATH, one small shell script for
          all of them. `sysctl` and `tcpdrop` append to the file that the adapter reads (flag
          control=), `sockstat` shows what it tells (flag states=). What configures a host's network
          (ip, tc, …) has nothing to configure and succeeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

_SHIM = """#!/bin/sh
# One command of a packetdrill script, by the name it was called by.
case "${0##*/}" in
sysctl)
    for word in "$@"; do
        case "$word" in *=*) printf 'set %s\\n' "$word" >>"$KYU_CONTROL" ;; esac
    done ;;
tcpdrop) printf 'drop TIME_WAIT\\n' >>"$KYU_CONTROL" ;;
sockstat) cat "$KYU_STATES" ;;
esac
exit 0
"""
_COMMANDS = (
    "sysctl", "tcpdrop", "sockstat", "ip", "tc", "ethtool", "kldload", "kldstat", "setkey",
    "ifconfig", "modprobe", "iptables",
)  # fmt: skip

# Linux' numbers of states by FreeBSD's names, for the assertions that scripts make in Python.
_SITE = """import builtins

for name, number in {
    "ESTABLISHED": 1, "SYN_SENT": 2, "SYN_RECEIVED": 3, "FIN_WAIT_1": 4, "FIN_WAIT_2": 5,
    "TIME_WAIT": 6, "CLOSED": 7, "CLOSE_WAIT": 8, "LAST_ACK": 9, "LISTEN": 10, "CLOSING": 11,
}.items():
    setattr(builtins, "TCPI_" + name, number)
"""


def write(folder: Path) -> None:
    """Puts the commands, a `python` and its names into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "sysctl"
    shim.write_text(_SHIM, encoding="utf-8")
    shim.chmod(0o755)
    for name in _COMMANDS[1:]:
        (folder / name).symlink_to(shim)
    (folder / "python").symlink_to(sys.executable)
    (folder / "sitecustomize.py").write_text(_SITE, encoding="utf-8")


def environment(folder: Path, control: Path, states: Path, preload: Path) -> dict[str, str]:
    """What packetdrill and its commands find around them."""
    return {
        "PATH": f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KYU_CONTROL": str(control),
        "KYU_STATES": str(states),
        "LD_PRELOAD": str(preload),
        "LC_ALL": "C",
    }
