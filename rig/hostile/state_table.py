"""Plays the state table in the simulator: brings a connection into a state, sends one segment, and
tells what came of it in the words of the golden file.

Rules     nothing here knows what is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kyusim.world import Task
from rig.hostile import rfc9293 as rfc
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MODULUS, MS, Conn, parse_tcp

GOLDEN = Path(__file__).parent / "state_table.txt"
PORT = 2000


@dataclass(slots=True)
class Reached:
    """A connection in a state, and the user that has it."""

    conn: Conn
    task: Task | None = None
    opens: int = 0  # the step that waits for the connection
    reads: int = 0  # the step that waits for the end of data


def reach(stage: SimStage, state: str) -> Reached:
    """Each state by the shortest way that RFC 9293 figure 5 has to it."""
    if state == rfc.CLOSED:
        return Reached(Conn(stage, 4000, stage.fresh_port()))
    if state in (rfc.LISTEN, rfc.SYN_RECEIVED):
        task = stage.accepting(PORT, ("recv_all",), ("sleep", 100 * MS))
        conn = Conn(stage, PORT, stage.fresh_port())
        if state == rfc.SYN_RECEIVED:
            stage.send(conn.segment("S"))
            conn.take(stage.hear(1 * MS))
            conn.seq += 1
        return Reached(conn, task, opens=1, reads=2)
    if state in (rfc.SYN_SENT, rfc.SYN_RECEIVED_ACTIVE):
        task, conn = stage.connecting(stage.fresh_port(), ("recv_all",), ("sleep", 100 * MS))
        if state == rfc.SYN_RECEIVED_ACTIVE:
            stage.send(conn.segment("S"))
            conn.take(stage.hear(1 * MS))
            conn.seq += 1
        return Reached(conn, task, opens=0, reads=1)
    return _established(stage, state)


def _established(stage: SimStage, state: str) -> Reached:
    closes_first = state in (rfc.FIN_WAIT_1, rfc.FIN_WAIT_2, rfc.CLOSING, rfc.TIME_WAIT)
    if state == rfc.CLOSE_WAIT:  # the user hears of a reset only when it does something
        task = stage.accepting(PORT, ("recv_all",), ("sleep", 100 * MS), ("send", b"!"))
    elif state == rfc.LAST_ACK:
        task = stage.accepting(PORT, ("recv_all",), ("shutdown",), ("sleep", 100 * MS))
    elif closes_first:
        task = stage.accepting(PORT, ("shutdown",), ("recv_all",), ("sleep", 100 * MS))
    else:
        task = stage.accepting(PORT, ("recv_all",), ("sleep", 100 * MS))
    conn = Conn(stage, PORT, stage.fresh_port()).open()
    conn.take(stage.hear(1 * MS))
    if state == rfc.FIN_WAIT_2:
        stage.send(conn.segment("A"))
    if state == rfc.TIME_WAIT:
        stage.send(conn.segment("FA"))
        conn.seq += 1
    if state == rfc.CLOSING:
        stage.send(conn.segment("FA", ack=-1))  # not of ours
        conn.seq += 1
    if state in (rfc.CLOSE_WAIT, rfc.LAST_ACK):
        stage.send(conn.segment("FA"))
        conn.seq += 1
    conn.take(stage.hear(1 * MS))
    reads = 3 if closes_first else 2
    if state in (rfc.CLOSING, rfc.TIME_WAIT, rfc.LAST_ACK):
        return Reached(conn, None)
    return Reached(conn, task, opens=-1, reads=-1 if state == rfc.CLOSE_WAIT else reads)


def state_of(stage: SimStage, reached: Reached) -> str:
    conn = reached.conn
    return stage.board.state(conn.port, stage.me.ip, conn.local_port)


def played(stage: SimStage, state: str, segment: rfc.Segment) -> str:
    """The row that the stack writes."""
    reached = reach(stage, state)
    conn, task = reached.conn, reached.task
    now = state_of(stage, reached)
    assert now == state.rstrip("*"), f"{now}, not {state}"
    before = task.step if task else 0
    stage.drop()
    stage.send(conn.segment(segment.bits))
    came = stage.hear(2 * MS)
    answer = " + ".join(_answer(conn, frame, segment) for frame in came) or rfc.SILENCE
    conn.take(came)
    after = state_of(stage, reached)
    if state == rfc.SYN_RECEIVED_ACTIVE and after == rfc.SYN_RECEIVED:
        after = state
    if after == rfc.LISTEN and state not in (rfc.LISTEN, rfc.SYN_RECEIVED):
        after = rfc.CLOSED  # its listener, if its user has one still, is not the connection
    user = rfc.NOTHING
    if task is not None:
        if state == rfc.CLOSE_WAIT:
            stage.run_for(200 * MS)
        user = _user(reached, task, before)
    clear(stage, reached)
    return f"{answer} | {after} | {user}"


def _user(reached: Reached, task: Task, before: int) -> str:
    if task.error:
        return task.error.split(": ")[1]
    opened = before <= reached.opens < task.step
    ended = before <= reached.reads < task.step
    if opened and ended:
        return rfc.OPEN_AND_END
    return rfc.OPEN if opened else rfc.END if ended else rfc.NOTHING


def _answer(conn: Conn, frame: bytes, segment: rfc.Segment) -> str:
    got = parse_tcp(frame)
    assert got is not None
    names = {"F": "FIN", "S": "SYN", "R": "RST", "P": "PSH", "A": "ACK", "U": "URG"}
    said = [names[letter] for letter in sorted(got.flags, key="SRFPAU".index)]
    seg_seq, seg_ack = conn.seq % MODULUS, conn.ack % MODULUS if segment.ack else None
    if "S" in got.flags:
        seq = "ISS"
    elif "R" in got.flags:
        seq = "SEG.ACK" if got.seq == seg_ack else str(got.seq)
    else:
        seq = "SND.NXT" if got.seq == conn.ack % MODULUS else str(got.seq)
    text = f"{' '.join(said)} seq={seq}"
    if "A" in got.flags:
        ahead = (got.ack - seg_seq) % MODULUS
        challenge = ahead == 0 and "R" not in got.flags
        text += f" ack={'RCV.NXT' if challenge else f'SEG.SEQ+{ahead}'}"
    return text


def clear(stage: SimStage, reached: Reached) -> None:
    """Whatever is left of it goes, and its user too."""
    conn = reached.conn
    conn.take(stage.hear(1 * MS))
    conn.abort()
    for _ in range(20):
        if not stage.board.listens(PORT):
            break
        other = Conn(stage, PORT, stage.fresh_port()).open()
        other.abort()
        stage.run_for(150 * MS)
    stage.run_for(150 * MS)
    stage.drop()
    stage.conns.clear()
