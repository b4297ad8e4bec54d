"""One look at a board from outside: halt it, save its memory, tell its record.

Context   the thread that drives the board. The board stands still from attach(); memory is saved
          first and understood afterwards, so that a board that goes on has missed little.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rig.console.crash import CrashRecord
from rig.errors import UserError
from rig.inspect import core, frames, record
from rig.inspect.gdbstub import GdbStub, connect
from rig.inspect.image import Image
from rig.inspect.memory import Pages, Pieces, Windows, save
from rig.inspect.record import Outside
from rig.wire.pcapng import Frame

HALTED = "halted from outside"


@dataclass(frozen=True, slots=True)
class Look:
    """`processor`: its registers as it was halted."""

    image: Path
    outside: Outside
    memory: Pieces
    processor: tuple[int, ...]

    @property
    def record(self) -> CrashRecord:
        return self.outside.record

    def core(self) -> bytes:
        return core.content(self.outside, self.memory, self.processor, self.image.name)

    def frames(self) -> bytes:
        """The last frames, both ways, as a capture file. Raises RigError: it keeps none."""
        return frames.pcapng(frames.of_board(self.outside.kernel, self.memory))

    def kept(self) -> list[Frame]:
        """The same frames, in microseconds of the board. Raises RigError."""
        kept = frames.of_board(self.outside.kernel, self.memory)
        return [frames.as_frame(one) for one in kept]

    def gdb_script(self, core_file: Path) -> str:
        names = {thread.id: thread.name for thread in self.outside.kernel.threads}
        return core.gdb_script(self.image, core_file, names)


def attach(where: str, *, budget_s: float = float("inf")) -> GdbStub:
    """A halted board. Raises UserError, RigError."""
    stub = connect(where, budget_s=budget_s)
    try:
        stub.halt()
    except BaseException:
        stub.close()
        raise
    return stub


def choose(images: Iterable[Image], stub: GdbStub) -> Image | None:
    """The one of these that the board runs."""
    return next((one for one in images if one.is_in(Windows(stub, one.spans))), None)


def look(stub: GdbStub, image: Image, why: str = HALTED) -> Look:
    """Raises RigError; UserError when the board runs another image. The board stays halted."""
    memory = Windows(Pages(stub), image.spans)
    if not image.is_in(memory):
        raise UserError(f"the board does not run {image.path}", mend="name its image with --image")
    processor = stub.registers()
    saved = save(memory, image.saved_spans)
    return Look(image.path, record.build(image, saved, processor, why), saved, processor)


def reopen(saved: core.Saved, image: Image) -> Look:
    """A core file, looked at again. Raises UserError when it is of another image."""
    if saved.build and image.build_id and saved.build != image.build_id:
        raise UserError(
            f"the core is of build {saved.build[:12]}, {image.path} is {image.build_id[:12]}",
            mend="name its image with --image",
        )
    outside = record.build(image, saved.memory, saved.registers, saved.why)
    return Look(image.path, outside, saved.memory, saved.registers)
