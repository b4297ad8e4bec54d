"""labgrid, by its command line: `labgrid-client`, in an environment of its own.

Context   the main thread; each command is a process, in a session of its own: Ctrl-C at the
          terminal does not reach it, so that what it does is done or not done, and known.
Rules     labgrid is not imported: it brings a pyserial of its own, which would take the place of
          ours. Its commands are the same for all its versions with a gRPC coordinator (24.0).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rig.errors import RigError, UserError

PROGRAM = "labgrid-client"
#: Names it where it is in none of the usual places.
VARIABLE = "KYU_LABGRID_CLIENT"
#: What `ci/setup test` makes in a checkout.
OWN = Path(__file__).parents[2] / "build" / "labgrid" / "bin" / PROGRAM
DEFAULT = "127.0.0.1:20408"
COMMAND_S = 60.0

_NOBODY = "Could not connect to coordinator"
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+)(:\d{1,5})?")
_PREFIX = re.compile(r"^(labgrid-client: |Server error: |[Ee]rror: )+")


class Refused(Exception):  # noqa: N818  as the coordinator does
    """labgrid said no; its words."""


class TooLate(RigError):  # noqa: N818  as it is
    """The command did not end in time."""


def program() -> str:
    """Raises UserError when it is not to be found."""
    beside = Path(sys.executable).parent / PROGRAM
    named = os.environ.get(VARIABLE)
    for candidate in (named, beside, shutil.which(PROGRAM), OWN):
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
        if candidate is named and named:
            break
    raise UserError(
        f"{named or PROGRAM} is not there",
        where="labgrid",
        mend=f"pipx install labgrid, or name it in {VARIABLE}",
    )


class LabgridClient:
    def __init__(self, address: str = "") -> None:
        """`address` empty: $LG_COORDINATOR, or this host. Raises UserError."""
        self.address = address or os.environ.get("LG_COORDINATOR") or DEFAULT
        if not _ADDRESS.fullmatch(self.address):
            raise UserError(f"{self.address!r} is no HOST[:PORT]", where="--coordinator")
        self._program = program()

    def words(self, place: str, *command: str) -> tuple[str, ...]:
        of = ("-p", place) if place else ()
        return (self._program, "-x", self.address, *of, *command)

    def run(
        self,
        place: str,
        *command: str,
        seconds: float = COMMAND_S,
        then: Callable[[str], None] = lambda _: None,
    ) -> str:
        """What it prints. `then` is called with it too, and also when Ctrl-C came meanwhile.

        Raises Refused, TooLate, and RigError when nobody answers.
        """
        child = subprocess.Popen(
            self.words(place, *command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            said, trouble = self._end(child, seconds)
        except KeyboardInterrupt:
            said, trouble = self._end(child, seconds)
            if child.returncode == 0:
                then(said)
            raise
        if child.returncode:
            raise self._refusal(trouble)
        then(said)
        return said

    def _end(self, child: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
        try:
            return child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise TooLate(f"{PROGRAM} did not end within {seconds:g} s") from None

    def _refusal(self, trouble: str) -> Exception:
        lines = [line.strip() for line in trouble.splitlines() if line.strip()]
        last = _PREFIX.sub("", lines[-1]) if lines else "it failed without a word"
        if _NOBODY in last:
            return RigError(f"no labgrid coordinator answers at {self.address}")
        return Refused(last)
