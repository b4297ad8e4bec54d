"""What wants to use up the board: cases 39 to 45, and first numbers."""

from __future__ import annotations

import random
from itertools import pairwise

from kyusim.native import big_pattern
from rig.hostile import frames as f
from rig.hostile.case import CALLS, FLOOD, LONG, Case, Story
from rig.hostile.ipv4 import ip_frame
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MS, Conn, S, Stage, established, parse_tcp, texts

WANGDOODLE = 114


# ---- 39, 40: handshakes --------------------------------------------------------------------------


_MADE: dict[tuple[int, int, int], list[bytes]] = {}  # to make them costs more than to play them


def _syns(stage: SimStage, port: int, count: int, seed: int) -> list[bytes]:
    """SYNs from anywhere; every world's board has the same addresses."""
    made = _MADE.setdefault((port, count, seed), [])
    draw = random.Random(seed)
    syn = f.tcp("10.0.0.0", stage.ip, 1, port, "S", options=b"\x02\x04\x05\xb4")
    one = ip_frame(stage, syn, source="10.0.0.0", protocol=f.TCP)
    while len(made) < count:
        frame = bytearray(one)
        f.patch(frame, 28, draw.randrange(10, 199), 24, 50)
        f.patch(frame, 34, draw.randrange(1, 65536), 50)
        f.patch(frame, 38, draw.randrange(65536), 50)
        f.patch(frame, 40, draw.randrange(65536), 50)
        made.append(bytes(frame))
    return made


def _syn_flood(stage: SimStage) -> None:
    """100 000 SYNs in a second to a listener with a backlog of 8; a client comes through."""
    task = stage.accepting(2000, ("recv_all",))
    before = stage.counters()
    for block in range(10):
        stage.inject(_syns(stage, 2000, 10_000, block), 1, 10)
        now = stage.counters()
        assert now["syn_records_used"] <= 256
        assert now["connections_used"] <= 256
        assert now["clusters_used"] - before["clusters_used"] <= 300
        stage.drop()
        if block == 5:
            began = stage.now_us
            conn = established(stage, 2000)
            conn.say("PA", b"in spite of all")
            assert stage.now_us - began < 3 * S
    assert stage.counters()["tcp_syn_cookies_sent"] > before["tcp_syn_cookies_sent"]
    assert task.received == b"in spite of all"
    conn.abort()
    stage.run_for(40 * S)
    stage.drop()


def _cookies_keep_the_mss(stage: SimStage) -> None:
    stage.inject(_syns(stage, WANGDOODLE, 1000, 39), 1, 10)
    assert stage.counters()["syn_records_used"] == 256
    stage.hear(100 * MS)
    taken = stage.counters()["tcp_syn_cookies_taken"]
    for mss, kept in ((300, 216), (536, 536), (1000, 536), (1024, 1024), (1460, 1460)):
        option = b"\x02\x04" + mss.to_bytes(2, "big")
        conn = Conn(stage, WANGDOODLE, stage.fresh_port()).open(options=option)
        came = conn.say("PA", b"big\n")
        sizes = [len(got.data) for frame in came if (got := parse_tcp(frame)) and got.data]
        assert max(sizes) == kept, (mss, sizes)
        assert big_pattern().startswith(bytes(conn.heard))
        conn.abort()
        stage.drop()
    assert stage.counters()["tcp_syn_cookies_taken"] == taken + 5
    stage.run_for(40 * S)
    stage.drop()


CASE_39 = Case(
    39,
    "SYN flood",
    "listen memory capped; a real client connects within 3 s; cookies keep the MSS",
    stories=(
        Story("100 000 SYNs in a second", _syn_flood, times=0, cuts=(), off_wire=FLOOD),
        Story(
            "cookies keep the MSS", _cookies_keep_the_mss, times=3, cuts=(34, 58, -1), off_wire=LONG
        ),
    ),
)


def _silent_clients(stage: SimStage) -> None:
    """10 000 complete handshakes with a listener that accepts nobody, and then closes."""
    before = stage.counters()
    task = stage.program(("listen", 2000), ("sleep", 5 * S))
    stage.run_for(10 * MS)
    for _ in range(100):
        conns = [Conn(stage, 2000, stage.fresh_port()) for _ in range(100)]
        stage.send(*(conn.segment("S") for conn in conns))
        came = stage.hear(1 * MS)
        for conn in conns:
            conn.take(came) if came else None
            conn.seq += 1
        stage.send(*(conn.segment("A") for conn in conns if conn.ack))
        stage.hear(1 * MS)
        now = stage.counters()
        others = 10 if stage.busy else 0
        assert now["sockets_used"] - before["sockets_used"] <= 1 + 8 + others
        assert now["syn_records_used"] <= 256
        stage.conns.clear()
    stage.run_for(6 * S)
    assert task.done
    said = stage.hear(1 * MS)
    assert stage.counters()["sockets_used"] <= before["sockets_used"] + others, "freed on close"
    assert stage.counters()["connections_used"] <= before["connections_used"] + others
    del said
    stage.run_for(40 * S)
    stage.drop()


def _reset_on_close(stage: SimStage) -> None:
    task = stage.program(("listen", 2000), ("sleep", 1 * S))
    stage.run_for(10 * MS)
    conns = [established(stage, 2000) for _ in range(8)]
    stage.hear(10 * MS)
    said = texts(stage, stage.hear(2 * S))
    assert task.done
    assert said == ["tcp RA"] * len(conns), "who was not accepted is told"


CASE_40 = Case(
    40,
    "silent clients",
    "accept queue capped; un-accepted children reset and freed on close; zero leaks",
    stories=(
        Story("10 000 handshakes", _silent_clients, times=0, cuts=(), off_wire=CALLS),
        Story("told on close", _reset_on_close, times=10, off_wire=CALLS),
    ),
)


# ---- 41, 42: segments ----------------------------------------------------------------------------


def _holes(stage: SimStage) -> None:
    """Every second byte of the whole window, then all of it."""
    task = stage.accepting(2000, ("recv_all",))
    conn = established(stage, 2000)
    before = stage.counters()
    frames = [conn.segment("PA", b"h", seq=i) for i in range(1, 65_534, 2)]
    stage.inject(frames, 1, 5)
    now = stage.counters()
    assert now["pieces_used"] <= 64
    assert now["mbufs_used"] - before["mbufs_used"] <= 200
    assert now["clusters_used"] - before["clusters_used"] <= 64
    assert now["tcp_dropped_reassembly_limit"] > 0
    stage.drop()
    for at in range(0, 65_000, 1300):
        stage.send(conn.segment("PA", b"t" * 1300, seq=at))
        stage.hear(1 * MS)
    stage.hear(50 * MS)
    assert len(task.received) == 65_000
    kept = task.received.count(b"h")
    assert 1 <= kept <= 64
    assert task.received.count(b"t") == 65_000 - kept
    conn.seq += 65_000
    conn.say("FA")
    conn.say("A")


def _sleeping_reader(stage: SimStage) -> None:
    """65 535 segments of a byte for a reader who sleeps; others find memory all the same."""
    task = stage.accepting(2000, ("sleep", 5 * S), ("recv_all",))
    conn = established(stage, 2000)
    before = stage.counters()
    frames = []
    frame = bytearray(conn.segment("A", b"\0") + b"\0")
    for i in range(65_535):
        f.patch(frame, 38, (conn.seq + i) >> 16, 50)
        f.patch(frame, 40, (conn.seq + i) & 0xFFFF, 50)
        f.patch(frame, 54, (i & 0xFF) << 8, 50)  # a byte, and the padding of its word
        frames.append(bytes(frame))
    stage.inject(frames, 1, 5)
    now = stage.counters()
    assert now["clusters_used"] - before["clusters_used"] <= 512
    assert now["mbufs_used"] - before["mbufs_used"] <= 1024
    stage.echo()
    conn = Conn(stage, 2000, conn.local_port, seq=conn.seq, ack=conn.ack)
    stage.drop()
    stage.run_for(6 * S)
    stage.drop()
    assert task.received == bytes(i & 0xFF for i in range(len(task.received)))
    for _ in range(3):  # what found no memory comes again
        left = frames[len(task.received) :]
        stage.inject(left, 1, 5)
        stage.run_for(1 * S)
    stage.drop()
    assert task.received == bytes(i & 0xFF for i in range(65_535))
    conn.seq += 65_535
    conn.say("FA")
    conn.say("A")


CASE_41 = Case(
    41,
    "holes in the whole window",
    "reassembly capped in segments and memory",
    stories=(Story("32 767 single bytes", _holes, times=1, cuts=(54,), off_wire=FLOOD),),
)

CASE_42 = Case(
    42,
    "single bytes for a sleeping reader",
    "charged by memory; the window closes; no exhaustion for others",
    stories=(
        Story("65 535 of them", _sleeping_reader, times=0, cuts=(), busy=False, off_wire=CALLS),
    ),
)


# ---- 44, 45: windows -----------------------------------------------------------------------------


def _shut(stage: SimStage) -> None:
    """For ever: probes become rare, and after close it ends though every probe is answered."""
    text = big_pattern()
    stage.accepting(2000, ("send", text[:60_000]), ("close",))
    conn = Conn(stage, 2000, stage.fresh_port(), window=0).open()
    where = (2000, stage.me.ip, conn.local_port)
    probes: list[int] = []
    for _ in range(400):
        if stage.board.state(*where) == "CLOSED":
            break
        if stage.hear(1 * S):
            probes.append(stage.now_us)
            stage.send(conn.segment("A"))
    assert stage.board.state(*where) == "CLOSED", "closed by its user, and let go of in time"
    gaps = [b - a for a, b in pairwise(probes)]
    assert len(probes) < 20, "no storm of probes"
    assert max(gaps) <= 61 * S


def _shut_and_read_later(stage: SimStage) -> None:
    """Without close: as long as the peer answers it may take its time; the probes back off."""
    text = big_pattern()
    task = stage.accepting(2000, ("send", text), ("sleep", 1 * S))
    conn = Conn(stage, 2000, stage.fresh_port(), window=0).open()
    probes: list[int] = []
    for _ in range(250):
        if stage.hear(1 * S):
            probes.append(stage.now_us)
            stage.send(conn.segment("A"))
    gaps = [b - a for a, b in pairwise(probes)]
    assert len(probes) < 30
    assert 20 * S < max(gaps) <= 61 * S
    conn.window = 65535
    assert conn.read_all(len(text)) == text, "and then every byte comes"
    assert not task.error
    conn.abort()
    stage.run_for(2 * S)


def _flapping(stage: SimStage) -> None:
    """0, 1, 0, 1: byte after byte, and no byte wrong."""
    text = big_pattern()[:3000]
    task = stage.accepting(2000, ("send", text), ("close",))
    conn = Conn(stage, 2000, stage.fresh_port(), window=0).open()
    for step in range(400):
        conn.window = step & 1
        stage.send(conn.segment("A"))
        conn.take(stage.hear(20 * MS))
    assert text.startswith(bytes(conn.heard))
    conn.window = 65535
    assert conn.read_all(len(text)) == text
    assert not task.error
    stage.send(conn.segment("A"))
    conn.say("FA")
    conn.say("A")


def _window_one(stage: SimStage) -> None:
    """A window of a byte for a long answer: no silly windows, no storm, and it can be ended."""
    text = big_pattern()
    stage.accepting(2000, ("send", text), ("close",))
    conn = Conn(stage, 2000, stage.fresh_port(), window=1).open()
    count = 0
    for _ in range(100):
        came = stage.hear(100 * MS)
        count += len(came)
        conn.take(came)
        if came:
            stage.send(conn.segment("A"))
    assert count <= 110
    assert text.startswith(bytes(conn.heard))
    conn.abort()


CASE_44 = Case(
    44,
    "zero windows",
    "probes back off to 60 s at most; after close it is freed in time",
    stories=(
        Story("for ever, after close", _shut, times=3, cuts=(34, 48, 50, -1), off_wire=LONG),
        Story(
            "for long, then open", _shut_and_read_later, times=2, cuts=(34, 48, -1), off_wire=LONG
        ),
        Story("flapping", _flapping, times=2, cuts=(34, 48, -1), off_wire=LONG),
    ),
)

CASE_45 = Case(
    45,
    "tiny windows",
    "no storm of tiny segments, no byte wrong",
    stories=(Story("one byte", _window_one, times=3, cuts=(34, 48, 50, -1), off_wire=LONG),),
)


# ---- 49, 51: beginnings --------------------------------------------------------------------------


def _data_on_syn(stage: Stage) -> None:
    port, user = stage.reading()
    conn = Conn(stage, port, stage.fresh_port())
    stage.send(conn.segment("SP", b"early"))
    came = stage.hear(5 * MS)
    conn.take(came)
    assert conn.acked == conn.seq + 1, "not taken, not acknowledged"
    conn.seq += 1
    conn.say("PA", b"early")
    conn.say("FA")
    assert user.received == b"early"
    stage.leave(conn)


def _fin_in_syn_received(stage: Stage) -> None:
    port, user = stage.reading()
    conn = Conn(stage, port, stage.fresh_port())
    stage.send(conn.segment("S"))
    conn.take(stage.hear(5 * MS))
    conn.seq += 1
    conn.say("FPA", b"all of it")
    assert user.received == b"all of it"
    stage.leave(conn)


def _both_at_once(stage: Stage) -> None:
    user, conn = stage.connecting(stage.fresh_port())
    stage.send(conn.segment("S"))
    conn.seq += 1
    assert texts(stage, stage.hear(5 * MS)) == ["tcp SA"]
    stage.send(conn.segment("SA", seq=-1))
    stage.hear(5 * MS)
    conn.say("PA", b"hello")
    conn.say("FA")
    conn.say("A")
    assert user.received == b"hello"


CASE_49 = Case(
    49,
    "odd beginnings",
    "data on SYN comes again; FIN in SYN-RECEIVED; simultaneous open",
    stories=(
        Story("data on SYN", _data_on_syn),
        Story("FIN in SYN-RECEIVED", _fin_in_syn_received),
        Story("simultaneous open", _both_at_once),
    ),
)


def _first_numbers(stage: SimStage) -> None:
    """From one number nobody tells another tuple's; and the same tuple's go on."""
    numbers = []
    for _ in range(200):
        conn = Conn(stage, 9, stage.fresh_port())
        stage.send(conn.segment("S"))
        conn.take(stage.hear(1 * MS))
        numbers.append((conn.ack - 1) & 0xFFFFFFFF)
        conn.seq += 1
        conn.abort()
    steps = {(b - a) & 0xFFFFFFFF for a, b in pairwise(numbers)}
    assert len(steps) > 195
    high = sum(number >> 31 for number in numbers)
    assert 50 < high < 150, "all over the circle"
    again = Conn(stage, 9, stage.fresh_port())
    seen = []
    for _ in range(5):
        stage.send(again.segment("S"))
        again.take(stage.hear(1 * MS))
        seen.append((again.ack - 1) & 0xFFFFFFFF)
        again.stage.send(again.segment("R", seq=1))
        again.seq += 70_000
        stage.run_for(10 * MS)
    assert all(0 < (b - a) & 0xFFFFFFFF < 1 << 20 for a, b in pairwise(seen))


CASE_51 = Case(
    51,
    "first sequence numbers",
    "not to be guessed; monotonic within a tuple (RFC 6528)",
    stories=(
        Story(
            "two hundred",
            _first_numbers,
            times=3,
            cuts=(34, 47, -1),
            off_wire="nmap judges them there (test_foreign_tools.py)",
        ),
    ),
)

CASES = (CASE_39, CASE_40, CASE_41, CASE_42, CASE_44, CASE_45, CASE_49, CASE_51)
