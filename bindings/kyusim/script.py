"""Conversations with a clock: say this segment at 3 ms, expect that one at 4 ms.

    script = Script(world, board, port=7)
    script.at(0 * ms).send("S", mss=1460)
    script.at(0 * ms).expect("S.", ack=0, mss=1460)
    script.at(1 * ms).send(".")
    script.at(2 * ms).send("P.", data=b"hello")
    script.at(2 * ms).expect("P.", ack=5, data=b"hello")
    script.at(3 * ms).send("P.", seq=0, data=b"hello")      # again
    script.at(3 * ms).expect(".", ack=5)

Lines are carried out as they are written, and time never goes back: `at` counts from the moment the
script began. Flags are written as in packetdrill: S, F, R, P and `.` for ACK. `seq` and `ack` are
relative, as in kyusim.peer: byte 0 is the first one after the SYN.
"""

from __future__ import annotations

from dataclasses import dataclass

from kyusim.errors import Unexpected
from kyusim.peer import Connection, Heard, Peer
from kyusim.world import Board, World, ms, s, us

__all__ = ["Script", "ms", "s", "us"]

#: How far off its time an expected segment may come, unless the script says otherwise.
TOLERANCE_US = 1 * ms


class Script:
    """One TCP connection, line by line."""

    def __init__(
        self,
        world: World,
        board: Board,
        port: int,
        *,
        peer: Peer | None = None,
        tolerance_us: int = TOLERANCE_US,
    ) -> None:
        self.world = world
        self.tolerance_us = tolerance_us
        self.peer = peer or (world.peers[0] if world.peers else world.scripted_peer())
        if not world.wait_for(lambda: board.listens(port), 10 * s):
            raise Unexpected(f"{board.name} does not listen to port {port}")
        self.connection: Connection = self.peer.connection(board, port)
        self.start_us = world.now_us

    def at(self, time_us: int) -> Moment:
        """A moment of the script, counted from its beginning."""
        return Moment(self, time_us)

    @property
    def now_us(self) -> int:
        return self.world.now_us - self.start_us


@dataclass(frozen=True, slots=True)
class Moment:
    """What happens at one time of a script."""

    script: Script
    time_us: int

    def send(
        self,
        flags: str,
        *,
        data: bytes = b"",
        seq: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        mss: int | None = None,
        sack: tuple[tuple[int, int], ...] = (),
        checksum_ok: bool = True,
    ) -> None:
        """Says one segment. Without `ack` it acknowledges all that was heard in order."""
        script = self.script
        if script.now_us > self.time_us:
            raise Unexpected(f"at {self.time_us} us: it is {script.now_us} us already")
        script.world.run_until(script.start_us + self.time_us)
        line = script.connection
        if ack is None and "." in flags:
            line.acked = line.in_order()
        elif ack is not None:
            line.acked = ack
        line.say(
            flags,
            data,
            offset=seq,
            window=window,
            mss=mss,
            sack=sack,
            checksum_ok=checksum_ok,
        )

    def expect(
        self,
        flags: str,
        *,
        data: bytes | None = None,
        seq: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        mss: int | None = None,
        length: int | None = None,
    ) -> Heard:
        """The next segment comes at this time, within the tolerance, and is like this."""
        script = self.script
        latest = self.time_us + script.tolerance_us
        line = script.connection
        heard = line.expect(flags, ack=ack, payload=data, within_us=max(0, latest - script.now_us))
        came = heard.at_us - script.start_us
        wrong = {
            "time": (self.time_us, came, abs(came - self.time_us) <= script.tolerance_us),
            "seq": (seq, heard.offset, seq in (None, heard.offset)),
            "window": (window, heard.window, window in (None, heard.window)),
            "mss": (mss, heard.segment.mss, mss in (None, heard.segment.mss)),
            "length": (length, len(heard.payload), length in (None, len(heard.payload))),
        }
        for what, (wanted, got, right) in wrong.items():
            if not right:
                raise Unexpected(f"expected {what} {wanted}, heard {got}\n{line.trace()}")
        return heard

    def expect_nothing(self) -> None:
        """Nothing comes before this time."""
        self.script.connection.expect_silence(max(0, self.time_us - self.script.now_us))
