"""What kyu explain prints: the verdict, then why, then the details. Renders; never judges.

Rules     pure; about a screen for a crash: idle threads are folded, and what is well is one line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rig import crash_text as words
from rig.console.crash import CrashRecord
from rig.console.symbols import Symbols
from rig.crash_hints import hints
from rig.evidence import check_function
from rig.explain import Explanation, SymbolSource
from rig.report.summary import headline
from rig.report.text import escaped
from rig.verdict import Cause
from rig.watch import Damage, LastCrash, crash_detail

WARNINGS_SHOWN = 8
HEADLINE_MAX = 1000


def render(found: list[Explanation], symbols_of: SymbolSource, *, full: bool = False) -> str:
    """`full`: every thread with all its frames."""
    total = found[-1].number if found else 0
    parts = [_overview(found, total)] if total > 1 else []
    before: CrashRecord | None = None
    for one in found:
        if one.left_out:
            causes = ", ".join(f"{n} {cause}" for cause, n in sorted(one.left_out.items()))
            parts.append(f"… {sum(one.left_out.values())} boots left out: {causes}")
        told = _boot(one, total, before, symbols_of, full=full)
        parts.append("\n".join(map(escaped, told)))
        watch = one.watch
        before = watch.crash if watch.crash.alarming else watch.last.record
    return "\n\n".join(parts)


def _overview(found: list[Explanation], total: int) -> str:
    """Of many boots the verdict comes first, too."""
    causes: Counter[str] = Counter()
    for one in found:
        causes.update(one.left_out)
        if one.verdict is not None and one.verdict.cause is not None:
            causes[one.verdict.cause.value] += 1
        elif one.verdict is None:
            causes["no alarm"] += 1
    well = causes.pop("no alarm", 0)
    told = ", ".join(f"{cause} {n}" for cause, n in causes.most_common())
    failures = sum(causes.values())
    if not failures:
        return f"{total} boots, no alarm in any"
    rest = f"; {well} without an alarm" if well else ""
    return f"{total} boots, {failures} of them ended badly: {told}{rest}"


def _boot(
    one: Explanation,
    total: int,
    before: CrashRecord | None,
    symbols_of: SymbolSource,
    *,
    full: bool,
) -> list[str]:
    watch, verdict = one.watch, one.verdict
    show = _Shows(symbols_of, full=full)
    head = words.short(headline(verdict), HEADLINE_MAX) if verdict else "no alarm"
    lines = [f"boot {one.number} of {total}: {head}" if total > 1 else head]
    lines.append(f"  {_facts(one)}")
    crash = watch.crash
    if crash.alarming:
        symbols = symbols_of(_build_of(crash, watch.build))
        lines += [f"  {note}" for note in _symbol_notes(symbols, _build_of(crash, watch.build))]
        lines += [f"  why: {hint}" for hint in hints(crash)]
    lines += [f"  {note}" for note in _notes(one)]
    if crash.alarming:
        lines += _crash(crash, _usable(symbols, _build_of(crash, watch.build)), full=full)
    found = watch.last_before if watch.restarted else watch.last
    lines += _last_crash("of an earlier boot, found by this one", found, before, show, watch.build)
    if watch.restarted and watch.last.record != watch.last_before.record:
        lines += _last_crash(
            "of this boot, found by the next one", watch.last, None, show, watch.build
        )
    return lines


def _facts(one: Explanation) -> str:
    watch = one.watch
    where = f"lines {one.first_line} to {one.last_line}, " if one.number > 1 else ""
    lines = _count(one.last_line - one.first_line + 1, "line")
    told = f"{where}{lines}, {_count(watch.heartbeats, 'heartbeat')}"
    boot = watch.boot
    image = f" ({words.short(boot.text('image'), 20)} image)" if boot and boot.text("image") else ""
    build = watch.build or _build_of(watch.crash, "")
    told += f", build {_brief(build) or 'unknown'}{image}"
    begin = watch.crash.begin
    if begin is not None and begin.text("up_ms"):
        told += f", {begin.number('up_ms') / 1000:.3f} s after its boot"
    return told


def _usable(symbols: Symbols, build: str) -> Symbols:
    """The symbols, unless they are known to be of another build: names of that would lie."""
    known = build not in ("", "?") and symbols.build_id != ""
    return Symbols(None) if known and not symbols.build_id.startswith(build) else symbols


def _build_of(crash: CrashRecord, build: str) -> str:
    return (crash.begin.text("build") if crash.begin else "") or build


def _symbol_notes(symbols: Symbols, build: str) -> list[str]:
    """Whether the names and lines below are those of the image that crashed."""
    ours = symbols.build_id
    if symbols.image is not None and not ours:
        return ["MIND: the image has no build id: nothing proves that it is the one that crashed"]
    if not ours:
        return ["no image of this build is at hand: names are the board's own, without lines"]
    if not build or build == "?":
        return ["MIND: the log does not tell its build: the symbols may be those of another"]
    if not ours.startswith(build):
        told = f"the log is of {_brief(build)}, the image is {_brief(ours)}"
        return [f"MIND: THE IMAGE IS OF ANOTHER BUILD and is not used: {told}"]
    return []


def _notes(one: Explanation) -> list[str]:
    watch = one.watch
    notes = _damage(watch.damage)
    version = watch.boot.text("v", "1") if watch.boot else "1"
    if version != "1":
        notes.append(f"the console speaks version {words.short(version, 20)}, this reader knows 1")
    if watch.crash.alarming and watch.restarted:
        notes.append("the board restarted before it had told all")
    elif watch.restarted and one.plain and one.verdict and one.verdict.cause is Cause.RESET:
        notes.append("a log alone does not tell a restart from a power cycle by hand")
    elif one.plain and one.verdict is None and watch.heartbeats:
        heard = f"the last heartbeat is from {watch.up_ms / 1000:.3f} s"
        notes.append(f"{heard}: a log without times does not tell whether the board fell silent")
    warnings = Counter(watch.warnings)
    for text, count in list(warnings.items())[:WARNINGS_SHOWN]:
        notes.append(f"warning: {words.short(text)}" + (f" ({count} times)" if count > 1 else ""))
    if len(warnings) > WARNINGS_SHOWN:
        notes.append(f"… and {len(warnings) - WARNINGS_SHOWN} warnings more")
    return notes


def _damage(damage: Damage) -> list[str]:
    notes: list[str] = []
    if damage.wrong:
        notes.append(f"{_count(damage.wrong, 'frame')} with a wrong checksum")
    if damage.torn:
        notes.append(_count(damage.torn, "torn frame"))
    if not notes:
        return []
    names = {
        kind: "unreadable" if kind == "?" else words.short(kind, 40) for kind, _ in damage.kinds
    }
    kinds = ", ".join(f"{names[kind]} {n}" for kind, n in damage.kinds)
    return [f"{' and '.join(notes)} (claiming to be: {kinds})"]


def _brief(build: str) -> str:
    """Enough of a build id to know it by."""
    return words.short(build, 48)[:12]


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _crash(crash: CrashRecord, symbols: Symbols, *, full: bool) -> list[str]:
    lines = words.record_lines(crash)
    check = check_function(crash, symbols)
    if check and check != "confirmed":
        lines.append(f"  the function that the board names is {words.short(check)}")
    who = f" of {words.short(crash.thread, 60)}" if crash.thread else ""
    threads = words.thread_lines(crash, symbols)
    sections = [
        (f"traceback{who}", words.traceback_lines(crash, symbols)),
        *words.holder_tracebacks(crash, symbols),
        ("interrupted without end by", words.storm_lines(crash, symbols)),
        ("who waits for whom", words.wait_lines(crash)),
        ("locks", words.lock_lines(crash, symbols)),
        ("memory", words.memory_lines(crash)),
        ("threads", words.full_thread_lines(crash, symbols) if full else threads),
        ("last events", words.event_lines(crash)),
    ]
    for title, content in sections:
        if content:
            lines += ["", title, *content]
    return lines


@dataclass(frozen=True, slots=True)
class _Shows:
    """With what, and how much of it, a crash is shown."""

    symbols_of: SymbolSource
    full: bool


def _last_crash(
    whose: str, last: LastCrash, before: CrashRecord | None, show: _Shows, build: str
) -> list[str]:
    """The crash of an earlier boot that a later one found, unless it stands above already."""
    if last.told is None and not last.record.alarming:
        return []
    lines = ["", f"last crash: {whose}"]
    lines += [f"  {note}" for note in _last_notes(last)]
    record = last.record
    if not record.alarming:
        return lines
    if before is not None and before.begin is not None and before.begin == record.begin:
        if before.complete or not record.complete:
            return [*lines, "  it is the crash that is told above"]
        lines.append("  it is the crash that is told above, and here the record is whole")
    lines.append(f"  {words.short(crash_detail(record), HEADLINE_MAX)}")
    build = _build_of(record, build)
    symbols = show.symbols_of(build)
    lines += [f"  {note}" for note in _symbol_notes(symbols, build)]
    lines += [f"  why: {hint}" for hint in hints(record)]
    return lines + _crash(record, _usable(symbols, build), full=show.full)


def _last_notes(last: LastCrash) -> list[str]:
    told = last.told
    if told is None:
        return ["the frame that announces it is missing"]
    notes = []
    if told.text("v", "1") != "1":
        notes.append(f"it is of version {words.short(told.text('v'), 20)}, this reader knows 1")
    if told.number("cut"):
        notes.append("the board kept only the part that had room")
    missing = told.number("lines") - last.lines
    if missing > 0:
        notes.append(f"{missing} of its {told.number('lines')} lines are missing here")
    return notes
