"""RFC 9293 §3.10.7, SEGMENT ARRIVES, as rules: what one segment must bring about in each state.

This is a reading of the RFC and knows nothing of the stack. Each rule names the step of §3.10.7
that it is; where the stack is meant to do otherwise, the rule says so, with its source, and the
name of the departure stands behind the case in the golden file. docs/conformance.md justifies them.

The segment  has no text; SEG.SEQ is RCV.NXT (in SYN-SENT, LISTEN and CLOSED: any number),
             SEG.ACK is SND.NXT, so everything of ours is acknowledged, a FIN too. All that is left
             are its six flags: 64 segments.
Notation     as in the RFC: <SEQ=SND.NXT><ACK=SEG.SEQ+1><CTL=ACK> is written `ACK seq=SND.NXT
             ack=SEG.SEQ+1`; SEG.LEN is 1 for SYN and 1 for FIN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")  # bit 0 to 5

CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED = "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED"
ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 = "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"
CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT = "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"
#: SYN-RECEIVED that came of a simultaneous open: some rules ask how a connection began.
SYN_RECEIVED_ACTIVE = "SYN-RECEIVED*"

STATES = (CLOSED, LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT,
          CLOSING, LAST_ACK, TIME_WAIT)  # fmt: skip

# What the user sees.
NOTHING, OPEN, END, RESET, REFUSED = "nothing", "open", "end of data", "reset", "refused"
OPEN_AND_END = "open, end of data"

# What is sent.
SILENCE = "-"
CHALLENGE = "ACK seq=SND.NXT ack=RCV.NXT"


@dataclass(frozen=True, slots=True)
class Segment:
    """Six flags."""

    bits: int

    def __getattr__(self, name: str) -> bool:
        return bool(self.bits >> FLAGS.index(name.upper()) & 1)

    @property
    def length(self) -> int:
        return int(self.syn) + int(self.fin)

    def __str__(self) -> str:
        return " ".join(name for i, name in enumerate(FLAGS) if self.bits >> i & 1) or "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a segment brings about."""

    answer: str
    state: str
    user: str = NOTHING
    departure: str = ""  # from the RFC, on purpose

    def __str__(self) -> str:
        more = f" | {self.departure}" if self.departure else ""
        return f"{self.answer} | {self.state} | {self.user}{more}"


def expected(state: str, segment: Segment) -> Outcome:
    """The RFC's word on `segment` in `state`."""
    if state == CLOSED:
        return _in_closed(segment)
    if state == LISTEN:
        return _in_listen(segment)
    if state == SYN_SENT:
        return _in_syn_sent(segment)
    return _otherwise(state, segment)


def _reset_for(segment: Segment) -> str:
    """§3.5.2: a reset that its receiver can believe."""
    if segment.ack:
        return "RST seq=SEG.ACK"
    return f"RST ACK seq=0 ack=SEG.SEQ+{segment.length}"


# ---- §3.10.7.1 -----------------------------------------------------------------------------------


def _in_closed(segment: Segment) -> Outcome:
    # "An incoming segment containing a RST is discarded." All others are answered with a reset.
    return Outcome(SILENCE if segment.rst else _reset_for(segment), CLOSED)


# ---- §3.10.7.2 -----------------------------------------------------------------------------------


def _in_listen(segment: Segment) -> Outcome:
    if segment.rst:  # first: nothing can have been sent for it to answer
        return Outcome(SILENCE, LISTEN)
    if segment.ack:  # second: nothing was sent that it could acknowledge
        return Outcome(_reset_for(segment), LISTEN)
    if segment.syn:
        # third: RCV.NXT is SEG.SEQ+1. Other controls are processed in SYN-RECEIVED, where the
        # fifth step drops what has no ACK: a FIN on the SYN is not taken, and comes again.
        return Outcome("SYN ACK seq=ISS ack=SEG.SEQ+1", SYN_RECEIVED)
    return Outcome(SILENCE, LISTEN)  # fourth: not likely, dropped


# ---- §3.10.7.3 -----------------------------------------------------------------------------------


def _in_syn_sent(segment: Segment) -> Outcome:
    # first: SEG.ACK is ISS+1, which is acceptable.
    if segment.rst:  # second: believed only if it acknowledges our SYN
        if segment.ack:
            return Outcome(SILENCE, CLOSED, REFUSED)
        return Outcome(SILENCE, SYN_SENT)
    if not segment.syn:  # fifth
        return Outcome(SILENCE, SYN_SENT)
    if not segment.ack:  # fourth: simultaneous open; a FIN waits until ESTABLISHED: it comes again
        return Outcome("SYN ACK seq=ISS ack=SEG.SEQ+1", SYN_RECEIVED)
    if segment.fin:  # fourth, then on at the sixth step: the eighth takes the FIN
        return Outcome("ACK seq=SND.NXT ack=SEG.SEQ+2", CLOSE_WAIT, OPEN_AND_END)
    return Outcome("ACK seq=SND.NXT ack=SEG.SEQ+1", ESTABLISHED, OPEN)


# ---- §3.10.7.4 -----------------------------------------------------------------------------------

_SEEN_FIN = (CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT)


def _otherwise(state: str, segment: Segment) -> Outcome:
    # First, sequence number: SEG.SEQ is RCV.NXT and the window is open, so it is acceptable.
    if segment.rst:
        return _second(state)
    # Third, security: not ours.
    if segment.syn:
        return _fourth(state)
    if not segment.ack:  # fifth: "If the ACK bit is off, drop the segment and return."
        return Outcome(SILENCE, state)
    return _fifth(state, segment)


def _second(state: str) -> Outcome:
    """RST, exactly at RCV.NXT."""
    if state == SYN_RECEIVED:  # passive: "return this connection to the LISTEN state"
        return Outcome(SILENCE, LISTEN)
    if state == SYN_RECEIVED_ACTIVE:
        return Outcome(SILENCE, CLOSED, REFUSED)
    if state == TIME_WAIT:  # the RFC: CLOSED
        return Outcome(SILENCE, TIME_WAIT, departure="RFC 1337")
    if state in (CLOSING, LAST_ACK):
        return Outcome(SILENCE, CLOSED)
    return Outcome(SILENCE, CLOSED, RESET)


def _fourth(state: str) -> Outcome:
    """SYN."""
    if state == SYN_RECEIVED:  # passive: back to LISTEN, and nothing is said
        return Outcome(SILENCE, LISTEN)
    # RFC 5961 §4, now in RFC 9293: a challenge. TIME-WAIT MAY begin anew (RFC 1122 §4.2.2.13) with
    # a SYN beyond what was used; one at RCV.NXT is not beyond.
    return Outcome(CHALLENGE, state)


def _fifth(state: str, segment: Segment) -> Outcome:
    """ACK of everything of ours; then the eighth step, FIN."""
    if state in (SYN_RECEIVED, SYN_RECEIVED_ACTIVE):  # SND.UNA < SEG.ACK =< SND.NXT
        if segment.fin:
            return Outcome(_FIN_ACK, CLOSE_WAIT, OPEN_AND_END)
        return Outcome(SILENCE, ESTABLISHED, OPEN)
    if state == LAST_ACK:  # our FIN is acknowledged: deleted, and nothing is looked at any more
        return Outcome(SILENCE, CLOSED)
    after = {FIN_WAIT_1: FIN_WAIT_2, CLOSING: TIME_WAIT}.get(state, state)
    return _eighth(after, segment) if segment.fin else Outcome(SILENCE, after)


_FIN_ACK = "ACK seq=SND.NXT ack=SEG.SEQ+1"


def _eighth(state: str, segment: Segment) -> Outcome:
    """FIN; `state` is what the fifth step has made."""
    del segment
    if state in _SEEN_FIN:
        # "Remain", and an ACK for the FIN. The RFC advances RCV.NXT over each FIN; but the stream
        # has ended at the first one, and what stands above it is nothing (§3.6): not counted.
        return Outcome(CHALLENGE, state, departure="second FIN")
    after = {ESTABLISHED: CLOSE_WAIT, FIN_WAIT_2: TIME_WAIT}[state]
    return Outcome(_FIN_ACK, after, END)


# ---- The golden file -----------------------------------------------------------------------------


def cases() -> Iterator[tuple[str, Segment]]:
    """704, and 64 more for the other SYN-RECEIVED."""
    for state in (*STATES, SYN_RECEIVED_ACTIVE):
        for bits in range(64):
            yield state, Segment(bits)


HEAD = """\
# RFC 9293 section 3.10.7: 64 mixtures of flags in 11 states, and once more for SYN-RECEIVED* (of a
# simultaneous open). Written by rig/hostile/rfc9293.py, which knows the RFC and not the stack; what
# the segment is otherwise stands there too. Written anew by: python -m rig.hostile.rfc9293
# state        | flags                   | answer | next state | what the user sees | departure
"""


def golden() -> str:
    """The file, as it must be."""
    rows = (f"{s:13} | {segment!s:23} | {expected(s, segment)}" for s, segment in cases())
    return HEAD + "".join(f"{row}\n" for row in rows)


def main() -> None:
    from rig.hostile.state_table import GOLDEN

    GOLDEN.write_text(golden(), encoding="utf-8")


if __name__ == "__main__":
    main()
