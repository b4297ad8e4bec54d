"""kyu inspect: a board that runs, or hangs, or a saved core, told from outside.

Context   the main thread. A board that is looked at stands still for a moment and then goes on,
          unless told otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rig import evidence
from rig.board import doors
from rig.board import image as images
from rig.console.crash import CrashRecord
from rig.console.grammar import make_frame
from rig.console.symbols import Symbols
from rig.errors import RigError, UserError, looked_for
from rig.inspect import core, look
from rig.inspect.findings import findings
from rig.inspect.image import Image
from rig.inspect.look import Look
from rig.report.text import escaped

EVENTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """`target`: a core file, a socket, HOST:PORT; empty: the one board that runs."""

    target: str = ""
    image: Path | None = None
    core: Path | None = None
    frames: Path | None = None
    form: str = "text"
    leave_halted: bool = False


def inspect(wanted: InspectOptions) -> int:
    path = Path(wanted.target)
    with looked_for(path):
        saved = bool(wanted.target) and path.is_file()
    if saved:
        if wanted.core is not None or wanted.leave_halted:
            raise UserError(f"{path} is a core file already", where="--core, --leave-halted")
        seen = _reopened(path, wanted.image)
    else:
        seen = _looked_at(wanted.target or _only_board(), wanted)
    if wanted.frames is not None:
        _save(wanted.frames, "--frames", seen.frames())
    print(_rendered(seen, wanted.form))
    return 0


def _looked_at(where: str, wanted: InspectOptions) -> Look:
    stub = look.attach(where)
    try:
        candidates = list(_images(wanted.image))
        image = look.choose(candidates, stub)
        if image is None:
            names = " nor ".join(str(one.path) for one in candidates) or "an image that is built"
            raise UserError(f"the board does not run {names}", mend="name its image with --image")
        seen = look.look(stub, image)
    finally:
        # Also after an error: a board must not stand still because of a wrong --image.
        if not wanted.leave_halted:
            with suppress(RigError):
                stub.resume()
        stub.close()
    if wanted.core is not None:
        _save(wanted.core, "--core", seen.core())
        script = wanted.core.with_name(wanted.core.name + ".gdb")
        _save(script, "--core", seen.gdb_script(wanted.core).encode())
    return seen


def _save(path: Path, option: str, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", where=option) from None


def _reopened(path: Path, given: Path | None) -> Look:
    saved = core.load(path)
    candidates = list(_images(given))
    fitting = [one for one in candidates if one.build_id == saved.build]
    if not candidates:
        raise UserError("no image is built", mend="name the core's image with --image")
    return look.reopen(saved, (fitting or candidates)[0])


def _images(given: Path | None) -> Iterator[Image]:
    if given is not None:
        yield Image(images.find(given))
        return
    for default in (images.RELEASE, images.DEFECTS):
        with suppress(UserError):
            yield Image(images.find(None, default))


def _only_board() -> str:
    boards = doors.found()
    if not boards:
        raise UserError(
            "no board of this user runs in the emulator", mend="start kyu run, or name a TARGET"
        )
    if len(boards) > 1:
        names = " ".join(map(str, boards))
        raise UserError(f"{len(boards)} boards run", mend=f"name one of {names}")
    return str(boards[0])


def _rendered(seen: Look, form: str) -> str:
    if form == "json":
        return json.dumps(seen.record.as_json(), indent=2)
    if form == "record":
        return "\n".join(_frames(seen.record))
    symbols = Symbols(seen.image)
    record = seen.record
    parts = [evidence.traceback_text(record, symbols)]
    tables = {
        "found": findings(record),
        "locks": tuple(_locks(record, symbols)),
        "pools": tuple(_pools(record)),
        "last events": tuple(_events(record)),
    }
    for title, lines in tables.items():
        if lines:
            parts.append("\n".join((f"{title}:", *(f"  {escaped(line)}" for line in lines))) + "\n")
    return "\n".join((*parts, evidence.threads_text(record, symbols).rstrip()))


def _locks(record: CrashRecord, symbols: Symbols) -> Iterator[str]:
    for lock in record.of_kind("crash-lock"):
        taken = symbols.source(lock.number("taken")) or lock.text("taken")
        wanted = f", wanted by {lock.text('waiters')}" if lock.text("waiters") else ""
        yield f"{lock.text('name')} held by {lock.text('owner')} since {taken}{wanted}"


def _pools(record: CrashRecord) -> Iterator[str]:
    for pool in record.of_kind("crash-pool"):
        name, used, total, high, failed = map(
            pool.text, ("name", "used", "total", "high", "failed")
        )
        yield f"{name}: {used} of {total} used, {high} at most, empty {failed} times"


def _events(record: CrashRecord) -> Iterator[str]:
    for event in record.of_kind("crash-event")[-EVENTS_SHOWN:]:
        words = (event.text(key) for key in ("what", "a", "b"))
        yield f"{event.number('us') / 1e6:12.6f}  {' '.join(words)}"


def _frames(record: CrashRecord) -> Iterator[str]:
    """As the board would have printed them."""
    for frame in (record.begin, *record.frames, record.end):
        if frame is not None:
            yield make_frame(frame.kind, **frame.fields)
