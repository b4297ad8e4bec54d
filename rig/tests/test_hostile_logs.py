"""Any bytes at all: no crash, no hang, no pass, bounded memory and bounded text."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.console import grammar, resync
from rig.console.crash import RECORD_CHARS_MAX
from rig.console.grammar import BadFrame, Earlier, Frame, parse, understood
from rig.console.lines import LINE_LIMIT_BYTES, LineSplitter, Silence, saved_lines
from rig.console.resync import read
from rig.console.symbols import Symbols
from rig.explain import BLOCK_BYTES, Explanation, log_events, replay
from rig.explain_text import render
from rig.tests.corpus_damage import Base
from rig.tests.make_corpus import HERE
from rig.tests.records import Crash, beats, boot, make_frame
from rig.verdict import Outcome

TEXT_MAX = 200_000
MEGABYTES = 100


def told(*blocks: bytes) -> list[Explanation]:
    return replay(log_events(blocks))


def text(found: list[Explanation]) -> str:
    return render(found, lambda _build: Symbols(None))


# Much of nothing. In a process of its own, so that its memory is its own.

HOSTILE = r"""
import json, random, resource, sys
from rig.console import grammar
from rig.explain import BLOCK_BYTES, log_events, replay
from rig.explain_text import render
from rig.console.symbols import Symbols
from rig.tests.test_hostile_logs import FLOODS

parses = 0
parse = grammar.parse
def counted(line):
    global parses
    parses += 1
    return parse(line)
import rig.console.resync as resync
resync.parse = counted

piece = FLOODS[sys.argv[1]]
block = (piece * (BLOCK_BYTES // len(piece) + 1))[:BLOCK_BYTES] if piece else None
chance = random.Random(1)
def blocks(count):
    for _ in range(count):
        yield block if block is not None else chance.randbytes(BLOCK_BYTES)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answers = []
for count in sys.argv[2:]:
    parses = 0
    found = replay(log_events(blocks(int(count))))
    said = render(found, lambda _build: Symbols(None))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    outcomes = [one.verdict.outcome if one.verdict else None for one in found]
    answers.append(dict(grown=grown << 10, parses=parses, said=len(said), outcomes=outcomes))
print(json.dumps(answers))
"""

#: What is said again and again without an end; None: random bytes.
FLOODS: dict[str, bytes] = {
    "one-line": b"x",
    "nuls": b"\0",
    "random": b"",
    "empty-lines": b"\n",
    "empty-lines-cr-lf": b"\r\n",
    "returns": b"\r",
    "escapes": b"\x1b[K\n",
    "prompts": grammar.PROMPT.encode(),
    "marks": b"@kyu ",
    "mark-lines": b"@kyu hb seq=1 up_ms=" + b"1" * 80 + b" *0000\n",
    "crash-frames": (
        make_frame("crash-frame", thread=1, n=1, pc="0x1", sym="f+1") + "\r\n"
    ).encode(),
    "calls": b"Called from " + b"f" * 80 + b"+1 -- 40001234\r\n",
    "panics": b"PANIC: " + b"again " * 20 + b"\r\n",
    "begins": (make_frame("crash-begin", v=1, reason="x" * 3000) + "\r\n").encode(),
    "boots": (boot()[0] + "\r\n").encode(),
    "warnings": (make_frame("warn", what="x", text="y" * 3000) + "\r\n").encode(),
    "last-crash": ("last crash: " + make_frame("crash-pool", name="z") + "\r\n").encode(),
    "torn": b"@kyu crash-th" + beats(1)[0].encode() + b"\n",
}
LARGE = ("one-line", "random", "empty-lines")
QUIET = (*LARGE, "nuls", "empty-lines-cr-lf", "returns", "escapes", "prompts")
GROWTH_BYTES_MAX = 32 << 20
MEGABYTE_BLOCKS = (1 << 20) // BLOCK_BYTES


def flood(name: str, *blocks: int) -> list[dict[str, Any]]:
    """What came of logs of so many blocks, all in one process."""
    command = [sys.executable, "-c", HOSTILE, name, *map(str, blocks)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("name", QUIET)
def test_a_hundred_megabytes_of_nothing_cost_no_memory_and_are_not_even_read(name: str) -> None:
    megabytes = MEGABYTES if name in LARGE else MEGABYTES // 10
    (answer,) = flood(name, megabytes * MEGABYTE_BLOCKS)
    assert answer["grown"] < GROWTH_BYTES_MAX
    assert answer["parses"] < 100, "blocks that say nothing are counted, not parsed"
    assert answer["said"] < 1000
    assert answer["outcomes"] == [Outcome.INCONCLUSIVE]


@pytest.mark.parametrize("name", [name for name in FLOODS if name not in QUIET])
def test_a_board_that_babbles_costs_bounded_memory_and_linear_work(name: str) -> None:
    small, large = flood(name, 1, 4)
    assert large["grown"] < GROWTH_BYTES_MAX
    assert large["parses"] <= 4 * small["parses"] + 100
    assert large["said"] < TEXT_MAX
    assert Outcome.PASSED not in large["outcomes"]


def test_a_record_that_never_ends_is_bounded_and_still_told() -> None:
    crash = Crash()
    frame = make_frame("crash-frame", thread=5, n=1, pc="0x40011d18", sym="g" * 100)
    babble = ("\r\n".join([*crash.lines()[:-1], *[frame] * 20_000]) + "\r\n").encode()
    (found,) = told(babble)
    assert found.watch.crash.chars <= RECORD_CHARS_MAX
    assert found.watch.crash.beyond > 10_000
    assert found.verdict is not None
    assert found.verdict.function == "planted_panic"
    assert "lines more than a record may have were left out" in text([found])
    assert len(text([found])) < TEXT_MAX


# Any bytes, and any damage to a true log

TRUE = b"".join(
    (HERE / name).read_bytes()
    for name in (
        "real-hold-and-wait.log",
        "last-crash-mends-a-torn-record.log",
        "panic-in-the-traceback.log",
        "real-null-call.log",
    )
)
SLIM = "\r\n".join(Base("real-panic.log").lines).encode() + b"\r\n"
WORDS = st.sampled_from(
    [
        b"@kyu ", b"PANIC: ", b"PANIC: while reporting: ", b"last crash: ", b"Kyu, ready> ",
        b"\r", b"\n", b"\0", b"\x1b[0m", b"\xff", b" *0000", b'"', b"\\",
        b"FAULT: data abort at 40000000\n", b"Current thread is x\n",
        *(x.encode() + b"\n" for x in [*boot(), *Crash().lines(), *Crash().kept()[:4]]),
    ]
)  # fmt: skip
ANYTHING = st.lists(st.one_of(st.binary(max_size=30), WORDS), max_size=30).map(b"".join)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A true log, some of it cut out, doubled, moved or written over."""
    data = bytearray(draw(st.sampled_from([TRUE, SLIM])))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 400))
        match draw(st.sampled_from(["cut", "double", "move", "write", "put"])):
            case "cut":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length]
            case "move":
                piece = bytes(data[at : at + length])
                del data[at : at + length]
                where = draw(st.integers(0, len(data)))
                data[where:where] = piece
            case "write":
                data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "put":
                data[at:at] = draw(WORDS)
    return bytes(data)


@MANY
@given(ANYTHING)
def test_any_bytes_are_told_without_a_pass_and_without_an_error(data: bytes) -> None:
    found = told(data)
    assert all(one.verdict is None or one.verdict.outcome is not Outcome.PASSED for one in found)
    assert len(text(found)) < TEXT_MAX


@MANY
@given(mutations())
def test_any_damage_to_a_true_log_is_told(data: bytes) -> None:
    found = told(data)
    said = text(found)
    assert "PASSED" not in said
    assert len(said) < TEXT_MAX
    for one in found:
        assert one.watch.bad_frames >= 0
        assert one.first_line <= one.last_line + 1


@MANY
@given(mutations(), st.integers(1, 5000))
def test_what_is_told_does_not_depend_on_how_the_log_is_read(data: bytes, size: int) -> None:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    whole, pieces = told(data), told(*cut)
    assert [one.verdict for one in whole] == [one.verdict for one in pieces]
    assert [one.watch.crash for one in whole] == [one.watch.crash for one in pieces]


@MANY
@given(st.one_of(ANYTHING, mutations()), st.integers(1, 9000))
def test_a_saved_log_says_what_the_live_console_said(data: bytes, size: int) -> None:
    splitter = LineSplitter()
    live = [*splitter.feed(data), *splitter.flush()]
    saved = saved_lines(data[at : at + size] for at in range(0, len(data), size))
    heard = [line.text for line in saved if not isinstance(line, Silence)]
    assert [t for t in heard if _says(t)] == [line.text for line in live if _says(line.text)]


def _says(line: str) -> bool:
    return any(understood(one) or isinstance(one, BadFrame) for one in read(line)[0])


def test_a_word_that_a_block_ends_in_is_heard() -> None:
    line = b"PANIC: the very end\r\n"
    for cut in range(len(line)):
        for before in (b"", b"y" * (BLOCK_BYTES - cut)):
            data = before + b"\r\n" + line
            at = len(data) - len(line) + cut
            (found,) = told(data[:at], data[at:])
            assert found.verdict is not None, cut


def test_the_rest_of_a_torn_line_is_read_wherever_a_block_ends() -> None:
    line = make_frame("crash-pool", name="mbufs", used=1, total=2, high=1, failed=0)
    beat = beats(1)[0]
    log = f"{beat}\r\n{line[:31]}{beat}\r\n{line[31:]}\r\nhello\r\n".encode()
    whole = told(log)[0].watch.crash.frames
    assert [frame.kind for frame in whole] == ["crash-pool"]
    for at in range(len(log)):
        assert told(log[:at], log[at:])[0].watch.crash.frames == whole, at
    assert told(*(log[at : at + 1] for at in range(len(log))))[0].watch.crash.frames == whole


def test_nothing_behind_a_crash_is_counted_and_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(line: str) -> grammar.Parsed:
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(resync, "parse", counted)
    crash = "\r\n".join(["", *Crash().lines(), ""]).encode()
    nothing = [b"".join(b"nothing %d\r\n" % n for n in range(1000))] * 20
    (found,) = told(crash, *nothing)
    assert found.verdict is not None
    assert found.last_line > 20_000
    assert len(parsed) < 1000


def test_lines_are_counted_alike_wherever_a_block_ends() -> None:
    log = b"one\r\ntwo\r\nPANIC: three\r\n"
    assert {told(log[:at], log[at:])[0].last_line for at in range(len(log))} == {3}


def test_a_frame_behind_a_line_without_an_end_is_heard_wherever_it_begins() -> None:
    frame = make_frame("crash-begin", v=1, kind="panic", reason="r", thread="t", func="f")
    for length in (*range(LINE_LIMIT_BYTES - 20, LINE_LIMIT_BYTES + 20), 3 * LINE_LIMIT_BYTES):
        (found,) = told(b"x" * length + frame.encode() + b"\r\n")
        assert found.verdict is not None, length
        assert found.verdict.function == "f"


# Interleaving

FRAMES = st.sampled_from(beats(5))
LINES = st.sampled_from(
    [line for line in SLIM.decode().split("\r\n") if line.startswith("@kyu crash")]
)


@given(LINES, FRAMES, st.data())
def test_a_frame_printed_into_another_costs_neither(
    line: str, intruder: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(line) - 1))
    first, torn = read(line[:at] + intruder)
    second, rest = read(line[at:], torn)
    assert rest == ""
    assert list(first) == [parse(intruder)]
    assert list(second) == [parse(line)]


@given(LINES, st.data())
def test_a_repeated_crash_never_becomes_one_of_this_boot(line: str, data: st.DataObject) -> None:
    prefix = bytearray(b"last crash: ")
    for _ in range(data.draw(st.integers(0, 3))):
        prefix[data.draw(st.integers(0, len(prefix) - 1))] = data.draw(st.integers(0x20, 0x7E))
    said, _ = read(prefix.decode() + line)
    assert not [one for one in said if isinstance(one, Frame)], said
    assert [one for one in said if isinstance(one, Earlier)]


def test_torn_lines_whose_rest_never_comes_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    def counted(line: str) -> grammar.Parsed:
        nonlocal looked_at
        looked_at += len(line)
        return parse(line)

    monkeypatch.setattr(resync, "parse", counted)
    torn, beat = "", 0
    for number in range(2000):
        said, torn = read(f"a stray line {number} without its end {'x' * 160}{beats(1)[0]}", torn)
        beat += sum(isinstance(one, Frame) for one in said)
        assert len(torn) <= LINE_LIMIT_BYTES
    assert beat == 2000
    assert looked_at < 2000 * 3 * LINE_LIMIT_BYTES, (
        "each line costs the same, the last as the first"
    )


@given(st.text(st.characters(max_codepoint=0x17F), max_size=400), st.text(max_size=60))
def test_any_line_after_any_torn_one_is_read(line: str, torn: str) -> None:
    said, left = read(line, torn)
    assert len(said) <= 64
    assert len(left) <= len(line) + len(torn)
