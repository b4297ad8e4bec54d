"""What can go wrong in a simulated world, as exceptions.

Rules     A panic of the firmware is FirmwarePanic, whoever runs the world. The crash record has one
          reader, `rig.console`: its fields are the same here, on the bench and in `kyu explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rig.console.crash import CrashRecord


class Unexpected(AssertionError):  # noqa: N818  reads well where it is raised
    """A conversation went another way than the test said; the message shows both."""


class NotDone(TimeoutError):  # noqa: N818  likewise
    """A task did not end within its time, or ended with an error."""


class FirmwarePanic(Exception):  # noqa: N818  named after what happened
    """A board of the world has panicked and stands still; the other boards can run on.

    `kind` is panic, check, fault or deadlock; `func` the innermost function of the program itself;
    `backtrace` holds (pc, "name+offset"), innermost first; `record` is the whole crash record and
    `text` what the board wrote to its serial line.
    """

    def __init__(self, board: str, at_us: int, text: str) -> None:
        self.board = board
        self.at_us = at_us
        self.text = text
        self.record: CrashRecord = _read(text)
        self.kind = self.record.kind
        self.reason = self.record.reason
        self.thread = self.record.thread
        self.func = self.record.function
        self.backtrace = self.record.backtrace()
        where = f" in {self.func}" if self.func else ""
        super().__init__(
            f"{board}: {self.kind}: {self.reason} (thread {self.thread}{where}, at {at_us} us)"
        )

    def __reduce__(self) -> tuple[type[FirmwarePanic], tuple[str, int, str]]:
        return type(self), (self.board, self.at_us, self.text)


def _read(text: str) -> CrashRecord:
    from rig.console import crash, grammar  # not at import: the rig imports kyusim.native

    record = crash.NO_CRASH
    for line in text.splitlines():
        parsed = grammar.parse(line)
        if not isinstance(parsed, grammar.Earlier):  # a simulated board keeps nothing of one
            record = crash.add(record, parsed)
    return record
