"""What this host lacks, why it is needed, and the one command that mends it.

Context   the main thread, before anything else: standard library only, so that no .venv is needed.
Rules     Each check is a function that looks and returns a Finding; nothing is changed. The list of
          packages is ci/packages.txt, the same that ci/setup installs from.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from glob import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: In the rig's own repository everything is built; a wheel brings the list and what was built.
BUILT_HERE = (ROOT / "ci" / "packages.txt").exists()
PACKAGES = ROOT / "ci" / "packages.txt" if BUILT_HERE else ROOT / "rig" / "packages.txt"
UBOOT = "usr/lib/u-boot/nanopi_neo/u-boot-sunxi-with-spl.bin"
QEMU_MIN = (7, 2)
PYTHON_MIN = (3, 11)
DISK_BYTES_MIN = 2 * 1024**3  # builds and .venv take about 1 GiB, a night of evidence the rest
CLONE_NEWNET = 0x4000_0000
CLONE_NEWUSER = 0x1000_0000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `needed` is false for what only makes life better."""

    name: str
    ok: bool
    needed: bool
    why: str
    detail: str = ""
    package: str = ""

    @property
    def mark(self) -> str:
        if self.ok:
            return "ok"
        return "LACKS" if self.needed else "-"


# --- The packages ---------------------------------------------------------------------------------


def probe(text: str) -> str:
    """Where a probe of ci/packages.txt finds its thing; empty when it does not."""
    if text.startswith("cmd:"):
        return shutil.which(text.removeprefix("cmd:")) or ""
    found = sorted(glob(text))  # noqa: PTH207  the pattern is absolute, which Path.glob refuses
    return found[0] if found else ""


def packages(table: str) -> Iterator[Finding]:
    """One finding for each row of ci/packages.txt."""
    for line in table.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        group, what, package, why = line.split(maxsplit=3)
        if not BUILT_HERE and group in ("soak", "test"):
            continue
        needed = group != "hand" and (BUILT_HERE or group != "card")
        where = probe(what)
        yield Finding(
            name=what.removeprefix("cmd:") if what.startswith("cmd:") else package,
            ok=bool(where),
            needed=needed,
            why=why if needed else f"{why} (optional)",
            detail=where,
            package=package,
        )


# --- The rest of the host -------------------------------------------------------------------------


def python_version() -> Finding:
    return Finding(
        name="python >= 3.11",
        ok=sys.version_info[:2] >= PYTHON_MIN,
        needed=True,
        why="the rig is written for it",
        detail=f"{platform.python_version()} at {sys.executable}",
    )


def qemu_version() -> Finding:
    detail, ok = "not found", False
    if shutil.which("qemu-system-arm"):
        told = subprocess.run(
            ["qemu-system-arm", "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"version (\d+)\.(\d+)", told)
        detail = told.splitlines()[0] if told else "does not say its version"
        ok = version is not None and (int(version[1]), int(version[2])) >= QEMU_MIN
    return Finding("qemu >= 7.2", ok, True, "older ones have no Orange Pi network", detail)


def in_child(action: Callable[[], None]) -> str:
    """Runs `action` in a forked child, which may change its namespaces; the error, or nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            action()
            os._exit(0)
        except OSError as error:
            os.write(writer, str(error).encode())
            os._exit(1)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        message = pipe.read()
    _, status = os.waitpid(child, 0)
    return message if status else ""


def unshare_network() -> None:
    """A network namespace of our own; without root, inside a user namespace of our own."""
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def network_namespace() -> Finding:
    error = in_child(unshare_network)
    return Finding(
        name="network namespace",
        ok=not error,
        needed=False,
        why="the wire `tap` keeps its device in one; without it `--wire slirp` works",
        detail=error or ("as root" if os.geteuid() == 0 else "in a user namespace"),
    )


def tun_device() -> Finding:
    def look() -> None:
        unshare_network()
        os.close(os.open("/dev/net/tun", os.O_RDWR))

    error = in_child(look)
    return Finding(
        name="/dev/net/tun",
        ok=not error,
        needed=False,
        why="the wire `tap` opens it; without it `--wire slirp` works",
        detail=error,
    )


def u_boot() -> Finding:
    found = [str(root) for root in (Path("/"), ROOT / "build/u-boot") if (root / UBOOT).is_file()]
    return Finding(
        name="U-Boot for the H3",
        ok=bool(found),
        needed=False,
        why="`make sdcard`, and the tests of the bench board; ci/uboot fetches Debian's",
        detail=", ".join(found),
    )


def serial_devices() -> Finding:
    """Whether this user may open what is plugged in."""
    devices = sorted(glob("/dev/ttyUSB*") + glob("/dev/ttyACM*"))  # noqa: PTH207
    closed = [name for name in devices if not os.access(name, os.R_OK | os.W_OK)]
    detail = ", ".join(devices) or "none is plugged in"
    if closed:
        detail = f"{closed[0]} may not be opened: as root: adduser USER {_group(closed[0])}"
    return Finding(
        name="serial adapter",
        ok=bool(devices) and not closed,
        needed=False,
        why="the console of a board on the bench (docs/bench-setup.md)",
        detail=detail,
    )


def _group(path: str) -> str:
    try:
        return Path(path).group()
    except (KeyError, OSError):
        return "dialout"


def tftp_port() -> Finding:
    detail = ""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        try:
            server.bind(("127.0.0.1", 69))
        except OSError as error:
            detail = f"UDP port 69: {error.strerror}"
    return Finding(
        name="TFTP port",
        ok=not detail,
        needed=False,
        why="U-Boot on the bench loads the image from it; load = 'serial' works without",
        detail=detail,
    )


def disk_space() -> Finding:
    free = shutil.disk_usage(ROOT).free
    return Finding(
        name="disk space",
        ok=free >= DISK_BYTES_MIN,
        needed=True,
        why="builds, .venv and the evidence of a night",
        detail=f"{free / 1024**3:.1f} GiB free at {ROOT}",
    )


def virtual_environment() -> Finding:
    return Finding(
        name=".venv",
        ok=(ROOT / ".venv" / "kyu-installed").exists(),
        needed=False,
        why="the rig's Python packages; `make soak` fills it",
        detail=str(ROOT / ".venv"),
    )


# --- The answer -----------------------------------------------------------------------------------


def examine() -> list[Finding]:
    """Everything that matters, looked at once."""
    of_the_repository = [virtual_environment()] if BUILT_HERE else []
    return [
        *packages(PACKAGES.read_text(encoding="utf-8")),
        python_version(),
        qemu_version(),
        tun_device(),
        network_namespace(),
        u_boot(),
        serial_devices(),
        tftp_port(),
        disk_space(),
        *of_the_repository,
    ]


def mending(findings: list[Finding]) -> str:
    """The one command that installs what is needed; empty when no package is missing."""
    missing = [finding.package for finding in findings if not finding.ok and finding.needed]
    names = " ".join(name for name in missing if name)
    if not names:
        return ""
    return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install --no-install-recommends {names}"


def table(findings: list[Finding]) -> str:
    """The findings for people."""
    width = max(len(finding.name) for finding in findings)
    rows = []
    for finding in findings:
        detail = f"  [{finding.detail}]" if finding.detail else ""
        rows.append(f"{finding.mark:<6} {finding.name:<{width}}  {finding.why}{detail}")
    return "\n".join(rows)


def main(*, as_json: bool = False) -> int:
    """Prints the findings; 0 when all that is needed is there, 2 when not."""
    findings = examine()
    lacks = [finding for finding in findings if finding.needed and not finding.ok]
    command = mending(findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        print(json.dumps({"ok": not lacks, "mend": command, "findings": rows}, indent=2))
        return 2 if lacks else 0
    print(table(findings))
    print()
    if command:
        print(f"To mend it:  {command}")
        if not shutil.which("apt-get"):
            print("These are Debian's and Ubuntu's names; install what corresponds to them here.")
    elif lacks:
        print("Missing: " + "; ".join(f"{finding.name} ({finding.detail})" for finding in lacks))
    else:
        print("All that is needed is here.")
    return 2 if lacks else 0


if __name__ == "__main__":
    sys.exit(main(as_json="--json" in sys.argv[1:]))
