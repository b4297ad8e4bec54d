"""kyu explain: a saved serial log or run folder, told boot by boot.

Rules     the log is read in blocks, once; what is kept of it is bounded, whatever stands in it.
          A frame `boot` in a log begins a boot, and so does a second crash without one: its line
          was lost. What comes of each boot is the watch's to judge, as when the log was made.
"""

from __future__ import annotations

import contextlib
import gzip
import stat
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

from rig import journal
from rig.board import image as images
from rig.console import events as ev
from rig.console import grammar
from rig.console.lines import Silence, saved_lines
from rig.console.resync import read
from rig.console.symbols import Symbols
from rig.errors import UserError
from rig.verdict import Outcome, Verdict, inconclusive
from rig.watch import Wants, Watch, begins_boot, close_lines, step

BLOCK_BYTES = 1 << 18
FIRST_KEPT, LAST_KEPT = 12, 8
GZIP_MAGIC = b"\x1f\x8b"
ELF_MAGIC = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One boot and what came of it; `verdict` None: nothing alarming in it.

    `number` counts from 1. `first_line` to `last_line`: where it stands in the log. `plain`: from a
    log alone, without the times and the traffic of a run. `left_out`: what became of the boots
    between this one and the one before it, of which there were too many to keep.
    """

    watch: Watch
    verdict: Verdict | None
    number: int = 1
    first_line: int = 1
    last_line: int = 0
    plain: bool = True
    left_out: Mapping[str, int] = field(default_factory=dict)


class _Boot:
    """One boot while it is told."""

    def __init__(self, first_line: int) -> None:
        self.watch, self.verdict = Watch(), cast(Verdict | None, None)
        self.first_line, self.last_line = first_line, first_line - 1

    def step(self, event: ev.Event) -> None:
        if self.verdict is None:
            self.watch, self.verdict = step(self.watch, event)

    def silence(self) -> None:
        """Lines that say nothing: what was torn before them stays torn."""
        if self.verdict is None:
            self.watch = close_lines(self.watch)

    def end(self) -> None:
        """No more will come: a crash record or a restart under way is all there will ever be."""
        if self.verdict is not None:
            return
        self.watch = close_lines(self.watch)
        if self.watch.crash.alarming or self.watch.restarted:
            rest = self.watch.limits.crash_record + self.watch.limits.last_crash + 1.0
            self.step(ev.Tick(self.watch.at, rest, rest))
        if self.watch.wants is Wants.LOOK:
            self.step(ev.Looked(self.watch.at))  # nobody looked: it ended before


class _Telling:
    """The fold over a whole log. Keeps the first boots and the last, and counts those between."""

    def __init__(self) -> None:
        self._first: list[Explanation] = []
        self._last: deque[Explanation] = deque(maxlen=LAST_KEPT)
        self._left_out: Counter[str] = Counter()
        self._count = 0
        self._line = 0
        self._plain = True
        self._after_verdict = False
        self._boot = _Boot(1)
        self._before: _Boot | None = None

    def tell(self, event: ev.Event | Silence) -> None:
        match event:
            case Silence(lines):
                self._line += lines
            case ev.PowerOn():
                self._plain = self._after_verdict = False
                self._new_boot(event)
                return
            case ev.Line(text=text):
                self._line += 1
                if _begins_another(self._boot.watch, text):
                    self._board_began_anew(event)
                    return
        self._boot.last_line = self._line
        if isinstance(event, Silence):
            self._boot.silence()
            return
        if self._before is not None:
            self._before.step(event)
        if not self._after_verdict or isinstance(event, ev.Line | ev.Prompt):
            self._boot.step(event)

    def told(self) -> list[Explanation]:
        self._close()
        kept = [*self._first, *self._last]
        if self._left_out:
            kept[FIRST_KEPT] = replace(kept[FIRST_KEPT], left_out=dict(self._left_out))
        if len(kept) == 1 and not kept[0].watch.understood and not kept[0].watch.bad_frames:
            nothing = inconclusive(0.0, "nothing in it was said by a board of this kind")
            only = kept[0]
            if only.verdict is None:
                return [Explanation(only.watch, nothing, last_line=only.last_line)]
        return kept

    def _new_boot(self, event: ev.Event) -> None:
        self._close()
        self._boot = _Boot(self._line + 1)
        self._boot.step(event)

    def _board_began_anew(self, event: ev.Line) -> None:
        """The line belongs to both: it ends one boot, and begins the next."""
        ended = self._boot
        if self._before is not None:
            self._before.step(event)
        if ended.watch.crash.alarming:
            ended.end()
        else:
            ended.step(event)
        # The run has its verdict: what its traffic saw afterwards says nothing of the next boot.
        self._after_verdict = not self._plain
        self._finish_before()
        self._before = ended
        self._boot = _Boot(self._line)
        self._boot.last_line = self._line
        self._boot.step(event)

    def _close(self) -> None:
        self._finish_before()
        self._keep(self._boot)

    def _finish_before(self) -> None:
        if self._before is not None:
            self._keep(self._before)
            self._before = None

    def _keep(self, boot: _Boot) -> None:
        boot.end()
        if boot.watch.lines == 0 and boot.verdict is None and boot.last_line < boot.first_line:
            return
        self._count += 1
        if len(self._last) == LAST_KEPT:
            self._left_out[_outcome(self._last[0].verdict)] += 1
        lines = (boot.first_line, boot.last_line)
        told = Explanation(boot.watch, boot.verdict, self._count, *lines, plain=self._plain)
        (self._first if len(self._first) < FIRST_KEPT else self._last).append(told)


def _outcome(verdict: Verdict | None) -> str:
    if verdict is None:
        return "no alarm"
    return verdict.cause.value if verdict.cause else verdict.outcome.value


def _begins_another(watch: Watch, text: str) -> bool:
    """True for a line with which a boot begins, or a crash after one that is told already."""
    if not watch.crash.alarming and grammar.MARK not in text:
        return False
    return any(_is_new(watch, parsed) for parsed in read(text, watch.torn)[0])


def _is_new(watch: Watch, parsed: grammar.Parsed) -> bool:
    crash = watch.crash
    match parsed:
        case grammar.Frame(kind="boot" | "ready" | "last-crash"):
            return crash.alarming or begins_boot(watch, parsed)
        case grammar.Frame(kind="hb"):
            return crash.complete or begins_boot(watch, parsed)
        case grammar.Frame(kind="crash-begin"):
            return crash.recorded
        case grammar.CurrentThread() | grammar.FaultLine():
            return crash.recorded
        case grammar.PanicLine():
            return crash.complete
    return False


def replay(events: Iterable[ev.Event | Silence]) -> list[Explanation]:
    """One explanation for each boot. Pure."""
    telling = _Telling()
    for event in events:
        telling.tell(event)
    return telling.told()


def log_events(blocks: Iterable[bytes]) -> Iterator[ev.Event | Silence]:
    """A saved serial log has no times: every event is at 0."""
    for line in saved_lines(blocks):
        if isinstance(line, Silence):
            yield line
        else:
            yield ev.Prompt(0.0) if line.is_prompt else ev.Line(0.0, line.text)


def load(path: Path) -> list[Explanation]:
    """Raises UserError when there is nothing to read."""
    try:
        found = _load(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except (EOFError, zlib.error):
        raise UserError(
            f"cannot read {path}: its compressed data is damaged",
            mend="unpack what is left of it with zcat",
        ) from None
    if not found:
        raise UserError(f"{path} holds nothing that a board said")
    return found


def _load(path: Path) -> list[Explanation]:
    if path.is_dir():
        return _load_folder(path)
    if path.suffix == ".jsonl":
        return replay(journal.events_in(path))
    return replay(log_events(_blocks(path)))


def _load_folder(path: Path) -> list[Explanation]:
    if (path / journal.EVENTS).exists():
        found = replay(journal.read_events(path))
        if found or not (path / journal.CONSOLE).exists():
            return found
    if not (path / journal.CONSOLE).exists():
        raise UserError(
            f"{path} is a directory without {journal.EVENTS} and {journal.CONSOLE}",
            mend="name a run folder or a serial log",
        )
    return replay(log_events(_blocks(path / journal.CONSOLE)))


def _blocks(path: Path) -> Iterator[bytes]:
    """The log, unpacked when it is gzip. A pipe will do as well as a file."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise UserError(f"{path} is not a file", mend="name a run folder or a serial log")
    with path.open("rb") as file:
        magic = file.peek(2)[:2]
        if not magic:
            raise UserError(f"{path} is empty")
        packed = magic == GZIP_MAGIC
        said = _read_all(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file)
        first = next(said, b"")
        if first.startswith(ELF_MAGIC):  # it holds what a board says when it crashes: as constants
            raise UserError(
                f"{path} is an image or a core, and no log", mend="kyu inspect tells a saved core"
            )
        yield first
        yield from said


def _read_all(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


# Symbols


class SymbolsByBuild:
    """The image that a log was made with: `given`, or that of the run, or one that is built.

    Of those that were not given only one of the same build will do: names of another would lie.
    """

    def __init__(self, path: Path, given: Path | None) -> None:
        self._given = None if given is None else Symbols(images.find(given))
        self._path = path
        self._found: dict[str, Symbols] = {}

    def __call__(self, build: str) -> Symbols:
        if self._given is not None:
            return self._given
        if build not in self._found:
            self._found[build] = self._find(build)
        return self._found[build]

    def _find(self, build: str) -> Symbols:
        for image in _candidates(self._path) if len(build) >= BUILD_CHARS_MIN else ():
            symbols = Symbols(image)
            if symbols.build_id.startswith(build):
                return symbols
        return Symbols(None)


#: A prefix of a build id that is shorter than this proves nothing.
BUILD_CHARS_MIN = 6
SymbolSource = Callable[[str], Symbols]


def _candidates(path: Path) -> Iterator[Path]:
    for run in (path / journal.RUN, path.parent / journal.RUN):
        with contextlib.suppress(UserError, AttributeError, TypeError):
            yield Path(journal.read_json(run).get("image", {}).get("path", ""))
    for default in (images.RELEASE, images.DEFECTS):
        with contextlib.suppress(UserError):
            yield images.find(None, default)


def exit_status(found: list[Explanation]) -> int:
    verdicts = [one.verdict for one in found if one.verdict is not None]
    left_out = {cause for one in found for cause in one.left_out}
    if left_out - {"no alarm", "rig"} or any(v.outcome is Outcome.FAILED for v in verdicts):
        return 1
    return 3 if any(v.outcome is Outcome.INCONCLUSIVE for v in verdicts) else 0
