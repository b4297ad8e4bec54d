"""Urgent data: cases 33 and 34."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kyusim.native import gen_stream
from rig.hostile.case import Case, Shot, Story
from rig.hostile.stage import MS, Conn, Stage, closing, established, texts

WANGDOODLE = 114
_COUNTER = "tcp_segments_received"


def _urgent(flags: str, data: bytes, pointer: int, _: Stage, conn: Conn) -> Sequence[bytes]:
    return [conn.segment(flags, data, urgent=pointer)]


def _in_line(stage: Stage) -> None:
    """Whatever the pointer says, the bytes are bytes of the stream, each once."""
    conn = established(stage, 7)
    sent = b""
    for pointer in (0, 1, 3, 4, 5, 6, 65535):
        for data in (b"urge", b"u"):
            stage.send(conn.segment("UPA", data, urgent=pointer))
            conn.seq += len(data)
            conn.take(stage.hear(10 * MS))
            stage.send(conn.segment("A"))
            sent += data
    assert bytes(conn.heard) == sent
    conn.abort()


CASE_33 = Case(
    33,
    "urgent pointers",
    "no underflow; the pointer is a hint, and ignored (RFC 6093)",
    (
        *(Shot(f"pointer {p} without data", partial(_urgent, "UA", b"", p), _COUNTER,
               at=established) for p in (0, 1, 2, 1460, 65535)),
        *(Shot(f"pointer {p} with a byte", partial(_urgent, "UPA", b"u", p), _COUNTER,
               ("tcp A ack+1",), at=established) for p in (0, 1, 2, 65535)),
        *(Shot(f"pointer {p} without URG", partial(_urgent, "PA", b"u", p), _COUNTER,
               ("tcp A ack+1",), at=established) for p in (1, 65535)),
    ),
    (Story("in line", _in_line),),
)  # fmt: skip


def _in_syn_ack(stage: Stage) -> None:
    task, conn = stage.connecting(stage.fresh_port())
    stage.send(conn.segment("SAU", urgent=7))
    conn.seq += 1
    assert texts(stage, stage.hear(5 * MS)) == ["tcp A"]
    conn.say("UPA", b"text", urgent=9)
    conn.say("FA")
    conn.say("A")
    stage.hear(50 * MS)
    assert (task.done, task.error, task.received) == (True, "", b"text")
    conn.take([])
    conn.say("A")


def _to_who_connects(stage: Stage) -> None:
    """Before our SYN: urgent data for a socket that has nobody yet."""
    task, conn = stage.connecting(stage.fresh_port())
    for flags in ("UA", "U", "UPA"):
        frame = conn.segment(flags, b"early", urgent=3, ack=0)
        stage.inject([frame], stage.often(50))
    stage.hear(5 * MS)
    assert not task.done, "nothing has happened"
    stage.send(conn.segment("RA"))
    stage.hear(5 * MS)
    assert task.error == "connect: refused"


def _after_fin(stage: Stage) -> None:
    port, user = stage.reading()
    conn = established(stage, port)
    conn.say("PA", b"all")
    conn.say("FA")
    stage.inject([conn.segment("UPA", b"more", urgent=p) for p in (0, 4, 65535)], stage.often(100))
    stage.hear(100 * MS)
    assert user.received == b"all"
    stage.leave(conn)
    conn.abort()


def _unread(stage: Stage) -> None:
    """A mark that nobody reads, 10 000 times, forward and backward: who should read sends, and we
    take nothing of it."""
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=0).open()
    sent, text = gen_stream(1, 0, 400_000), gen_stream(34, 0, 200)
    conn.say("PA", b"gen 1 %d\nsink 34 %d\n" % (len(sent), len(text)))
    for at in range(0, len(text), 20):
        segments = [conn.segment("UPA", text[i : i + 1], seq=i - at, urgent=pointer)
                    for i in range(at, at + 20) for pointer in (65535, 1, 0, 300)]  # fmt: skip
        stage.inject(segments, stage.often(12), 5)
        conn.seq += 20
    conn.take(stage.hear(100 * MS))
    stage.drop()
    assert conn.acked == conn.seq
    conn.window = 65_535
    end = b"OK %d\n" % len(text)
    assert conn.read_all(len(sent) + len(end)) == sent + end
    conn.abort()


CASE_34 = Case(
    34,
    "urgent data anywhere",
    "the mark never moves the stream; no byte beyond the segment",
    (
        Shot("in a SYN", partial(_urgent, "SU", b"", 5), _COUNTER, ("tcp SA",), at=closing,
             survives=False),
        Shot("in a SYN, past its data", partial(_urgent, "SU", b"", 65535), _COUNTER, ("tcp SA",),
             at=closing, survives=False),
    ),
    (
        Story("in a SYN-ACK", _in_syn_ack, cuts=(34, 53, -1)),
        Story("to a socket in connect()", _to_who_connects, cuts=(34, 53, 57, -1)),
        Story("after FIN", _after_fin, times=5, cuts=(34, 53, 57, -1)),
        Story("10 000 with a mark unread", _unread, times=2, cuts=(34, 54, -1)),
    ),
)  # fmt: skip

CASES = (CASE_33, CASE_34)
