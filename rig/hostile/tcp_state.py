"""TCP's state: cases 35 to 38 and 46 to 50. Floods are tcp_floods.py's."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from functools import partial
from itertools import combinations, product

from kyusim.native import big_pattern, gen_stream
from rig.hostile import frames as f
from rig.hostile.case import CLOCK, NOBODY_TOLD, Case, Shot, Story
from rig.hostile.ipv4 import ip_frame
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MODULUS, MS, Conn, S, Stage, established, gone, texts

MIB = 1 << 20
#: Services that close first: one says a line, one as much as it is asked for.
PIRATE, WANGDOODLE, IPERF = 111, 114, 5001
PIRATE_SAYS = b"Dead men tell no tales\r\n"
_OUTSIDE, _UNSENT = "tcp_dropped_outside_window", "tcp_dropped_ack_of_unsent"
_CHALLENGES, _LIMIT = "tcp_challenge_acks_sent", 400  # of two seconds


# ---- 35 ------------------------------------------------------------------------------------------


def _land(flags: str, port: int, stage: Stage, _: None) -> Sequence[bytes]:
    said = f.tcp(stage.ip, stage.ip, port, port, flags, seq=1, ack=1)
    return [ip_frame(stage, said, source=stage.ip, protocol=f.TCP)]


def _land_by_own_mac(stage: Stage, _: None) -> Sequence[bytes]:
    said = f.ipv4(stage.ip, stage.ip, f.TCP, f.tcp(stage.ip, stage.ip, 9, 9, "S"))
    return [f.ether(stage.mac, stage.mac, f.IPV4, said)]


def _port_zero(source: int, port: int, stage: Stage, _: None) -> Sequence[bytes]:
    return [ip_frame(stage, f.tcp(stage.me.ip, stage.ip, source, port, "S"), protocol=f.TCP)]


CASE_35 = Case(
    35,
    "LAND",
    "drop; no self-talk, no ACK loop",
    (
        *(Shot(f"{flags} to port {port}", partial(_land, flags, port), "ip_bad_source")
          for flags in ("S", "SA", "A", "FA", "RA") for port in (9, 114, 4000)),
        Shot("from our own MAC", _land_by_own_mac, "ether_own"),
        Shot("from port 0", partial(_port_zero, 0, 9), "tcp_dropped_to_itself"),
        Shot("to port 0", partial(_port_zero, 9, 0), "tcp_dropped_to_itself"),
    ),
)  # fmt: skip


# ---- 36, 37, 38 ----------------------------------------------------------------------------------


def _at(flags: str, seq: int, ack: int, data: bytes, _: Stage, conn: Conn) -> Sequence[bytes]:
    return [conn.segment(flags, data, seq=seq, ack=ack)]


def _aimed(name: str, flags: str, counter: str, *answers: str, seq: int = 0, ack: int = 0,
           data: bytes = b"", limit: int | None = None) -> Shot:  # fmt: skip
    return Shot(name, partial(_at, flags, seq, ack, data), counter, answers, at=established,
                limit=limit)  # fmt: skip


def _reset_in_syn_sent(stage: Stage) -> None:
    task, conn = stage.connecting(stage.fresh_port())
    before = stage.count_of(_UNSENT)
    bad = [conn.segment("RA", ack=off) for off in (1, -1, -2, 1000, 1 << 31)]
    bare = [conn.segment("R", seq=off) for off in (0, 1, 1 << 31)]
    times = stage.often(100)
    stage.inject(bad + bare, times)
    assert texts(stage, stage.hear(1 * MS)) == []
    assert before is None or stage.count_of(_UNSENT) == before + 5 * times
    assert not task.done
    stage.send(conn.segment("RA"))
    stage.hear(1 * MS)
    assert task.error == "connect: refused"


def _exact_reset(stage: SimStage) -> None:
    task = stage.accepting(2000, ("recv_all",))
    conn = established(stage, 2000)
    stage.send(conn.segment("R"))
    assert texts(stage, stage.hear(5 * MS)) == []
    assert task.error == "recv_all: reset", task
    assert stage.counters()["tcp_resets_received"] > 0


CASE_36 = Case(
    36,
    "resets",
    "exact: reset; in window: challenge ACK; outside: drop; in SYN-SENT with a bad ACK: drop",
    (
        _aimed("one ahead", "R", _CHALLENGES, "tcp A", seq=1, limit=_LIMIT),
        _aimed("in the window", "RA", _CHALLENGES, "tcp A", seq=30_000, limit=_LIMIT),
        _aimed("one before", "R", _OUTSIDE, seq=-1),
        _aimed("beyond the window", "R", _OUTSIDE, seq=1 << 20),
        _aimed("half the space away", "RA", _OUTSIDE, seq=1 << 31),
    ),
    (
        Story("at the exact number", _exact_reset, cuts=(34, 38, 47, 53, -1), off_wire=NOBODY_TOLD),
        Story("in SYN-SENT", _reset_in_syn_sent, times=5, cuts=(34, 42, 47, -1)),
    ),
)  # fmt: skip


def _global_limit(stage: SimStage) -> None:
    """Over all connections; and the limit is another each second."""
    ports = {stage.accepting(2000 + i, ("recv_all",)): 2000 + i for i in range(10)}
    conns = [established(stage, port) for port in ports.values()]
    stage.run_for(1_100 * MS)
    seen = []
    for _ in range(6):
        before = stage.counters()[_CHALLENGES]
        stage.inject([conn.segment("S", seq=77) for conn in conns], 100, 900)
        seen.append(stage.counters()[_CHALLENGES] - before)
        stage.run_for(110 * MS)
    assert max(seen) <= 200, seen
    assert min(seen) >= 100, seen
    assert len(set(seen)) > 1, "a limit that is always the same can be counted"
    stage.drop()
    for conn in conns:
        conn.abort()


CASE_37 = Case(
    37,
    "SYN and ACK out of place",
    "challenge ACK, globally limited by a random limit; no state change",
    (
        _aimed("SYN at the edge", "S", _CHALLENGES, "tcp A", limit=_LIMIT),
        _aimed("SYN in the window", "S", _CHALLENGES, "tcp A", seq=100, limit=_LIMIT),
        _aimed("SYN before it", "S", _CHALLENGES, "tcp A", seq=-100, limit=_LIMIT),
        _aimed("SYN beyond it", "S", _CHALLENGES, "tcp A", seq=1 << 30, limit=_LIMIT),
        _aimed("SYN and ACK", "SA", _CHALLENGES, "tcp A", seq=-1, limit=_LIMIT),
        _aimed("SYN with data", "S", _CHALLENGES, "tcp A", data=b"evil", limit=_LIMIT),
        _aimed("ACK of the future", "A", _UNSENT, "tcp A", ack=1, limit=_LIMIT),
        _aimed("ACK of the far future", "PA", _UNSENT, "tcp A", ack=1 << 30, data=b"evil",
               limit=_LIMIT),
        _aimed("ACK of the far past", "PA", _UNSENT, "tcp A", ack=-70_000, data=b"evil",
               limit=_LIMIT),
    ),
    (Story("one limit for all", _global_limit, times=2, cuts=(34, 47, -1), off_wire=CLOCK),),
)  # fmt: skip

CASE_38 = Case(
    38,
    "ends that disagree",
    "answers are limited, so that two confused ends fall silent",
    (
        _aimed("bare ACK beyond the window", "A", _OUTSIDE, "tcp A", seq=1 << 20, limit=_LIMIT),
        _aimed("bare ACK before it", "A", _OUTSIDE, "tcp A", seq=-5, limit=_LIMIT),
        _aimed("no ACK at all", "P", "tcp_dropped_flags", data=b"evil"),
        _aimed("nothing at all", "", "tcp_dropped_flags"),
        _aimed("data before the window", "PA", _OUTSIDE, "tcp A", seq=-5, data=b"evil"),
        _aimed("data beyond it", "PA", _OUTSIDE, "tcp A", seq=1 << 20, data=b"evil"),
    ),
)  # fmt: skip


# ---- 43: overlaps --------------------------------------------------------------------------------

_CELLS, _CELL = 6, 3


def _overlaps(stage: Stage) -> None:
    """Every two pieces of six cells, one after the other, then all of it: what came first stays."""
    port, user = stage.reading()
    conn = Conn(stage, port, stage.fresh_port()).open(options=b"\x02\x04\x05\xb4\x01\x01\x04\x02")
    pieces = list(combinations(range(_CELLS + 1), 2))
    expected = bytearray()
    size = _CELLS * _CELL
    for first, second in product(pieces, pieces):
        model = bytearray(b"C" * size)
        taken = bytearray(size)
        sent = [(first, b"A"), (second, b"B"), ((0, _CELLS), b"C")]
        edge = 0  # what is in order is read at once: nothing can be changed there any more
        for (a, b), letter in sent:
            stage.send(conn.segment("PA", letter * ((b - a) * _CELL), seq=a * _CELL))
            for i in range(max(a * _CELL, edge), b * _CELL):
                if not taken[i]:
                    model[i], taken[i] = letter[0], 1
            while edge < size and taken[edge]:
                edge += 1
        conn.seq += size
        expected += model
        stage.run_for(200)
    stage.hear(50 * MS)
    assert stage.state(conn) == "ESTABLISHED"
    assert user.received == bytes(expected)
    conn.say("FA")
    stage.leave(conn)


CASE_43 = Case(
    43,
    "overlapping data",
    "first-received bytes kept; the stream byte-exact",
    stories=(Story("441 patterns", _overlaps, times=2, cuts=(34, 54, 55, 60, -1)),),
)


# ---- 46, 47, 48 ----------------------------------------------------------------------------------


def _above_fin(stage: Stage) -> None:
    """Data above a FIN, a FIN twice, a FIN before its data: the stream ends where it said."""
    port, user = stage.reading()
    conn = established(stage, port)
    fin = conn.segment("FPA", b"de", seq=3)
    above = conn.segment("PA", b"evil", seq=6)
    stage.inject([fin, fin, above, conn.segment("PA", b"x" * 9, seq=1)], 20)
    assert user.received == b""
    stage.send(conn.segment("PA", b"abc"))
    conn.take(stage.hear(5 * MS))
    stage.inject([fin, above], stage.often(50))
    conn.take(stage.hear(5 * MS))
    assert user.received == b"axxde", "what came first stays, and nothing is above a FIN"
    assert conn.acked == conn.seq + 6
    conn.seq += 6
    stage.leave(conn)
    assert stage.state(conn) in ("CLOSED", "LISTEN")


def _until_it_closes(conn: Conn, said: int, step_us: int = 20 * MS) -> None:
    """So many bytes and its FIN have come."""
    _until_it_is_at(conn, 1 + said + 1, step_us)


def _until_it_is_at(conn: Conn, place: int, step_us: int) -> None:
    """Of its sequence numbers, the SYN's being 0."""
    for _ in range(20):
        if conn.ack and (conn.ack - conn.began) % MODULUS == place:
            return
        conn.hear_own(step_us)
    raise AssertionError(f"not at {place}: {conn}")


def _closed_by_the_board(stage: Stage) -> Conn:
    """The board has said what it had to say and closed, and knows that we have heard it."""
    conn = established(stage, PIRATE)
    _until_it_closes(conn, len(PIRATE_SAYS))
    stage.send(conn.segment("A"))
    stage.hear(1 * MS)
    assert stage.state(conn) == "FIN-WAIT-2"
    return conn


def _after_close(stage: Stage) -> None:
    """Data for a socket that is closed are answered with a reset, once ours are delivered."""
    conn = _closed_by_the_board(stage)
    before = stage.counters()["tcp_dropped_data_after_close"]
    for _ in range(2):  # and then there is nobody any more
        stage.send(conn.segment("PA", b"anybody?"))
        said = texts(stage, conn.hear_own(5 * MS))
        assert len(said) == 1
        assert said[0].startswith("tcp R"), said
    assert stage.counters()["tcp_dropped_data_after_close"] == before + 1


CASE_46 = Case(
    46,
    "FIN and data",
    "bytes above FIN dropped; idempotent; RST to data after full close",
    stories=(
        Story("data above FIN", _above_fin),
        Story("data after close", _after_close),
    ),
)


def _they_close_first(stage: Stage) -> None:
    text = gen_stream(47, 0, MIB)
    conn = established(stage, WANGDOODLE)
    conn.say("FPA", b"gen 47 %d\n" % MIB)
    assert conn.read_all(MIB) == text
    stage.send(conn.segment("A"))
    _until_it_closes(conn, MIB)
    stage.send(conn.segment("A"))
    stage.hear(10 * MS)
    assert gone(stage, conn)


def _we_close_first(stage: SimStage) -> None:
    text = big_pattern() * 6
    task = stage.accepting(2000, ("shutdown",), ("recv_all",))
    conn = established(stage, 2000)
    conn.take(stage.hear(5 * MS))
    stage.send(conn.segment("A"))
    stage.hear(1 * MS)
    assert stage.board.state(2000, stage.me.ip, conn.local_port) == "FIN-WAIT-2"
    _send_a_mebibyte(conn, text)
    assert (task.done, task.error) == (True, "")
    assert task.received == text[:MIB]


def _measured_and_closed(stage: Stage) -> None:
    """The same, of the service that closes its half first: it sends as much as iperf asks for (a
    byte, on the same connection), then it takes what comes."""
    conn = established(stage, IPERF)
    asks = struct.pack("!9I", 0x4000_0000, 0, 0, 0, 0, 1, 0, 0, 0x0400_0000)
    conn.say("PA", asks)
    _until_it_closes(conn, 1)
    stage.send(conn.segment("A"))
    stage.hear(1 * MS)
    assert stage.state(conn) == "FIN-WAIT-2"
    _send_a_mebibyte(conn, bytes(MIB))
    assert stage.state(conn) in ("TIME-WAIT", "LISTEN")


def _send_a_mebibyte(conn: Conn, text: bytes) -> None:
    """What is lost on the way comes again; and then our end."""
    start, window = conn.seq, 14_600
    for _ in range(2 * MIB // window):
        at = (conn.acked - start) % MODULUS
        if at >= MIB:
            break
        conn.stage.send(*(
            conn.segment("PA", text[piece : min(piece + 1460, MIB)], seq=piece - at)
            for piece in range(at, min(at + window, MIB), 1460)
        ))  # fmt: skip
        ends = start + min(at + window, MIB)
        for _ in range(20):
            conn.take(conn.stage.hear_some(1, 1 * MS))
            if conn.acked == ends % MODULUS:
                break
        conn.seq = conn.acked
    assert (conn.acked - start) % MODULUS == MIB
    conn.say("FA")
    while conn.acked != (start + MIB + 1) % MODULUS:
        assert conn.hear_own(), "our end is not acknowledged"


def _they_vanish(stage: Stage) -> None:
    conn = _closed_by_the_board(stage)
    stage.run_for(60 * S + stage.blur_us)
    assert gone(stage, conn), "FIN-WAIT-2 is no place to stay"
    stage.drop()


CASE_47 = Case(
    47,
    "half-close",
    "both transfers complete; an orphaned FIN-WAIT-2 is gone in the configured time",
    stories=(
        Story("they close and read 1 MiB", _they_close_first, times=2, cuts=(34, 54, -1)),
        Story("we close and read 1 MiB", _we_close_first, times=2, cuts=(34, 54, 700),
              off_wire=NOBODY_TOLD),
        Story("iperf closes and is sent 1 MiB", _measured_and_closed, times=2, cuts=(34, 54)),
        Story("they vanish", _they_vanish, times=5, long=True),
    ),
)  # fmt: skip


def _in_time_wait(stage: Stage) -> None:
    conn = _closed_by_the_board(stage)
    conn.say("FA")
    old = conn.segment("PA", b"old", seq=-1)
    stage.send(old)
    assert texts(stage, conn.hear_own(5 * MS)) == ["tcp A"], "TIME-WAIT"
    stage.inject([conn.segment("R"), conn.segment("RA", seq=1)], stage.often(50))
    assert texts(stage, stage.hear(5 * MS)) == []
    stage.send(old)
    assert texts(stage, conn.hear_own(5 * MS)) == ["tcp A"], "still (RFC 1337)"
    stage.send(conn.segment("S", seq=-100_000))
    assert texts(stage, conn.hear_own(5 * MS)) == ["tcp A"], "a SYN of old"
    stage.send(old)
    assert texts(stage, conn.hear_own(5 * MS)) == ["tcp A"], "and still"
    conn.seq += 100_000
    conn.heard.clear()
    conn.open()
    _until_it_closes(conn, len(PIRATE_SAYS))
    assert bytes(conn.heard) == PIRATE_SAYS, "a new one is served"
    conn.abort()


def _many_closes(stage: Stage) -> None:
    """2 000 connections that the board closes, on a wire some less: their number has a bound."""
    before, count = stage.counters(), max(500, stage.often(2_000))
    for _ in range(count):
        conn = Conn(stage, PIRATE, stage.fresh_port())
        stage.send(conn.segment("S"))
        _until_it_is_at(conn, 1, 500)
        conn.seq += 1
        stage.send(conn.segment("A"))
        _until_it_closes(conn, len(PIRATE_SAYS), 500)
        stage.send(conn.segment("FA"))
        stage.conns.clear()
    stage.hear(5 * MS)
    now = stage.counters()
    closed = now["tcp_time_wait_begun"] - before["tcp_time_wait_begun"]
    assert closed >= count, f"only {closed} of them were closed"
    assert now["connections_used"] <= 256
    assert now["time_waits_used"] <= 4096
    stage.run_for(5 * S)
    stage.drop()


CASE_48 = Case(
    48,
    "TIME-WAIT",
    "old data: ACK; RST ignored; a newer SYN accepted, an older one acknowledged; bounded",
    stories=(
        Story("what comes late", _in_time_wait, times=10),
        Story("2 000 closes", _many_closes, times=0, cuts=(), long=True),
    ),
)


# ---- 50: wraps -----------------------------------------------------------------------------------


def _wrap(start: int, stage: Stage) -> None:
    """The peer's numbers pass the end of the circle, or its middle, in order and out of it."""
    draw = random.Random(start)
    text = draw.randbytes(100_000)
    port, user = stage.reading()
    conn = Conn(stage, port, stage.fresh_port(), seq=start).open()
    for at in range(0, len(text), 14_600):
        pieces = list(range(at, min(at + 14_600, len(text)), 1460))
        draw.shuffle(pieces)
        for piece in pieces:
            stage.send(conn.segment("PA", text[piece : piece + 1460], seq=piece))
        stage.hear(1 * MS)
    conn.seq += len(text)
    conn.say("FA")
    conn.say("A")
    assert user.received == text
    assert not user.error
    stage.leave(conn)


CASE_50 = Case(
    50,
    "sequence wraps",
    "no stall or loss at either wrap",
    stories=tuple(
        Story(f"from {start:#x}", partial(_wrap, start), times=5, cuts=(34, 54, 99))
        for start in (0xFFFF_FF00, 0xFFFF_FFFF, 0x7FFF_FF00, 0x7FFF_FFFF)
    ),
)

CASES = (CASE_35, CASE_36, CASE_37, CASE_38, CASE_43, CASE_46, CASE_47, CASE_48, CASE_50)
