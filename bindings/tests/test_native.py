"""The streams that the rig compares with are the firmware's own."""

import pytest

from kyusim import native


def test_big_is_the_originals_recognisable_text() -> None:
    big = native.big_pattern()
    assert len(big) == native.BIG_BYTES == 200_000
    assert big[:10] == b"ST001ST001"
    assert big[2_000:2_005] == b"PK001"
    assert big[-5:] == b"EN004"


def test_any_piece_of_a_stream_equals_that_part_of_the_whole() -> None:
    whole = native.gen_stream(7, 0, 1000)
    for offset in (0, 1, 7, 8, 9, 500, 999):
        assert native.gen_stream(7, offset, 1000 - offset) == whole[offset:]


def test_the_first_difference_is_found_to_the_byte() -> None:
    good = bytes(1000)
    bad = bytearray(good)
    bad[617] = 1
    assert native.first_difference(good, bad) == 617
    assert native.first_difference(good, good) == -1
    assert native.first_difference(good, good[:10]) == 10
    assert native.first_difference(b"", b"") == -1


def test_what_makes_no_sense_is_a_clear_error() -> None:
    with pytest.raises(TypeError):
        native.first_difference("text", b"bytes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 GiB"):
        native.gen_stream(1, 0, 2 << 30)
