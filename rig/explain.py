"""kyu explain: a saved serial log or run folder to a verdict, a traceback and a wait-for graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rig import evidence, journal
from rig.board import image as images
from rig.console import events as ev
from rig.console.lines import LineSplitter
from rig.console.symbols import Symbols
from rig.errors import UserError
from rig.report.summary import headline
from rig.verdict import Outcome, Verdict
from rig.watch import Watch, step


@dataclass(frozen=True, slots=True)
class Explanation:
    """One power-on and what came of it; `verdict` None: nothing alarming in it."""

    watch: Watch
    verdict: Verdict | None


def replay(events: Iterable[ev.Event]) -> list[Explanation]:
    """One explanation for each power-on. Pure."""
    found: list[Explanation] = []
    watch, verdict = Watch(), None
    for event in events:
        if isinstance(event, ev.PowerOn) and watch.lines:
            found.append(_conclude(watch, verdict))
            verdict = None
        if verdict is None or isinstance(event, ev.PowerOn):
            watch, verdict = step(watch, event)
    found.append(_conclude(watch, verdict))
    return found


def _conclude(watch: Watch, verdict: Verdict | None) -> Explanation:
    """The log ended: a crash record that was under way is all that will ever come."""
    if verdict is None and watch.crash.alarming:
        rest = watch.limits.crash_record + 1.0
        watch, verdict = step(watch, ev.Tick(watch.at, rest, rest))
    return Explanation(watch, verdict)


def log_events(raw: bytes) -> Iterator[ev.Event]:
    """A saved serial log has no times: every event is at 0."""
    splitter = LineSplitter()
    for line in [*splitter.feed(raw), *splitter.flush()]:
        yield ev.Prompt(0.0) if line.is_prompt else ev.Line(0.0, line.text)


def load(path: Path) -> list[Explanation]:
    """Raises UserError when there is nothing to read."""
    if path.is_dir():
        if (path / journal.EVENTS).exists():
            return replay(journal.read_events(path))
        path = path / journal.CONSOLE
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    return replay(log_events(raw))


def symbols_for(found: list[Explanation], path: Path, given: Path | None) -> Symbols:
    """The image that the log was made with: `given`, or that of the run, or one that is built.

    Of those that were not given only one of the same build will do: names of another would lie.
    """
    if given is not None:
        return Symbols(images.find(given))
    build = next((one.watch.build for one in reversed(found) if one.watch.build), "")
    for image in _candidates(path):
        symbols = Symbols(image)
        if build and symbols.build_id.startswith(build):
            return symbols
    return Symbols(None)


def _candidates(path: Path) -> Iterator[Path]:
    if (path / journal.RUN).exists():
        yield Path(journal.read_json(path / journal.RUN).get("image", {}).get("path", ""))
    for default in (images.RELEASE, images.DEFECTS):
        with contextlib.suppress(UserError):
            yield images.find(None, default)


def render(found: list[Explanation], symbols: Symbols) -> str:
    return "\n".join(_render_one(one, symbols) for one in found)


def _render_one(one: Explanation, symbols: Symbols) -> str:
    watch, verdict = one.watch, one.verdict
    seen = f"{watch.lines} lines, {watch.heartbeats} heartbeats, build {watch.build or 'unknown'}"
    lines = [headline(verdict) if verdict else "no alarm", f"  {seen}"]
    if watch.bad_frames:
        lines.append(f"  {watch.bad_frames} frames with a wrong checksum")
    lines += [f"  warning: {text}" for text in watch.warnings]
    if watch.crash.alarming:
        lines += ["", evidence.traceback_text(watch.crash, symbols).rstrip()]
        check = evidence.check_function(watch.crash, symbols)
        threads = evidence.threads_text(watch.crash, symbols).rstrip()
        if threads:
            lines += ["", threads]
        if check:
            lines.append(f"\nthe named function is {check}")
    ours = symbols.build_id
    if watch.crash.alarming and not ours:
        lines.append("no image of this build is at hand: names are the board's own, without lines")
    if watch.crash.alarming and ours and watch.build and not ours.startswith(watch.build):
        lines.append(f"mind: the symbols are of another build ({ours[: len(watch.build)]})")
    return "\n".join(lines)


def exit_status(found: list[Explanation]) -> int:
    verdicts = [one.verdict for one in found if one.verdict is not None]
    if any(v.outcome is Outcome.FAILED for v in verdicts):
        return 1
    return 3 if any(v.outcome is Outcome.INCONCLUSIVE for v in verdicts) else 0
