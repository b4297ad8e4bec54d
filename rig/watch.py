"""The watch: a pure fold from events to a verdict.

Context   anywhere; no I/O, no clock, no log. Any saved run replays to the same verdict.
Rules     console truth outranks what the traffic saw: a failed transfer waits for the board's next
          word. A hang is never told from silence alone: the console is probed, then the emulator is
          asked. Time is observed time: a starved host ages nobody.
          A board that restarts by itself may say why it had died: then that is the cause.
          The size of a state is bounded, whatever the board says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from rig import drift
from rig.console import crash as crashes
from rig.console import events as ev
from rig.console import grammar
from rig.console.crash import NO_CRASH, CrashRecord
from rig.console.resync import give_up, read
from rig.verdict import Cause, Verdict, failed, inconclusive, passed


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of observed time, unless the name says wall.

    A board beats every second. Two beats must be missing, the second of them by 0.4 s, before the
    console is probed, and a third, as late, before the silence is called a hang: a healthy board
    would have to be late three times in a row. With the look from outside (a second at most) the
    verdict so comes within 5 s of the last beat, hence of the hang. That the limits are not longer
    costs nobody a false alarm on a busy host: time that the host kept from the emulator or from the
    rig is not observed.

    `leak_beats`: buffers in use, though no socket is left that could hold them. FIN_WAIT_2 and
    LAST_ACK end within 60 s; a client whose reset the wire has lost is one that says nothing, and
    wangdoodle gives those up after 120 s: by `connections_gone` all have ended.
    """

    ready: float = 20.0
    heartbeat_silence: float = 2.4
    probe_answer: float = 1.0
    crash_record: float = 2.0
    last_crash: float = 1.0
    symptom_grace: float = 0.5
    leak_beats: int = 3
    connections_gone: float = 135.0
    stopped_wall: float = 5.0
    starved_wall: float = 60.0


class Wants(Enum):
    """What the watch needs from the world to go on."""

    NOTHING = "nothing"
    PROBE = "probe"
    INSPECT = "inspect"
    LOOK = "look"


WARNINGS_MAX = 100
WARNING_CHARS_MAX = 300
DAMAGED_KINDS_MAX = 24


@dataclass(frozen=True, slots=True)
class Damage:
    """Frames that could not be believed, and the kinds that they claim to be."""

    wrong: int = 0
    torn: int = 0
    kinds: tuple[tuple[str, int], ...] = ()

    def add(self, frame: grammar.BadFrame) -> Damage:
        counts = dict(self.kinds)
        known = frame.claims in counts or len(counts) < DAMAGED_KINDS_MAX
        claims = frame.claims if known else "?"
        counts[claims] = counts.get(claims, 0) + 1
        return Damage(self.wrong + (not frame.torn), self.torn + frame.torn, tuple(counts.items()))


@dataclass(frozen=True, slots=True)
class LastCrash:
    """The crash of an earlier boot, as this boot found and repeats it.

    `told`: the frame that announces it. `lines`: how many of its lines have come.
    """

    told: grammar.Frame | None = None
    record: CrashRecord = NO_CRASH
    lines: int = 0
    heard_at: float = 0.0

    @property
    def whole(self) -> bool:
        """Nothing more of it will come."""
        return self.told is not None and self.lines >= self.told.number("lines")


NO_LAST_CRASH = LastCrash()


@dataclass(frozen=True, slots=True)
class Watch:
    """Times are points of observed time, None when the thing has not happened."""

    limits: Limits = Limits()
    at: float = 0.0
    observed: float = 0.0
    lines: int = 0
    understood: bool = False
    damage: Damage = Damage()
    torn: str = ""
    warnings: tuple[str, ...] = ()
    build: str = ""
    boot: grammar.Frame | None = None
    up_ms: int = 0
    ready: bool = False
    heartbeats: int = 0
    beat: drift.Sample | None = None
    floor: drift.Sample | None = None
    idle_beats: int = 0
    heard_at: float | None = None
    probed_at: float | None = None
    probe_answered: bool = False
    inspected: ev.Inspected | None = None
    crash: CrashRecord = NO_CRASH
    crash_heard_at: float = 0.0
    restarted: bool = False
    restarted_at: float = 0.0
    last: LastCrash = NO_LAST_CRASH
    last_before: LastCrash = NO_LAST_CRASH
    symptom: ev.Symptom | None = None
    symptom_at: float = 0.0
    looked: ev.Looked | None = None
    ended_at: float | None = None
    stopped_wall: float = 0.0
    starved_wall: float = 0.0
    trouble: str = ""
    wants: Wants = Wants.NOTHING

    @property
    def bad_frames(self) -> int:
        return self.damage.wrong + self.damage.torn

    @property
    def telling_crash(self) -> CrashRecord:
        """The crash that explains the verdict: its own, or the one that its restart found."""
        news = self.restarted and self.last.record != self.last_before.record
        return self.last.record if news and not self.crash.alarming else self.crash


def step(state: Watch, event: ev.Event) -> tuple[Watch, Verdict | None]:
    """One event in, the next state out, and the verdict once there is one."""
    if event.at != state.at:
        state = replace(state, at=event.at)
    state = _apply(state, event)
    verdict = _judge(state)
    wants = Wants.NOTHING if verdict else _wants(state)
    return (state if wants is state.wants else replace(state, wants=wants)), verdict


def _apply(state: Watch, event: ev.Event) -> Watch:
    match event:
        case ev.PowerOn():
            return Watch(limits=state.limits, at=event.at)
        case ev.Line(text=text):
            return _on_line(state, text)
        case ev.Tick():
            return _on_tick(state, event)
        case ev.Prompt():
            return replace(close_lines(state), probe_answered=state.probed_at is not None)
        case ev.ProbeSent():
            return replace(state, probed_at=state.observed, probe_answered=False)
        case ev.Inspected():
            return replace(state, inspected=event)
        case ev.Looked():
            return replace(state, looked=event)
        case ev.Symptom():
            first = state.symptom is None
            return replace(state, symptom=event, symptom_at=state.observed) if first else state
        case ev.TrafficEnded():
            return replace(state, ended_at=state.observed)
        case ev.RigNote():
            return state
        case ev.RigTrouble(detail=detail):
            return replace(state, trouble=state.trouble or detail)


def _on_tick(state: Watch, tick: ev.Tick) -> Watch:
    return replace(
        state,
        observed=state.observed + tick.observed,
        stopped_wall=state.stopped_wall + tick.wall if tick.stopped else 0.0,
        starved_wall=state.starved_wall + max(0.0, tick.wall - tick.observed),
    )


def _on_line(state: Watch, text: str) -> Watch:
    said, torn = read(text, state.torn)
    understood = state.understood or any(grammar.understood(one) for one in said)
    state = replace(state, lines=state.lines + 1, understood=understood, torn=torn)
    for parsed in said:
        state = _on_parsed(state, parsed)
    return state


def close_lines(state: Watch) -> Watch:
    """No more lines will come: what is left of the last one is all there is of it."""
    if not state.torn:
        return state
    for parsed in give_up(state.torn):
        state = _on_parsed(state, parsed)
    return replace(state, torn="")


def _on_parsed(state: Watch, parsed: grammar.Parsed) -> Watch:
    match parsed:
        case grammar.Text():
            return state
        case grammar.BadFrame():
            return replace(state, damage=state.damage.add(parsed))
        case grammar.Frame():
            return _on_frame(state, parsed)
        case grammar.Earlier(line):
            return _on_earlier(state, line)
    return _on_crash_line(state, parsed)


def _on_earlier(state: Watch, line: grammar.Spoken) -> Watch:
    if isinstance(line, grammar.BadFrame):
        state = replace(state, damage=state.damage.add(line))
    last = state.last
    last = replace(
        last,
        lines=last.lines + 1,
        record=last.record if last.record.complete else crashes.add(last.record, line),
        heard_at=state.observed,
    )
    return replace(state, last=last)


def _on_crash_line(state: Watch, parsed: grammar.Spoken) -> Watch:
    if state.crash.complete or state.restarted:  # a crash of the next boot is not of this one
        return state
    return replace(state, crash=crashes.add(state.crash, parsed), crash_heard_at=state.observed)


def begins_boot(state: Watch, frame: grammar.Frame) -> bool:
    """The board began anew: it says so, or says again what it says once, or its time ran back."""
    match frame.kind:
        case "boot":
            return state.boot is not None or state.ready
        case "ready":
            return state.ready
        case "hb":
            return frame.number("up_ms", state.up_ms) < state.up_ms
    return False


def _on_frame(state: Watch, frame: grammar.Frame) -> Watch:
    if begins_boot(state, frame) and not state.restarted:
        state = replace(
            state,
            restarted=True,
            restarted_at=state.observed,
            last=NO_LAST_CRASH,
            last_before=state.last,
        )
    match frame.kind:
        case "hb" if not state.restarted:
            state = _on_beat(state, drift.sample(state.at, frame))
    match frame.kind:
        case "boot" if state.restarted:
            return state  # the next boot's: this one has told all of itself
        case "boot":
            return replace(state, build=frame.text("build") or "?", boot=frame)
        case "ready":
            up_ms = frame.number("up_ms")
            return replace(state, ready=True, heard_at=state.observed, up_ms=up_ms)
        case "hb":
            return replace(
                state,
                heartbeats=state.heartbeats + (not state.restarted),
                heard_at=state.observed,
                up_ms=frame.number("up_ms"),
                probed_at=None,
                probe_answered=False,
                inspected=None,
                starved_wall=0.0,
            )
        case "warn":
            text = f"{frame.text('what')}: {frame.text('text')}"[:WARNING_CHARS_MAX]
            return replace(state, warnings=(*state.warnings, text)[-WARNINGS_MAX:])
        case "last-crash":
            return replace(state, last=LastCrash(told=frame, heard_at=state.observed))
        case kind if kind.startswith("crash-"):
            return _on_crash_line(state, frame)
        case _:
            return state


def _on_beat(state: Watch, beat: drift.Sample | None) -> Watch:
    """What the pools hold; and for how long without a socket that could need it."""
    if beat is None:
        return state
    floor = drift.floor(state.floor, beat)
    held = state.ended_at is not None and "sockets" not in drift.leftovers(floor, beat)
    return replace(state, beat=beat, floor=floor, idle_beats=state.idle_beats + 1 if held else 0)


def _judge(state: Watch) -> Verdict | None:
    """First the rig itself, then what the board said, then its silence, then the traffic."""
    return (
        _judge_rig(state)
        or _judge_crash(state)
        or _judge_silence(state)
        or _judge_restart(state)
        or _judge_traffic(state)
    )


def _judge_rig(state: Watch) -> Verdict | None:
    if state.crash.alarming:
        # A board that said why it died has died, whatever became of the emulator afterwards.
        return _crash_verdict(state) if state.trouble else None
    if state.trouble:
        return inconclusive(state.at, state.trouble)
    if state.stopped_wall > state.limits.stopped_wall:
        return inconclusive(state.at, "the emulator is stopped (by a signal or a debugger)")
    if state.starved_wall > state.limits.starved_wall:
        return inconclusive(
            state.at, f"the host gave the emulator no time for {state.starved_wall:.0f} s"
        )
    return None


def _judge_crash(state: Watch) -> Verdict | None:
    crash = state.crash
    if not crash.alarming:
        return None
    waited = state.observed - state.crash_heard_at
    # A panic while one was reported has said both reasons, and stopped: no more will come.
    ended = crash.complete or (crash.nested and crash.recorded)
    if ended or state.restarted or waited > state.limits.crash_record:
        return _crash_verdict(state)
    return None


def _crash_verdict(state: Watch) -> Verdict:
    crash = state.crash
    parts = [crash_detail(crash)]
    if not crash.complete:
        parts.append("the crash record is incomplete")
    return failed(crash_cause(crash), state.at, "; ".join(parts), crash.function)


def crash_cause(crash: CrashRecord) -> Cause:
    """What the board itself says it died of."""
    causes = {"fault": Cause.FAULT, "deadlock": Cause.DEADLOCK, "hang": Cause.HANG}
    return causes.get(crash.kind, Cause.PANIC)


def crash_detail(crash: CrashRecord) -> str:
    where = f" in {crash.function}" if crash.function else ""
    thread = f" (thread {crash.thread})" if crash.thread else ""
    told = f"{crash_cause(crash).value}{where}{thread}: {crash.reason}"
    ring = crashes.find_cycle(crashes.wait_for_graph(crash))
    if grammar.waits_told(crash.reason):
        return told  # the reason is the ring
    return f"{told}; {crashes.describe_cycle(ring)}" if ring else told


def _judge_silence(state: Watch) -> Verdict | None:
    if state.crash.alarming or state.inspected is None:
        return None
    seen = state.inspected
    if seen.trouble:
        return inconclusive(state.at, seen.trouble)
    where = f"; {seen.where}" if seen.where else ""
    where += f"; thread {seen.thread}" if seen.thread else ""
    where += "".join(f"; {finding}" for finding in seen.findings)
    if not state.ready:
        what = f"not ready within {state.limits.ready:g} s"
    else:
        heard = state.observed - (state.heard_at or 0.0)
        probe = "the console is alive" if state.probe_answered else "the console does not answer"
        what = f"no heartbeat for {heard:.1f} s, {probe}"
    return failed(Cause.HANG, state.at, f"{what}{where}", seen.function)


def _judge_restart(state: Watch) -> Verdict | None:
    """The cause is what the board found of its last crash; without one all we know is the reset.

    What it had found at the boot before already is no news, and no reason of this restart.
    """
    last = state.last
    if not state.restarted:
        return None
    since = max(state.restarted_at, last.heard_at)
    if not last.whole and state.observed - since <= state.limits.last_crash:
        return None
    found = last.record
    if not found.alarming or found == state.last_before.record:
        return failed(Cause.RESET, state.at, "the board restarted by itself")
    detail = f"{crash_detail(found)}; found after its restart"
    return failed(crash_cause(found), state.at, detail, found.function)


def _judge_traffic(state: Watch) -> Verdict | None:
    """The board must be heard after the fact: a heartbeat says that nothing worse happened."""
    if state.heard_at is None or state.crash.alarming or state.restarted:
        return None
    if state.symptom is not None:
        if not _symptom_stands(state) or _wants_look(state):
            return None
        told = state.symptom.detail
        looked = state.looked
        if looked is None or not looked.detail:
            return failed(state.symptom.cause, state.at, told)
        detail = f"{told}; {looked.detail}"
        return failed(state.symptom.cause, state.at, detail, looked.function)
    if state.ended_at is not None and state.heard_at > state.ended_at:
        return _judge_leftovers(state, state.observed - state.ended_at)
    return None


def _judge_leftovers(state: Watch, waited: float) -> Verdict | None:
    """All is well when the pools are as they were; connections may take their time to end."""
    if state.floor is None or state.beat is None:
        return passed(state.at)
    left = drift.leftovers(state.floor, state.beat)
    if not left:
        return passed(state.at)
    if state.idle_beats < state.limits.leak_beats and waited < state.limits.connections_gone:
        return None
    detail = f"after the traffic {drift.told(left)} than before it"
    return failed(Cause.LEAK, state.at, detail)


def _symptom_stands(state: Watch) -> bool:
    """The board was heard after it, and told nothing worse."""
    due = state.symptom_at + state.limits.symptom_grace
    heard = state.heard_at is not None and state.heard_at > state.symptom_at
    return state.symptom is not None and state.observed >= due and heard


def _wants_look(state: Watch) -> bool:
    """Somebody on the board waits for what does not come: its memory says who, and for what."""
    stalls = state.symptom is not None and state.symptom.cause is Cause.STALL
    return stalls and state.looked is None and _symptom_stands(state)


def _wants(state: Watch) -> Wants:
    """What to ask of the world; only while silence, or a stall, is what there is to judge."""
    if state.crash.alarming or state.restarted or state.inspected is not None:
        return Wants.NOTHING
    if _wants_look(state):
        return Wants.LOOK
    limits = state.limits
    if not state.ready:
        return Wants.INSPECT if state.observed > limits.ready else Wants.NOTHING
    if state.observed - (state.heard_at or 0.0) <= limits.heartbeat_silence:
        return Wants.NOTHING
    if state.probed_at is None:
        return Wants.PROBE
    waited = state.observed - state.probed_at
    return Wants.INSPECT if waited > limits.probe_answer else Wants.NOTHING
