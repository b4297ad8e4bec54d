"""How a board ages during a run: its heartbeats gathered, and judged when the traffic is over.

Context   the thread that drives the board.
Rules     what is found is a symptom, fed to the watch: a saved run comes to the same verdict.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from rig.campaign.session import Session
from rig.console import events as ev
from rig.drift import Alarm, Course, Sample, alarms
from rig.report.summary import Tally
from rig.verdict import Cause


class Ageing:
    """Of one boot."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._course = Course()
        self._beats = 0
        self._timed = 0

    @property
    def samples(self) -> list[Sample]:
        return self._course.samples

    def look(self, tally: Tally) -> None:
        """After each pump: a new heartbeat is a new sample."""
        watch = self._session.watch
        if watch.heartbeats == self._beats or watch.beat is None:
            return
        self._beats = watch.heartbeats
        times = tally.times.last(tally.times.count - self._timed)
        self._timed = tally.times.count
        self._course.add(replace(watch.beat, ms=median(times) if times else 0.0))

    def alarms(self) -> list[Alarm]:
        return alarms(self.samples)

    def tell(self) -> None:
        """The traffic is over: a pool that grew all the time is the board's failure."""
        grown = [one.told for one in self.alarms() if one.fails]
        if grown:
            now = self._session.clock.now()
            self._session.feed(ev.Symptom(now, Cause.DRIFT, "; ".join(grown)))
