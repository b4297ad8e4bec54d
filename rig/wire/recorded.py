"""What every wire remembers: its last frames, with marks for transfers and faults between them.

Context   begin_recording() on the thread that opened the wire: a recorder listens where it is.
Ownership a recorder's thread is in C++ (bindings/wire/recorder.hpp) and has no interpreter's lock.
Rules     a wire without its record is a wire all the same: what cannot be recorded is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from rig.wire.pcapng import Frame

#: Of a second, in frames that are recorded.
DIGITS = 9
#: Between what is said of the last frame and the marks that came after it.
THEN = "; then "


class Recorder(Protocol):
    """TapRecorder, PipeRecorder and Bridge of kyusim._wire."""

    def mark(self, text: str) -> None: ...
    def captured(self) -> Sequence[Any]: ...
    def stop(self) -> None: ...


def frames_of(captured: Iterable[Any]) -> list[Frame]:
    """Marks and fates become comments of the frame that they stand before, or belong to."""
    frames: list[Frame] = []
    marks: list[str] = []
    for one in captured:
        if one.mark:
            marks.append(one.text)
            continue
        said = "; ".join([*marks, one.text] if one.text else marks)
        frames.append(Frame(one.at_ns, not one.to_board, one.length, one.data, said))
        marks = []
    if marks and frames:  # nothing followed them
        last = frames[-1]
        said = THEN.join(part for part in (last.comment, "; ".join(marks)) if part)
        frames[-1] = Frame(last.at, last.out, last.length, last.data, said)
    return frames


class Recorded:
    """A part of a wire: its recorder, if it has one."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None

    def begin_recording(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def mark(self, text: str) -> None:
        """A remark, which the capture puts to the next frame."""
        if self._recorder is not None:
            self._recorder.mark(text)

    def frames(self) -> list[Frame]:
        """The last frames in both directions, at 10^-DIGITS s."""
        return [] if self._recorder is None else frames_of(self._recorder.captured())

    def gone(self) -> str:
        """A wire that nobody else can take away."""
        return ""

    def end_recording(self) -> None:
        if self._recorder is not None:
            self._recorder.stop()
            self._recorder = None
