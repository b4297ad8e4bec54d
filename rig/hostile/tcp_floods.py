"""What wants to use up the board: cases 39 to 45, and first numbers."""

from __future__ import annotations

import random
from itertools import pairwise

from kyusim.native import big_pattern, gen_stream
from rig.hostile import frames as f
from rig.hostile.case import FULL, NO_LISTENER_CLOSES, Case, Story
from rig.hostile.ipv4 import ip_frame
from rig.hostile.sim_stage import SimStage
from rig.hostile.stage import MODULUS, MS, Conn, S, Stage, established, gone, parse_tcp, texts

PIRATE, WANGDOODLE = 111, 114  # says a line and closes; sends what it is asked for


# ---- 39, 40: handshakes --------------------------------------------------------------------------


_MADE: dict[tuple[bytes, int, int, int], list[bytes]] = {}  # to make them costs more than to play


def syns(stage: Stage, port: int, count: int, seed: int) -> list[bytes]:
    """SYNs from anywhere; every world's board has the same addresses."""
    made = _MADE.setdefault((stage.mac, port, count, seed), [])
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


def _syn_flood(stage: Stage) -> None:
    """100 000 SYNs in a second to a listener with a backlog of 8; a client comes through."""
    port, user = stage.reading()
    before = stage.counters()
    for block in range(10):
        stage.flood(syns(stage, port, 10_000, block))
        now = stage.counters()
        assert now["syn_records_used"] <= 1024
        assert now["connections_used"] <= 256
        assert now["clusters_used"] - before["clusters_used"] <= 300
        stage.drop()
        if block == 5:
            began = stage.now_us
            conn = established(stage, port)
            conn.say("PA", b"in spite of all")
            took = stage.now_us - began
            # Three seconds of a fast clock are nothing: test_hostile.py times a client.
            assert took < 3 * S or stage.blur_us > 1 * S, f"{took} us"
    # On a fast clock a record is soon old enough to make room for the next.
    sent = stage.counters()["tcp_syn_cookies_sent"] - before["tcp_syn_cookies_sent"]
    assert sent > 0 or stage.blur_us > 1 * S
    assert user.received == b"in spite of all"
    conn.abort()
    stage.run_for(40 * S)
    stage.drop()


def _by_a_cookie(stage: Stage, options: bytes) -> Conn:
    """A connection that the board has made of nothing but our ACK."""
    before = stage.counters()["tcp_syn_cookies_taken"]
    stage.flood(syns(stage, WANGDOODLE, 1500, 39))
    stage.hear(1 * MS)
    stage.drop()
    conn = Conn(stage, WANGDOODLE, stage.fresh_port()).open(options=options)
    taken = stage.counters()["tcp_syn_cookies_taken"] - before
    assert taken == 1 or (stage.busy and taken > 1), f"{taken} cookies are taken"
    return conn


def _cookies_keep_the_mss(stage: Stage) -> None:
    for mss, kept in ((300, 216), (536, 536), (1000, 536), (1024, 1024), (1460, 1460)):
        conn = _by_a_cookie(stage, b"\x02\x04" + mss.to_bytes(2, "big"))
        came = conn.say("PA", b"big\n")
        sizes = [len(got.data) for frame in came if (got := parse_tcp(frame)) and got.data]
        assert max(sizes) == kept, (mss, sizes)
        assert big_pattern().startswith(bytes(conn.heard))
        conn.abort()
        stage.drop()
    stage.run_for(40 * S)
    stage.drop()


CASE_39 = Case(
    39,
    "SYN flood",
    "listen memory capped; a real client connects within 3 s; cookies keep the MSS",
    stories=(
        Story("100 000 SYNs in a second", _syn_flood, times=0, cuts=(), long=True),
        Story(
            "cookies keep the MSS", _cookies_keep_the_mss, times=3, cuts=(34, 58, -1), off_wire=FULL
        ),
    ),
)


def _silent_clients(stage: Stage) -> None:
    """10 000 complete handshakes with a listener that ignores them all, and then ends."""
    before = stage.counters()
    who = stage.ignoring()
    made: list[Conn] = []
    others = 10 if stage.busy else 0
    for block in range(100):
        conns = {port: Conn(stage, who.port, port) for port in (stage.fresh_port()
                 for _ in range(100))}  # fmt: skip
        stage.send(*(conn.segment("S") for conn in conns.values()))
        full = len(made) >= who.most  # then hardly anybody is answered, or nobody
        for frame in stage.hear(1 * MS) if full else stage.hear_some(len(conns), 1 * MS):
            got = parse_tcp(frame)
            if got is not None and got.port in conns:
                conns[got.port].take([frame])
        for conn in conns.values():
            conn.seq += 1
        answered = [conn for conn in conns.values() if conn.ack]
        stage.send(*(conn.segment("A") for conn in answered))
        stage.hear(1 * MS)
        made += answered
        stage.conns.clear()
        if block % 10 == 9:
            now = stage.counters()
            more = now["sockets_used"] - before["sockets_used"]
            assert more <= who.most + others, f"{more} sockets"
            assert now["syn_records_used"] <= 1024
    assert len(made) >= who.most - 1
    who.end(made)
    now = stage.counters()
    assert now["sockets_used"] <= before["sockets_used"] + others, "freed"
    assert now["connections_used"] <= before["connections_used"] + others
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
        Story("10 000 handshakes", _silent_clients, times=0, cuts=(), long=True),
        Story("told on close", _reset_on_close, times=10, off_wire=NO_LISTENER_CLOSES),
    ),
)


# ---- 41, 42: segments ----------------------------------------------------------------------------


def _holes(stage: Stage) -> None:
    """Every second byte of the whole window, then all of it."""
    port, user = stage.reading()
    conn = established(stage, port)
    before = stage.counters()
    frames = [conn.segment("PA", b"h", seq=i) for i in range(1, 65_534, 2)]
    stage.flood(frames, gap_us=5)
    now = stage.counters()
    assert 1 <= now["pieces_used"] <= 64
    assert now["mbufs_used"] - before["mbufs_used"] <= 200
    assert now["clusters_used"] - before["clusters_used"] <= 64
    assert now["tcp_dropped_reassembly_limit"] > before["tcp_dropped_reassembly_limit"]
    stage.drop()
    for at in range(0, 65_000, 1300):
        stage.send(conn.segment("PA", b"t" * 1300, seq=at))
        stage.hear(1 * MS)
    stage.hear(50 * MS)
    received = user.received
    assert len(received) == 65_000
    kept = received.count(b"h")
    assert 1 <= kept <= 64
    assert received.count(b"t") == 65_000 - kept
    conn.seq += 65_000
    conn.say("FA")
    stage.leave(conn)


def _sleeping_reader(stage: Stage) -> None:
    """60 000 segments of a byte, on a wire some less, for a reader who does not come to read: we
    take nothing of what it sends. Others find memory all the same, and every byte is right."""
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=0).open()
    sent, later = gen_stream(1, 0, 400_000), max(10_000, stage.often(60_000))
    conn.say("PA", b"gen 1 %d\nsink 42 %d\n" % (len(sent), later))
    before = stage.counters()
    start, text = conn.seq, gen_stream(42, 0, later)
    stage.flood(_single_bytes(conn, start, text), gap_us=5)
    now = stage.counters()
    more = {name: now[name] - before[name] for name in ("clusters_used", "mbufs_used")}
    assert more["clusters_used"] <= 512, more
    # 256 KiB of memory for its reader; and 512 KiB behind a hole, where the wire has lost some.
    assert more["mbufs_used"] <= 1024 + 2048 + 64, more
    conns = dict(stage.conns)
    stage.echo()
    stage.conns.update(conns)
    conn.take(stage.hear(50 * MS))
    # An ACK bears the number behind all that was sent: a window in an older one is an old window.
    conn.seq, conn.window = start + later, 65_535
    assert conn.read_all(len(sent))[: len(sent)] == sent
    for _ in range(100):  # what found no memory comes again
        if len(conn.heard) > len(sent):
            break
        had = (conn.acked - start) % MODULUS
        stage.flood(_single_bytes(conn, start + had, text[had : had + 2_000]), gap_us=5)
        stage.send(conn.segment("A"))
        conn.take(stage.hear(10 * MS))
    assert bytes(conn.heard[len(sent) :]) == b"OK %d\n" % later
    conn.abort()


def _single_bytes(conn: Conn, first: int, text: bytes) -> list[bytes]:
    """A segment for each byte; `first` is the number of the first."""
    frames = []
    frame = bytearray(conn.segment("A", b"\0") + b"\0")
    for i, byte in enumerate(text):
        f.patch(frame, 38, (first + i) >> 16 & 0xFFFF, 50)
        f.patch(frame, 40, (first + i) & 0xFFFF, 50)
        f.patch(frame, 54, byte << 8, 50)  # a byte, and the padding of its word
        frames.append(bytes(frame))
    return frames


CASE_41 = Case(
    41,
    "holes in the whole window",
    "reassembly capped in segments and memory",
    stories=(Story("32 767 single bytes", _holes, times=1, cuts=(54,)),),
)

CASE_42 = Case(
    42,
    "single bytes for a sleeping reader",
    "charged by memory; the window closes; no exhaustion for others",
    stories=(Story("60 000 of them", _sleeping_reader, times=0, cuts=(), busy=False),),
)


# ---- 44, 45: windows -----------------------------------------------------------------------------


def _shut(stage: Stage) -> None:
    """For ever: probes become rare, and after close it ends though every probe is answered."""
    conn = Conn(stage, PIRATE, stage.fresh_port(), window=0).open()
    probes: list[int] = []
    for _ in range(400):
        if gone(stage, conn):
            break
        if stage.hear(1 * S):
            probes.append(stage.now_us)
            stage.send(conn.segment("A"))
    assert gone(stage, conn), "closed by its user, and let go of in time"
    gaps = [b - a for a, b in pairwise(probes)]
    assert 2 < len(probes) < 20, "no storm of probes"
    assert max(gaps) <= 61 * S + stage.blur_us


def _shut_and_read_later(stage: Stage) -> None:
    """Without close: as long as the peer answers it may take its time; the probes back off."""
    text = gen_stream(44, 0, 100_000)
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=0).open()
    conn.say("PA", b"gen 44 %d\n" % len(text))
    probes: list[int] = []
    for second in range(160):
        if second % 60 == 59:
            conn.say("PA", b"\n")  # its user has patience with who says something
        if stage.hear(1 * S):
            probes.append(stage.now_us)
            stage.send(conn.segment("A"))
    gaps = [b - a for a, b in pairwise(probes)]
    assert 2 < len(probes) < 30
    assert 20 * S < max(gaps) <= 61 * S + stage.blur_us
    conn.window = 65535
    assert conn.read_all(len(text)) == text, "and then every byte comes"
    conn.abort()


def _flapping(stage: Stage) -> None:
    """0, 1, 0, 1: byte after byte, and no byte wrong."""
    text = gen_stream(44, 0, 3000)
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=0).open()
    conn.say("PA", b"gen 44 %d\n" % len(text))
    for step in range(400):
        conn.window = step & 1
        stage.send(conn.segment("A"))
        conn.take(stage.hear(20 * MS))
    assert 100 <= len(conn.heard) < len(text)
    assert text.startswith(bytes(conn.heard))
    conn.window = 65535
    assert conn.read_all(len(text)) == text
    stage.send(conn.segment("A"))
    conn.say("FA")
    stage.send(conn.segment("A"))


def _window_one(stage: Stage) -> None:
    """A window of a byte for a long answer: no silly windows, no storm, and it can be ended."""
    conn = Conn(stage, WANGDOODLE, stage.fresh_port(), window=1).open()
    count = len(conn.say("PA", b"big\n"))
    for _ in range(100):
        stage.send(conn.segment("A"))
        came = stage.hear_some(1, 100 * MS)
        count += len(came)
        conn.take(came)
    assert count <= 110
    assert len(conn.heard) > 50
    assert big_pattern().startswith(bytes(conn.heard))
    conn.abort()


CASE_44 = Case(
    44,
    "zero windows",
    "probes back off to 60 s at most; after close it is freed in time",
    stories=(
        Story("for ever, after close", _shut, times=3, cuts=(34, 48, 50, -1), long=True),
        Story("for long, then open", _shut_and_read_later, times=2, cuts=(34, 48, -1), long=True),
        Story("flapping", _flapping, times=2, cuts=(34, 48, -1), long=True),
    ),
)

CASE_45 = Case(
    45,
    "tiny windows",
    "no storm of tiny segments, no byte wrong",
    stories=(Story("one byte", _window_one, times=3, cuts=(34, 48, 50, -1)),),
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


def _first_numbers(stage: Stage) -> None:
    """From one number nobody tells another tuple's; and the same tuple's go on."""
    numbers = []
    for _ in range(200):
        conn = Conn(stage, 9, stage.fresh_port())
        stage.send(conn.segment("S"))
        assert conn.hear_own(1 * MS)
        numbers.append((conn.ack - 1) & 0xFFFFFFFF)
        stage.send(conn.segment("R", seq=1))
    stage.conns.clear()
    steps = {(b - a) & 0xFFFFFFFF for a, b in pairwise(numbers)}
    assert len(steps) > 195
    high = sum(number >> 31 for number in numbers)
    assert 50 < high < 150, "all over the circle"
    again = Conn(stage, 9, stage.fresh_port())
    seen = []
    for _ in range(5):
        stage.send(again.segment("S"))
        assert again.hear_own(1 * MS)
        seen.append((again.ack - 1) & 0xFFFFFFFF)
        again.stage.send(again.segment("R", seq=1))
        again.seq += 70_000
        stage.run_for(10 * MS)
    assert all(0 < (b - a) & 0xFFFFFFFF < 1 << 20 for a, b in pairwise(seen))


CASE_51 = Case(
    51,
    "first sequence numbers",
    "not to be guessed; monotonic within a tuple (RFC 6528)",
    stories=(Story("two hundred", _first_numbers, times=3, cuts=(34, 47, -1)),),
)

CASES = (CASE_39, CASE_40, CASE_41, CASE_42, CASE_44, CASE_45, CASE_49, CASE_51)
