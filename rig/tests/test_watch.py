"""Stories for the watch: what happens, and what it must say."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from rig.console import events as ev
from rig.console.grammar import make_frame
from rig.tests.fake import crash_lines
from rig.tests.records import Crash
from rig.verdict import Cause, Outcome, Verdict
from rig.watch import Wants, Watch, step

BOOT = make_frame("boot", v=1, build="abc123", image="release", cpu_hz_timer=1)
READY = make_frame("ready", services="wangdoodle:114", up_ms=10)


class Story:
    """Tells the watch what happens; time passes in ticks of a tenth of a second."""

    def __init__(self, *, ready: bool = True) -> None:
        self.state = Watch()
        self.verdict: Verdict | None = None
        self.at = 0.0
        self.beats = 0
        if ready:
            self.says(BOOT, READY)

    def tell(self, event: ev.Event) -> None:
        if not self.decided():
            self.state, self.verdict = step(self.state, event)

    def decided(self) -> bool:
        return self.verdict is not None

    def says(self, *lines: str) -> Story:
        for line in lines:
            self.tell(ev.Line(self.at, line))
        return self

    def beat(self) -> Story:
        self.beats += 1
        return self.says(make_frame("hb", seq=self.beats, up_ms=self.beats * 1000))

    def passes(
        self, seconds: float, observed: float | None = None, *, stopped: bool = False
    ) -> Story:
        """`observed` of these seconds the board could be seen running (default: all)."""
        share = 1.0 if observed is None else observed / seconds
        for _ in range(round(seconds * 10)):
            self.at += 0.1
            self.tell(ev.Tick(self.at, 0.1, 0.1 * share, stopped))
        return self

    def passes_until(self, wants: Wants) -> Story:
        while self.state.wants is not wants and self.at < 60:
            self.passes(0.1)
        return self

    def goes_on(self, seconds: int) -> Story:
        for _ in range(seconds):
            self.passes(1.0).beat()
        return self

    def symptom(self, cause: Cause) -> Story:
        self.tell(ev.Symptom(self.at, cause, f"transfer 7: {cause.value}"))
        return self

    @property
    def cause(self) -> Cause | None:
        assert self.verdict is not None, "there must be a verdict by now"
        return self.verdict.cause


def test_a_board_that_beats_raises_no_alarm() -> None:
    assert Story().goes_on(60).verdict is None


def test_a_panic_names_its_function() -> None:
    story = Story().goes_on(2).says(*crash_lines())
    assert story.cause is Cause.PANIC
    assert story.verdict is not None
    assert story.verdict.function == "m_copym"
    assert "m_copym 3" in story.verdict.detail


def test_a_record_that_stops_in_the_middle_is_still_a_panic() -> None:
    story = Story().says(*crash_lines()[:7])
    assert not story.decided(), "the rest may be under way"
    assert story.passes(2.5).cause is Cause.PANIC


def test_a_traceback_asked_for_at_the_shell_is_no_alarm() -> None:
    story = Story().says(*crash_lines()[:4]).goes_on(5)
    assert not story.decided()


def test_silence_alone_is_no_hang_but_brings_a_probe() -> None:
    story = Story().beat().passes(3.3)
    assert not story.decided()
    assert story.state.wants is Wants.PROBE


def test_an_unanswered_probe_is_a_hang_once_the_processor_was_looked_at() -> None:
    story = Story().beat().passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.passes(2.3)
    assert not story.decided()
    assert story.state.wants is Wants.INSPECT
    story.tell(ev.Inspected(story.at, "processor in spin at 40001234", function="spin"))
    assert story.cause is Cause.HANG
    assert story.verdict is not None
    assert "does not answer" in story.verdict.detail
    assert "spin at 40001234" in story.verdict.detail


def test_a_hang_says_which_thread_had_the_processor_and_who_waits_for_whom() -> None:
    story = Story().beat().passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.passes(2.3)
    found = ("a ring of waits: a waits for x, held by b", "y is held by c, which waits in sleep")
    story.tell(ev.Inspected(story.at, "processor in idle", thread="idle", findings=found))
    assert story.verdict is not None
    assert story.verdict.detail.endswith(f"processor in idle; thread idle; {'; '.join(found)}")


def test_a_silent_board_is_looked_at_within_four_seconds_of_its_last_beat() -> None:
    story = Story().beat().passes_until(Wants.PROBE)
    story.tell(ev.ProbeSent(story.at))
    assert story.passes_until(Wants.INSPECT).at < 4.0


def test_two_beats_that_are_missed_are_no_hang() -> None:
    story = Story().beat().passes(2.5)
    story.tell(ev.ProbeSent(story.at))
    story.passes(0.8)
    assert story.state.wants is Wants.NOTHING, "the third beat is late, but not too late"
    assert not story.beat().goes_on(5).decided()


def test_an_answered_probe_with_a_dead_heartbeat_is_a_hang_with_the_console_alive() -> None:
    story = Story().beat().passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.tell(ev.Prompt(story.at))
    story.passes(2.3)
    story.tell(ev.Inspected(story.at))
    assert story.cause is Cause.HANG
    assert story.verdict is not None
    assert "the console is alive" in story.verdict.detail


def test_a_heartbeat_that_comes_back_calls_the_suspicion_off() -> None:
    story = Story().beat().passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.passes(1.0).beat().goes_on(10)
    assert not story.decided()


def test_a_starved_host_ages_nobody() -> None:
    story = Story().beat().passes(30.0, observed=1.0).beat()
    assert not story.decided()


def test_a_host_that_starves_the_board_for_a_minute_is_inconclusive() -> None:
    story = Story().beat().passes(61.0, observed=0.5)
    assert story.cause is Cause.RIG


def test_a_stopped_emulator_is_the_rigs_own_trouble() -> None:
    story = Story().beat().passes(6.0, observed=0.0, stopped=True)
    assert story.cause is Cause.RIG


def test_a_failed_transfer_waits_for_the_boards_next_word() -> None:
    story = Story().beat().passes(0.4).symptom(Cause.CORRUPTION).passes(0.3)
    assert not story.decided()
    assert story.passes(0.4).beat().cause is Cause.CORRUPTION


def test_a_panic_outranks_what_the_traffic_saw() -> None:
    story = Story().beat().symptom(Cause.RESET).passes(0.3).says(*crash_lines())
    assert story.cause is Cause.PANIC


def test_a_stalled_transfer_on_a_silent_board_is_a_hang() -> None:
    story = Story().beat().symptom(Cause.STALL).passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.passes(2.3)
    story.tell(ev.Inspected(story.at))
    assert story.cause is Cause.HANG


def test_a_stalled_transfer_on_a_living_board_is_looked_at_and_then_a_stall() -> None:
    story = Story().beat().symptom(Cause.STALL).passes(0.7).beat()
    assert not story.decided()
    assert story.state.wants is Wants.LOOK
    story.tell(ev.Looked(story.at, "wang-0", "wait_for_no_post", "wang-0 waits for semaphore x"))
    assert story.cause is Cause.STALL
    assert story.verdict is not None
    assert story.verdict.function == "wait_for_no_post"
    assert "wang-0 waits for semaphore x" in story.verdict.detail


def test_a_stall_that_nobody_could_look_at_is_one_all_the_same() -> None:
    story = Story().beat().symptom(Cause.STALL).passes(0.7).beat()
    story.tell(ev.Looked(story.at))
    assert story.cause is Cause.STALL


def test_passing_needs_a_heartbeat_after_the_last_transfer() -> None:
    story = Story().beat()
    story.tell(ev.TrafficEnded(story.at))
    assert story.passes(0.5).verdict is None
    story.beat()
    assert story.verdict is not None
    assert story.verdict.outcome is Outcome.PASSED


def test_a_board_that_boots_twice_has_restarted_by_itself() -> None:
    assert Story().beat().says(BOOT).passes(1.2).cause is Cause.RESET


def test_a_board_that_never_gets_ready_hangs() -> None:
    story = Story(ready=False).says(BOOT).passes(20.3)
    assert story.state.wants is Wants.INSPECT
    story.tell(ev.Inspected(story.at))
    assert story.cause is Cause.HANG


def test_a_killed_emulator_blames_nobody() -> None:
    story = Story().beat().symptom(Cause.RESET)
    story.tell(ev.RigTrouble(story.at, "QEMU was killed by signal 9"))
    assert story.cause is Cause.RIG
    assert story.verdict is not None
    assert story.verdict.exit_status == 3


def test_a_board_that_said_why_it_died_has_died() -> None:
    story = Story().beat().says(*crash_lines()[:7])
    story.tell(ev.RigTrouble(story.at, "QEMU was killed by signal 9"))
    assert story.cause is Cause.PANIC


def test_a_monitor_that_does_not_answer_is_no_hang() -> None:
    story = Story().beat().passes(3.3)
    story.tell(ev.ProbeSent(story.at))
    story.tell(ev.Inspected(story.at, trouble="the emulator's monitor does not answer"))
    assert story.cause is Cause.RIG


def test_power_on_begins_anew() -> None:
    story = Story().beat().symptom(Cause.STALL)
    story.tell(ev.PowerOn(0.0))
    assert story.state == Watch()


LINES = st.sampled_from([BOOT, READY, *crash_lines(), make_frame("hb", seq=1), "hello", "@kyu x"])
EVENTS = st.one_of(
    st.builds(ev.Line, st.just(1.0), LINES),
    st.builds(ev.Prompt, st.just(1.0)),
    st.builds(ev.Tick, st.just(1.0), st.floats(0, 10), st.floats(0, 10), st.booleans()),
    st.builds(ev.ProbeSent, st.just(1.0)),
    st.builds(
        ev.Inspected, st.just(1.0), thread=st.just("net"), findings=st.just(("a waits for b",))
    ),
    st.builds(ev.Symptom, st.just(1.0), st.sampled_from(Cause), st.just("")),
    st.builds(ev.TrafficEnded, st.just(1.0)),
)


def fold(events: Iterable[ev.Event]) -> tuple[Watch, Verdict | None]:
    state, verdict = Watch(), None
    for event in events:
        if verdict is None:
            state, verdict = step(state, event)
    return state, verdict


@given(st.lists(EVENTS, max_size=40))
def test_any_history_replays_to_the_same_end(events: list[ev.Event]) -> None:
    saved = [ev.from_json(_dump(event)) for event in events]
    assert [event for event in saved if event is not None] == events
    assert fold(events) == fold(event for event in saved if event is not None)


def _dump(event: ev.Event) -> str:
    import json

    return json.dumps(ev.to_json(event))


def restarts(*found: str) -> tuple[str, ...]:
    """The lines of a boot that finds these behind its boot line."""
    return (BOOT, *found, READY)


def test_a_restart_is_named_after_the_crash_that_the_board_found() -> None:
    kept = Crash(kind="hang", reason="defect keeps interrupts off for 1000 ms").kept()
    story = Story().beat().says(*restarts(*kept))
    assert story.cause is Cause.HANG
    assert story.verdict is not None
    assert story.verdict.function == "planted_panic"
    assert (
        "defect keeps interrupts off for 1000 ms; found after its restart" in story.verdict.detail
    )
    assert story.state.telling_crash.reason == "defect keeps interrupts off for 1000 ms", (
        "for the evidence"
    )


def test_a_restart_waits_until_the_last_crash_is_told() -> None:
    kept = Crash().kept()
    story = Story().beat().says(BOOT, *kept[:20]).passes(0.8).says(*kept[20:30]).passes(0.8)
    assert not story.decided(), "a slow line is still telling"
    assert story.says(*kept[30:]).cause is Cause.PANIC


def test_a_last_crash_that_stops_half_way_still_names_the_restart() -> None:
    story = Story().beat().says(BOOT, *Crash().kept()[:20]).passes(1.5)
    assert story.cause is Cause.PANIC


def test_a_restart_that_found_nothing_is_a_reset() -> None:
    assert Story().beat().says(*restarts()).passes(1.5).cause is Cause.RESET


def test_a_crash_that_was_there_before_is_no_reason_of_a_restart() -> None:
    kept = Crash().kept()
    story = Story(ready=False).says(*restarts(*kept)).beat().says(*restarts(*kept))
    assert story.passes(1.5).cause is Cause.RESET
    assert not story.state.telling_crash.alarming


def test_the_last_crash_of_the_first_boot_is_no_alarm() -> None:
    story = Story(ready=False).says(*restarts(*Crash().kept())).goes_on(10)
    assert story.verdict is None
    assert story.state.last.record.complete
    assert not story.state.crash.alarming


def test_a_board_that_restarts_is_not_probed_while_it_tells_why() -> None:
    kept = Crash().kept()
    story = Story().beat().passes(2.9).says(BOOT, *kept[:20]).passes(0.8)
    assert story.state.wants is Wants.NOTHING


def test_a_panic_in_a_panic_keeps_both_reasons() -> None:
    story = Story().says("PANIC: second", "PANIC: while reporting: first").passes(2.5)
    assert story.verdict is not None
    assert "first; then, while reporting it: second" in story.verdict.detail
