"""What the bytes must be: the firmware's own generators, reached through the bindings.

Rules     the patterns are written once, in firmware/services/wangdoodle/pattern.hpp. Nothing here
          makes a pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rig.errors import UserError
from rig.traffic.request import Request

Buffer = bytes | bytearray | memoryview


class Native(Protocol):
    def big_pattern(self) -> bytes: ...
    def gen_stream(self, seed: int, offset: int, length: int) -> bytes: ...
    def first_difference(self, a: Buffer, b: Buffer) -> int: ...


def native() -> Native:
    """kyusim.native. Raises UserError when the bindings are not built."""
    try:
        from kyusim import native as module
    except ImportError as error:
        raise UserError(
            f"the package kyusim is not there ({error})",
            mend="run make soak, which builds it",
        ) from None
    found: Native = module
    return found


def expectation(request: Request, source: Native) -> Callable[[int, int], bytes]:
    """(offset, length) to the bytes that must be there."""
    if request.kind == "big":
        pattern = source.big_pattern()

        def big(offset: int, length: int) -> bytes:
            return pattern if length == len(pattern) else pattern[offset : offset + length]

        return big
    return lambda offset, length: source.gen_stream(request.seed, offset, length)


def hex_context(data: Buffer, at: int, around: int = 8) -> str:
    """The bytes around `at` in hex, the one at `at` in brackets."""
    first = max(0, at - around)
    shown = bytes(data[first : at + around + 1])
    words = [f"{byte:02x}" for byte in shown]
    if 0 <= at - first < len(words):
        words[at - first] = f"[{words[at - first]}]"
    return " ".join(words)
