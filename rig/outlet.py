"""Standard output and error, of which nobody knows who reads them, or for how long.

Rules     a reader that goes away (`kyu soak | head`), a full disk, a terminal that was closed: none
          of them is a failure of the board. A run goes on in silence; only a closed terminal is an
          interruption of it.
Context   any thread: the display draws on one of its own.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from rig import interrupts


def provide() -> None:
    """A stream that was closed before we began (`>&-`) leads nowhere. Else a file of the run would
    get its number, and whatever a child says would be written into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere > number and not _taken(number):
            os.dup2(nowhere, number)
            os.close(nowhere)
            nowhere = number
        os.set_inheritable(nowhere, nowhere == number)
        setattr(sys, name, os.fdopen(nowhere, "w" if number else "r", encoding="utf-8"))


def _taken(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _silence(stream: TextIO) -> None:
    """What it still holds back goes nowhere, instead of failing again when Python leaves."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


class UnheardError(OSError):
    """What was printed cannot be written. `gone`: there is nobody who would read it."""

    def __init__(self, trouble: OSError, *, gone: bool) -> None:
        super().__init__(trouble.errno, trouble.strerror)
        self.gone = gone


@contextlib.contextmanager
def checked() -> Iterator[None]:
    """Within this what cannot be printed is an UnheardError, and no other trouble is one."""
    with _through(patient=False):
        yield


@contextlib.contextmanager
def unbreakable() -> Iterator[None]:
    """Within this nothing that is printed can fail."""
    with _through(patient=True):
        yield


@contextlib.contextmanager
def _through(*, patient: bool) -> Iterator[None]:
    streams = [one.stream if isinstance(one, Outlet) else one for one in (sys.stdout, sys.stderr)]
    out, error = (cast("TextIO", Outlet(stream, patient=patient)) for stream in streams)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        yield


class Outlet(io.TextIOBase):
    """A stream whose first trouble is its last. `patient`: it goes on in silence."""

    def __init__(self, stream: TextIO, *, patient: bool) -> None:
        self.stream = stream
        self._patient = patient
        self._terminal = stream.isatty()  # one that was closed does not call itself one
        self._trouble: OSError | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]  # where the library has a variable
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # likewise
        return self.stream.errors

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text != "" and self._open():  # some write nothing, to see what kind of stream it is
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                raw = text.encode(self.encoding, "backslashreplace")
                self.stream.write(raw.decode(self.encoding))
            except OSError as trouble:
                self._give_up(trouble)
        return len(text)

    def flush(self) -> None:
        if self._open():
            try:
                self.stream.flush()
            except OSError as trouble:
                self._give_up(trouble)

    def isatty(self) -> bool:
        return self._terminal

    def fileno(self) -> int:
        return self.stream.fileno()

    def _open(self) -> bool:
        if self._trouble is not None and not self._patient:
            raise self._trouble
        return self._trouble is None

    def _give_up(self, trouble: OSError) -> None:
        gone = self._terminal or trouble.errno == errno.EPIPE
        self._trouble = UnheardError(trouble, gone=gone)
        _silence(self.stream)
        if not self._patient:
            raise self._trouble from None
        if self._terminal:
            interrupts.hung_up()
        elif not gone:
            told = f"kyu: nothing more is printed: {trouble.strerror}; the run goes on"
            print(told, file=sys.stderr, flush=True)
