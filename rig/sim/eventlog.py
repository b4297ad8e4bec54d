"""What happens in a world, event by event, as lines.

Rules     looking changes nothing: a run with a log has the hash of the run without. One event is
          everything of one instant; of it come the frames first, then the counters that moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kyusim import Passage, World
from kyusim.world import Task
from rig.sim.decode import Decoder

_HEX_BYTES = 16


@dataclass(frozen=True, slots=True)
class Log:
    """Where the lines go. `show_bytes`: a dump below each frame. `keep` gets every frame that has
    arrived."""

    say: Callable[[str], None]
    show_bytes: bool = False
    keep: Callable[[Passage], None] | None = None


class EventLog:
    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log
        self._decoder = Decoder()
        self._noted: dict[str, Mapping[str, int]] = {}
        world.watch()

    def say(self, line: str, at_us: int | None = None) -> None:
        self._log.say(f"{self._world.now_us if at_us is None else at_us:>12} us  {line}")

    def advance(self, limit_us: int, task: Task | None) -> None:
        """Runs until `task` has ended or the clock shows `limit_us`."""
        while task is None or not task.done:
            next_us = self._world.next_event_us
            if next_us is None or next_us > limit_us:
                self._world.run_until(limit_us)
                return
            try:
                self._world.step()
            finally:  # a panic is the last thing that happened, not the only one
                self._frames()
                self._counters()

    def _frames(self) -> None:
        for passage in self._world.take_frames():
            # As a plan's fates call it: `a` towards the board, which is there first.
            name = "a" if passage.destination == self._world.boards[0].name else "b"
            marks = " LOST" * passage.lost + " SPOILED" * passage.spoiled
            self.say(
                f"{name}{passage.number:<5} {passage.source} -> {passage.destination}{marks},"
                f" {len(passage.frame)} bytes: {self._decoder.line(passage.frame)}",
                passage.at_us,
            )
            if self._log.show_bytes:
                for line in hex_lines(passage.frame):
                    self._log.say(line)
            if self._log.keep is not None and not passage.lost:
                self._log.keep(passage)

    def _counters(self) -> None:
        for host, counters in self._world.counters().items():
            before = self._noted.get(host, {})
            changes = [
                f"{name} {value - before.get(name, 0):+d}"
                for name, value in counters.items()
                if value != before.get(name, 0)
            ]
            self._noted[host] = counters
            if changes:
                self.say(f"{host}: {', '.join(changes)}")


def hex_lines(data: bytes) -> Iterator[str]:
    """As hexdump -C, without the text."""
    for at in range(0, len(data), _HEX_BYTES):
        yield f"{'':>17}{at:04x}  {data[at : at + _HEX_BYTES].hex(' ')}"
