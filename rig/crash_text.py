"""A crash record in words: what a person reads at seven in the morning.

Rules     pure: a record and symbols in, lines out. Says what the record proves, and marks what it
          only suggests. The length of every part is bounded, whatever the record holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rig.console.crash import CrashRecord, Wait, find_cycle, missing_lines, wait_for_graph
from rig.console.grammar import Frame, bounded, is_waiting, sleep_told
from rig.console.symbols import Place, Symbols, same_function

TRACEBACK_MAX = 48
#: So many equal calls in a row are told as one.
ALIKE_MIN = 4
HOLDERS_MAX = 2
HOLDER_FRAMES_MAX = 12
GROUPS_MAX = 24
EVENTS_SHOWN = 12
#: A crash so long after the last event came out of a silence.
QUIET_MS = 100
CHAINS_MAX = 16
NAMES_MAX = 12
MISSING_MAX = 8
TEXT_MAX = 400
#: A pool of which so much was in use, a stack of which so little was left, is worth a line.
POOL_NEAR_PERCENT = 90
STACK_LEFT_PERCENT = 12


def short(text: str, limit: int = TEXT_MAX) -> str:
    """Printable, and no longer than a person wants to read."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"


# The traceback


def places(symbols: Symbols, crash: CrashRecord, index: int, pc: int) -> tuple[Place, ...]:
    """Exact is where a fault, a watchdog or a halt struck; all others are return addresses."""
    exact = index == 0 and (crash.kind in ("fault", "hang") or crash.halted)
    return symbols.chain(pc) if exact else symbols.call_chain(pc)


def traceback_lines(crash: CrashRecord, symbols: Symbols) -> list[str]:
    """Innermost first; what was inlined stands above the function that it is in."""
    lines: list[str] = []
    frames = crash.backtrace()
    numbered = enumerate(frames[:TRACEBACK_MAX])
    for (pc, name), run in groupby(numbered, key=lambda frame: frame[1]):
        alike = [number for number, _ in run]
        told = alike[:1] if len(alike) >= ALIKE_MIN else alike
        for index in told:
            lines += _chain_lines(index, pc, name, places(symbols, crash, index, pc))
        if len(alike) >= ALIKE_MIN:
            lines.append(f"  … to #{alike[-1]}: the same call, {len(alike)} times in a row")
    more = len(frames) - TRACEBACK_MAX + crash.traceback.calls_beyond
    if more > 0:
        lines.append(f"  … and {more} frames more")
    return lines


def holder_tracebacks(crash: CrashRecord, symbols: Symbols) -> list[tuple[str, list[str]]]:
    """(title, lines) of those that hold what others wait for: the other side of a deadlock."""
    held: dict[str, list[str]] = defaultdict(list)
    for wait in wait_for_graph(crash):
        if wait.owner not in ("-", crash.thread) and wait.lock not in held[wait.owner]:
            held[wait.owner].append(wait.lock)
    stacks = {name: group.frames for group in groups(crash) for name in group.names}
    found = []
    for owner, locks in list(held.items())[:HOLDERS_MAX]:
        lines: list[str] = []
        frames = [(n, f) for n, f in enumerate(stacks.get(owner, ())) if not _waits_in(f)]
        for n, frame in frames[:HOLDER_FRAMES_MAX]:
            pc = frame.number("pc")
            lines += _chain_lines(n, pc, frame.text("sym"), symbols.call_chain(pc))
        found.append((f"traceback of {short(owner, 60)}, which holds {', '.join(locks)}", lines))
    return found


def _waits_in(frame: Frame) -> bool:
    return is_waiting(frame.text("sym").rpartition("+")[0])


def _chain_lines(index: int, pc: int, name: str, chain: Sequence[Place]) -> list[str]:
    head = f"  #{index:<2} {pc:08x}  "
    if not chain:
        return [f"{head}{short(name, 120)}"]
    lines: list[str] = []
    for depth, place in enumerate(chain):
        outermost = depth == len(chain) - 1
        lines.append(_frame_line(head, place, inlined=not outermost, board=name))
        head = " " * len(head)
    return lines


def _frame_line(head: str, place: Place, *, inlined: bool, board: str) -> str:
    name = bare(place.function) or short(board, 120)
    if inlined:
        name += " (inlined)"
    source = f"  {place.file}:{place.line}" if place.file else ""
    line = f"{head}{name:<44}{source}".rstrip()
    said = board.rpartition("+")[0] or board
    names_another = place.function and not same_function(said, place.function)
    if not inlined and names_another and said not in ("", "?") and "lambda" not in said:
        line += f"  (the board says {short(said, 80)})"
    return line


def where_text(chain: Sequence[Place]) -> str:
    """The line in which it happened, and through which calls it was inlined to there."""
    if not chain or not chain[0].file:
        return ""
    told = f"{chain[0].file}:{chain[0].line}"
    for inner, outer in pairwise(chain):
        told += f", in {bare(inner.function)}, inlined at {outer.file}:{outer.line}"
    return told


def bare(function: str) -> str:
    """The name as a person would write it: without our own namespace and template arguments."""
    if function == "operator()":
        return "lambda"
    told, depth = "", 0
    for c in function.removeprefix("kyu::"):
        depth += (c == "<") - (c == ">" and depth > 0)
        if depth == 0 or (depth == 1 and c == "<"):
            told += c
    return short(told.replace("<>", "<…>"), 120)


# Who waits for whom


def waits_of(crash: CrashRecord) -> dict[str, str]:
    """What each thread waits for; one that was refused its sleep still runs, but wanted to."""
    waits = {t.text("name"): t.text("waits") for t in crash.of_kind("crash-thread")}
    asleep = sleep_told(crash.reason)
    return waits | {asleep[0]: asleep[1]} if asleep is not None else waits


def wait_lines(crash: CrashRecord) -> list[str]:
    """Each chain of waits from its beginning to what the last one waits for."""
    graph = wait_for_graph(crash)
    by_waiter = {w.waiter: w for w in graph}
    states = {t.text("name"): t for t in crash.of_kind("crash-thread")}
    waits = waits_of(crash)
    ring = find_cycle(graph)
    told: set[str] = {w.waiter for w in ring}
    lines = [f"  {_chain(ring, '')}, and so on in a ring"] if ring else []
    starts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    chains: dict[tuple[str, ...], list[Wait]] = {}
    owners = {w.owner for w in graph}
    for wait in graph:
        if wait.waiter in owners or wait.waiter in told:
            continue
        chain = _follow(wait, by_waiter)
        key = (wait.lock, *(w.waiter for w in chain[1:]), chain[-1].owner)
        starts[key].append(wait.waiter)
        chains[key] = chain
    for key, names in list(starts.items())[:CHAINS_MAX]:
        last = chains[key][-1].owner
        end = "" if last in told or last == "-" else _end_of(states.get(last), waits.get(last, ""))
        lines.append(f"  {_chain(chains[key], end, name_list(names), len(names))}")
    if len(starts) > CHAINS_MAX:
        lines.append(f"  … and {len(starts) - CHAINS_MAX} chains more")
    return [short(line, 2 * TEXT_MAX) for line in lines]


def _follow(wait: Wait, by_waiter: dict[str, Wait]) -> list[Wait]:
    chain, seen = [wait], {wait.waiter}
    while (after := by_waiter.get(chain[-1].owner)) is not None and after.waiter not in seen:
        chain.append(after)
        seen.add(after.waiter)
        if len(chain) >= CHAINS_MAX:
            break
    return chain


def _chain(chain: Sequence[Wait], end: str, first: str = "", count: int = 1) -> str:
    verb = "waits" if count == 1 else "wait"
    text = f"{first or chain[0].waiter} {verb} for {chain[0].lock}, {_held(chain[0])}"
    for wait in chain[1:]:
        text += f", which waits for {wait.lock}, {_held(wait)}"
    return text + end


def _held(wait: Wait) -> str:
    return "held by nobody" if wait.owner == "-" else f"held by {wait.owner}"


def _end_of(thread: Frame | None, waits: str) -> str:
    if thread is None:
        return ", of which the record says nothing"
    return f", which waits for {waits}" if waits else f", which is {thread.text('state')}"


def storm_lines(crash: CrashRecord, symbols: Symbols) -> list[str]:
    """The handler of an interrupt that comes without end, and where it begins."""
    if crash.storm is None:
        return []
    handler, entry = crash.storm
    return [f"  {short(handler, 120):<44}{symbols.exact_source(entry)}".rstrip()]


def lock_lines(crash: CrashRecord, symbols: Symbols) -> list[str]:
    """Each mutex that is held, by whom, and where it was taken."""
    held = [lock for lock in crash.of_kind("crash-lock") if lock.text("owner", "-") != "-"]
    lines = []
    for lock in held[:GROUPS_MAX]:
        name, owner = short(lock.text("name"), 60), short(lock.text("owner"), 60)
        place = short(lock.text("at") or lock.text("taken"), 120)
        taken = " ".join(filter(None, (place, symbols.source(lock.number("taken")))))
        lines.append(f"  mutex {name}: held by {owner}" + (f", taken at {taken}" if taken else ""))
    return lines


# Memory


def stack_of(thread: Frame) -> tuple[int, int]:
    low, _, high = thread.text("stack").partition("-")
    bounds = bounded(low, 16, -1), bounded(high, 16, -1)
    return bounds if min(bounds) >= 0 else (0, 0)


def memory_lines(crash: CrashRecord) -> list[str]:
    """Pools and stacks: what failed, what is near its limit, then the rest in a line."""
    lines: list[str] = []
    well: list[str] = []
    for pool in crash.of_kind("crash-pool")[:GROUPS_MAX]:
        used, total = pool.number("used"), pool.number("total")
        high, failed = pool.number("high"), pool.number("failed")
        name = short(pool.text("name"), 60)
        if failed or (total and max(high, used) * 100 >= total * POOL_NEAR_PERCENT):
            told = f"  pool {name}: {used} of {total} in use, at most {high}"
            lines.append(
                f"{told}; {failed} requests FAILED" if failed else f"{told}: near its limit"
            )
        else:
            well.append(f"{name} {used}/{total}")
    if well:
        lines.append(f"  pools with room: {', '.join(well)}")
    return [*_damage_lines(crash), *lines, *_stack_lines(crash)]


def _damage_lines(crash: CrashRecord) -> list[str]:
    """What a search through all pools found; the reason may tell one of these, too."""
    return [
        f"  DAMAGE: {short(found.text('text') or _damage(found))}"
        for found in crash.of_kind("crash-damage")[:GROUPS_MAX]
    ]


def _damage(found: Frame) -> str:
    told = f"pool {found.text('pool')}, object {found.text('object')}: {found.text('what')}"
    return f"{told} at {found.text('addr')}"


def _stack_lines(crash: CrashRecord) -> list[str]:
    tight: list[tuple[int, str]] = []
    least = ""
    least_left = 101.0
    for thread in crash.of_kind("crash-thread"):
        low, high = stack_of(thread)
        if not low < high:
            continue
        left = max(0, high - low - thread.number("used"))
        percent = 100 * left / (high - low)
        told = f"{short(thread.text('name'), 60)}: {left} of {high - low} bytes of stack never used"
        if percent < STACK_LEFT_PERCENT:
            tight.append((left, told if left else f"{told}: OVERFLOW"))
        if percent < least_left:
            least, least_left = told, percent
    if tight:
        return [f"  {told}" for _, told in sorted(tight)[:GROUPS_MAX]]
    return [f"  stacks have room; the tightest is {least}"] if least else []


# Threads


@dataclass(frozen=True, slots=True)
class Group:
    """Threads that do the same at the same place."""

    threads: tuple[Frame, ...]
    frames: tuple[Frame, ...]

    @property
    def first(self) -> Frame:
        return self.threads[0]

    @property
    def names(self) -> list[str]:
        return [t.text("name") for t in self.threads]

    @property
    def deepest(self) -> int:
        return max(t.number("used") for t in self.threads)


def groups(crash: CrashRecord) -> list[Group]:
    frames: dict[str, list[Frame]] = defaultdict(list)
    for frame in crash.of_kind("crash-frame"):
        frames[frame.text("thread")].append(frame)
    alike: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    stacks: dict[tuple[str, ...], list[Frame]] = {}
    for thread in crash.of_kind("crash-thread"):
        # A thread in the same place as an earlier one is printed without its frames.
        stack = frames[thread.text("like") or thread.text("id")]
        key = (thread.text("state"), thread.text("waits"), *(f.text("pc") for f in stack))
        alike[key].append(thread)
        stacks[key] = stack
    return [Group(tuple(threads), tuple(stacks[key])) for key, threads in alike.items()]


def thread_lines(crash: CrashRecord, symbols: Symbols) -> list[str]:
    """A line for each group: who, what it does, and in which function of the program."""
    lines = []
    found = sorted(groups(crash), key=lambda group: crash.thread not in group.names)
    for group in found[:GROUPS_MAX]:
        waits = short(group.first.text("waits"), 120)
        does = f"waits for {waits}" if waits else short(group.first.text("state"), 40)
        where = telling_frame(group.frames)
        if where is not None:
            source = symbols.source(where.number("pc"))
            does += f", in {short(where.text('sym').rpartition('+')[0], 80)}"
            does += f" {source}" if source else ""
        if len(group.threads) == 1:
            lines.append(f"  {short(group.first.text('name'), 60)}: {does}")
        else:
            names = name_list(group.names)
            lines.append(f"  {len(group.threads)} alike: {does}: {names}")
    if len(found) > GROUPS_MAX:
        lines.append(f"  … and {len(found) - GROUPS_MAX} groups of threads more")
    return lines


def telling_frame(frames: Iterable[Frame]) -> Frame | None:
    """The innermost function that is not the kernel's way of waiting."""
    return next((f for f in frames if not _waits_in(f) and f.text("sym")[:1] != "?"), None)


def full_thread_lines(crash: CrashRecord, symbols: Symbols) -> list[str]:
    """Every thread with all its frames. Those alike are told once, by all their names."""
    lines: list[str] = []
    for group in groups(crash):
        first = group.first
        names = ", ".join(short(name, 60) for name in group.names)
        waits = f" for {first.text('waits')}" if first.text("waits") else ""
        head = f"{names}: {first.text('state')}{waits}, stack used {group.deepest}"
        lines.append(short(head, 10 * TEXT_MAX))
        for frame in group.frames:
            find = symbols.exact_source if frame.text("exact") == "1" else symbols.source
            source = find(frame.number("pc"))
            told = f"    {frame.text('pc')}  {short(frame.text('sym'), 120):<40}  {source}"
            lines.append(told.rstrip())
        lines.append("")
    return lines


def name_list(names: Sequence[str]) -> str:
    """`wang-1 to wang-63, doney-0 to doney-7, blab-0`: runs of numbers told by their ends."""
    runs: list[list[str]] = []
    for name in names:
        name = short(name, 60)
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    told = [f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(r) for r in runs]
    more = f" and {len(told) - NAMES_MAX} more" if len(told) > NAMES_MAX else ""
    return ", ".join(told[:NAMES_MAX]) + more


def _follows(one: str, other: str) -> bool:
    stem = one.rstrip("0123456789")
    before, after = one[len(stem) :], other.removeprefix(stem)
    if not before or len(after) > 9 or not (after.isascii() and after.isdigit()):
        return False
    return other.startswith(stem) and int(after) == int(before) + 1


# Events


def event_lines(crash: CrashRecord) -> list[str]:
    """The newest, oldest first, in time before the last of them."""
    events = crash.of_kind("crash-event")
    if not events:
        return []
    names = crash.thread_names()
    last_us = events[-1].number("us")
    lines = [
        f"  {(event.number('us') - last_us) / 1000:10.3f} ms  {_event(event, names)}"
        for event in events[-EVENTS_SHOWN:]
    ]
    quiet_ms = (crash.begin.number("up_ms") if crash.begin else 0) - last_us // 1000
    if quiet_ms >= QUIET_MS and not crash.halted:
        lines.append(f"  {quiet_ms:10} ms  the crash: nothing was switched or woken meanwhile")
    return lines


def _event(event: Frame, names: dict[str, str]) -> str:
    what = short(event.text("what"), 40)
    first, second = (_thread(event.number(key), names) for key in ("a", "b"))
    match what:
        case "switch":
            return f"switch from {first} to {second}"
        case "wake":
            return f"{second} wakes {first}"
        case "timeout":
            return f"{first} wakes, its time is up"
    return f"{what} {event.text('a')} {event.text('b')}"


def _thread(number: int, names: dict[str, str]) -> str:
    return short(names.get(str(number), f"thread {number}"), 60)


# The record itself


def note_lines(crash: CrashRecord) -> list[str]:
    """What a look from outside could not read."""
    return [f"  {short(note.text('text'))}" for note in crash.of_kind("crash-note")[:GROUPS_MAX]]


def record_lines(crash: CrashRecord) -> list[str]:
    """Whether the record is whole, and what is missing of it."""
    lines: list[str] = []
    if not crash.recorded:
        return ["  there is no crash record, only what was printed for people"]
    if crash.strange_version:
        version = short(crash.strange_version, 20)
        lines.append(
            f"  the record is of version {version}, this reader knows 1: as far as it is understood"
        )
    got = len(crash.frames) + (crash.begin is not None)
    if crash.begin is None:
        lines.append("  the begin of the record is missing")
    if crash.end is None:
        lines.append(f"  the record is torn: it has no end, {got} lines of it are here")
    elif crash.lines_missing:
        total = crash.end.number("lines")
        lines.append(f"  the record is damaged: {got} of its {total} lines are here")
    else:
        lines.append(f"  the record is whole: {got} lines")
    if crash.beyond:
        lines.append(f"  {crash.beyond} lines more than a record may have were left out")
    missing = missing_lines(crash) if crash.end is None or crash.lines_missing else ()
    others = crash.lines_missing - sum(count for count, _ in missing)
    told = [which for _, which in missing[:MISSING_MAX]]
    if len(missing) > MISSING_MAX:
        told.append(f"{len(missing) - MISSING_MAX} gaps more")
    if others > 0:
        told.append(f"{others} of which nothing else tells")
    if told:
        lines.append(f"  missing: {short('; '.join(told))}")
    return lines
