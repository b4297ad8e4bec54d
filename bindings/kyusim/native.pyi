from typing_extensions import Buffer

BIG_BYTES: int

def big_pattern() -> bytes:
    """The 200,000 bytes that ``big`` sends."""

def gen_stream(seed: int, offset: int, length: int) -> bytes:
    """Bytes ``offset`` .. ``offset + length`` of the stream of ``gen SEED``."""

def first_difference(a: Buffer, b: Buffer) -> int:
    """Offset of the first byte that differs, -1 when the buffers are equal."""
