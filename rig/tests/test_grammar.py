"""The console's grammar: what is promised of any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.console.grammar import (
    PROMPT,
    BadFrame,
    CalledFrom,
    FaultLine,
    Frame,
    PanicLine,
    Text,
    crc16,
    is_machinery,
    make_frame,
    parse,
)
from rig.console.lines import LINE_LIMIT_BYTES, LineSplitter, RawLine

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([PROMPT.encode(), b"Kyu, ", b"\r\n", b"\n", b"\r", b"@kyu hb seq=1 *0000"]),
        st.just(b"x" * (LINE_LIMIT_BYTES - 1)),
    ),
    max_size=12,
)


def split(chunks: list[bytes]) -> list[RawLine]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.flush()]


@given(PIECES, st.integers(1, 64))
def test_lines_depend_on_the_bytes_and_not_on_the_reads(pieces: list[bytes], size: int) -> None:
    whole = b"".join(pieces)
    cut = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert split([whole]) == split(pieces) == split(cut)


@given(PIECES)
def test_no_byte_is_lost_but_line_ends_and_prompts(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    text = "".join(line.text for line in split([whole]))
    for word in (b"\r", b"\n"):
        whole = whole.replace(word, b"")
    assert text.replace("\r", "") == whole.decode("ascii", errors="backslashreplace")


@given(st.text(max_size=200))
def test_any_text_parses_to_something(line: str) -> None:
    assert parse(line) is not None


@given(
    st.from_regex(r"[a-z][a-z-]{0,10}", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
        st.text(st.characters(max_codepoint=255), max_size=20),
        max_size=5,
    ),
)
def test_a_frame_comes_back_as_it_was_made(kind: str, fields: dict[str, str]) -> None:
    parsed = parse(make_frame(kind, **fields))
    assert isinstance(parsed, Frame)
    assert parsed.kind == kind
    assert dict(parsed.fields) == fields


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_flipped_byte_is_never_believed(at: int, flip: int) -> None:
    good = make_frame("hb", seq=7, up_ms=7000, transfers=42)
    at %= len(good)
    bad = good[:at] + chr(ord(good[at]) ^ flip) + good[at + 1 :]
    assert not isinstance(parse(bad), Frame)


def test_the_checksum_is_the_published_one() -> None:
    assert crc16(b"123456789") == 0x29B1, "CRC-16/CCITT-FALSE, the catalogue's check value"


def test_quoted_values_are_unescaped() -> None:
    parsed = parse(make_frame("warn", text='say "no"\\\n*'))
    assert isinstance(parsed, Frame)
    assert parsed.text("text") == 'say "no"\\\n*'


def test_numbers_are_decimal_or_hex_and_nonsense_is_the_default() -> None:
    frame = Frame("crash-regs", {"pc": "0x40008000", "n": "12", "x": "what"})
    assert (frame.number("pc"), frame.number("n")) == (0x4000_8000, 12)
    assert (frame.number("x", 5), frame.number("absent", 6)) == (5, 6)


@pytest.mark.parametrize("digits", ["1" + "0" * 20, "9" * 400, "9" * 5000, "0x1" + "0" * 16])
def test_what_no_64_bits_hold_is_no_number(digits: str) -> None:
    frame = Frame("hb", {"up_ms": digits, "least": f"-{digits}", "most": "0xffffffffffffffff"})
    assert (frame.number("up_ms", 5), frame.number("least", 6)) == (5, 6)
    assert frame.number("most") == 2**64 - 1


def test_traceback_lines_are_understood() -> None:
    assert parse("Called from m_copym+dc -- 4002ceac") == CalledFrom("m_copym", 0xDC, 0x4002CEAC)
    assert parse("Called from thr_exit -- 4000f554") == CalledFrom("thr_exit", 0, 0x4000F554)
    assert parse("PANIC: BSD tcp") == PanicLine("BSD tcp")
    fault = "FAULT: data abort at 4002ceac, address 00000010, status 00000805"
    assert parse(fault) == FaultLine("data abort", 0x4002CEAC, 0x10, 0x805)
    assert isinstance(parse("@kyu nonsense"), BadFrame)
    assert parse("hello") == Text("hello")


def test_the_functions_that_print_a_panic_are_not_its_place() -> None:
    assert is_machinery("bsd_panic")
    assert is_machinery("kyu::panic")
    assert is_machinery("kyu::check_failed")
    assert not is_machinery("m_copym")
