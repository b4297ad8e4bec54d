"""The watch: a pure fold from events to a verdict.

Context   anywhere; no I/O, no clock, no log. Any saved run replays to the same verdict.
Rules     console truth outranks what the traffic saw: a failed transfer waits for the board's next
          word. A hang is never told from silence alone: the console is probed, then the emulator is
          asked. Time is observed time: a starved host ages nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from rig.console import crash as crashes
from rig.console import events as ev
from rig.console import grammar
from rig.console.crash import NO_CRASH, CrashRecord
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
    """

    ready: float = 20.0
    heartbeat_silence: float = 2.4
    probe_answer: float = 1.0
    crash_record: float = 2.0
    symptom_grace: float = 0.5
    stopped_wall: float = 5.0
    starved_wall: float = 60.0


class Wants(Enum):
    """What the watch needs from the world to go on."""

    NOTHING = "nothing"
    PROBE = "probe"
    INSPECT = "inspect"


@dataclass(frozen=True, slots=True)
class Watch:
    """Times are points of observed time, None when the thing has not happened."""

    limits: Limits = Limits()
    at: float = 0.0
    observed: float = 0.0
    lines: int = 0
    bad_frames: int = 0
    warnings: tuple[str, ...] = ()
    build: str = ""
    ready: bool = False
    heartbeats: int = 0
    heard_at: float | None = None
    probed_at: float | None = None
    probe_answered: bool = False
    inspected: ev.Inspected | None = None
    crash: CrashRecord = NO_CRASH
    crash_heard_at: float = 0.0
    restarted: bool = False
    symptom: ev.Symptom | None = None
    symptom_at: float = 0.0
    ended_at: float | None = None
    stopped_wall: float = 0.0
    starved_wall: float = 0.0
    trouble: str = ""
    wants: Wants = Wants.NOTHING


def step(state: Watch, event: ev.Event) -> tuple[Watch, Verdict | None]:
    """One event in, the next state out, and the verdict once there is one."""
    state = _apply(replace(state, at=event.at), event)
    verdict = _judge(state)
    return replace(state, wants=Wants.NOTHING if verdict else _wants(state)), verdict


def _apply(state: Watch, event: ev.Event) -> Watch:
    match event:
        case ev.PowerOn():
            return Watch(limits=state.limits, at=event.at)
        case ev.Line(text=text):
            return _on_line(state, text)
        case ev.Tick():
            return _on_tick(state, event)
        case ev.Prompt():
            return replace(state, probe_answered=state.probed_at is not None)
        case ev.ProbeSent():
            return replace(state, probed_at=state.observed, probe_answered=False)
        case ev.Inspected():
            return replace(state, inspected=event)
        case ev.Symptom():
            first = state.symptom is None
            return replace(state, symptom=event, symptom_at=state.observed) if first else state
        case ev.TrafficEnded():
            return replace(state, ended_at=state.observed)
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
    parsed = grammar.parse(text)
    state = replace(state, lines=state.lines + 1)
    match parsed:
        case grammar.BadFrame():
            return replace(state, bad_frames=state.bad_frames + 1)
        case grammar.Frame():
            return _on_frame(state, parsed)
        case grammar.Text():
            return state
    return _on_crash_line(state, parsed)


def _on_crash_line(state: Watch, parsed: grammar.Parsed) -> Watch:
    if state.crash.complete:
        return state
    return replace(state, crash=crashes.add(state.crash, parsed), crash_heard_at=state.observed)


def _on_frame(state: Watch, frame: grammar.Frame) -> Watch:
    match frame.kind:
        case "boot":
            restarted = state.restarted or state.build != "" or state.ready
            return replace(state, build=frame.text("build") or "?", restarted=restarted)
        case "ready":
            return replace(state, ready=True, heard_at=state.observed)
        case "hb":
            return replace(
                state,
                heartbeats=state.heartbeats + 1,
                heard_at=state.observed,
                probed_at=None,
                probe_answered=False,
                inspected=None,
                starved_wall=0.0,
            )
        case "warn":
            text = f"{frame.text('what')}: {frame.text('text')}"
            return replace(state, warnings=(*state.warnings, text)[-100:])
        case kind if kind.startswith("crash-"):
            return _on_crash_line(state, frame)
        case _:
            return state


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
    if crash.complete or state.observed - state.crash_heard_at > state.limits.crash_record:
        return _crash_verdict(state)
    return None


def _crash_verdict(state: Watch) -> Verdict:
    crash = state.crash
    cause = {"fault": Cause.FAULT, "deadlock": Cause.DEADLOCK, "hang": Cause.HANG}.get(
        crash.kind, Cause.PANIC
    )
    where = f" in {crash.function}" if crash.function else ""
    thread = f" (thread {crash.thread})" if crash.thread else ""
    parts = [f"{cause.value}{where}{thread}: {crash.reason}"]
    ring = crashes.find_cycle(crashes.wait_for_graph(crash))
    if ring:
        parts.append(crashes.describe_cycle(ring))
    if not crash.complete:
        parts.append("the crash record is incomplete")
    return failed(cause, state.at, "; ".join(parts), crash.function)


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
    if state.restarted:
        return failed(Cause.RESET, state.at, "the board restarted by itself")
    return None


def _judge_traffic(state: Watch) -> Verdict | None:
    """The board must be heard after the fact: a heartbeat says that nothing worse happened."""
    if state.heard_at is None or state.crash.alarming:
        return None
    if state.symptom is not None:
        due = state.symptom_at + state.limits.symptom_grace
        if state.observed >= due and state.heard_at > state.symptom_at:
            return failed(state.symptom.cause, state.at, state.symptom.detail)
        return None
    if state.ended_at is not None and state.heard_at > state.ended_at:
        return passed(state.at)
    return None


def _wants(state: Watch) -> Wants:
    """What to ask of the world; only while silence is what there is to judge."""
    if state.crash.alarming or state.inspected is not None:
        return Wants.NOTHING
    limits = state.limits
    if not state.ready:
        return Wants.INSPECT if state.observed > limits.ready else Wants.NOTHING
    if state.observed - (state.heard_at or 0.0) <= limits.heartbeat_silence:
        return Wants.NOTHING
    if state.probed_at is None:
        return Wants.PROBE
    waited = state.observed - state.probed_at
    return Wants.INSPECT if waited > limits.probe_answer else Wants.NOTHING
