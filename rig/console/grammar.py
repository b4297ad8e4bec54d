"""The console's grammar: the only home of its regular expressions. Contract: docs/console.md.

Rules     parse() never fails: what is not understood is Text. A frame with a wrong checksum is
          BadFrame, counted and kept as text; it never becomes an event.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PROMPT = "Kyu, ready> "

_FRAME = re.compile(r"@kyu (?P<body>[a-z][a-z-]*(?: .*)?) \*(?P<crc>[0-9A-F]{4})")
_PAIR = re.compile(
    r' (?P<key>[a-z][a-z0-9_]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^ "\\*]*))'
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)")
_CURRENT = re.compile(r"Current thread is (?P<thread>\S+)")
_STACK = re.compile(r" ?SP = (?P<sp>[0-9a-f]{8}), +FP = (?P<fp>[0-9a-f]{8})")
_CALLED = re.compile(
    r"Called from (?P<name>.+?)(?:\+(?P<offset>[0-9a-f]+))? -- (?P<pc>[0-9a-f]{8})"
)
_PANIC = re.compile(r"PANIC: (?P<reason>.*)")
_FAULT = re.compile(
    r"FAULT: (?P<type>[a-z ]+?) at (?P<pc>[0-9a-f]{8})"
    r"(?:, address (?P<addr>[0-9a-f]{8}))?(?:, status (?P<status>[0-9a-f]{8}))?"
)
#: Functions whose business is to print a panic: never "the function that panicked".
_MACHINERY = re.compile(r"(?:^|::)(?:\w*panic\w*|\w*traceback\w*|check_failed|\w*crash_record\w*)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """A line for programs whose checksum is right."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def number(self, key: str, default: int = 0) -> int:
        """Decimal, or hex with 0x; `default` when absent or not a number."""
        try:
            return int(self.fields.get(key, ""), 0)
        except ValueError:
            return default

    def text(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Looks like a frame, but its checksum or its form is wrong."""

    text: str


@dataclass(frozen=True, slots=True)
class CurrentThread:
    """First line of a traceback."""

    thread: str


@dataclass(frozen=True, slots=True)
class StackLine:
    sp: int
    fp: int


@dataclass(frozen=True, slots=True)
class CalledFrom:
    """One frame of a traceback, innermost first."""

    name: str
    offset: int
    pc: int


@dataclass(frozen=True, slots=True)
class PanicLine:
    reason: str


@dataclass(frozen=True, slots=True)
class FaultLine:
    type: str
    pc: int
    address: int | None
    status: int | None


@dataclass(frozen=True, slots=True)
class Text:
    text: str


Parsed = Frame | BadFrame | CurrentThread | StackLine | CalledFrom | PanicLine | FaultLine | Text


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection."""
    return binascii.crc_hqx(data, 0xFFFF)


def parse(line: str) -> Parsed:
    """One line, without its end, to what it says."""
    if line.startswith("@kyu "):
        return _parse_frame(line)
    if found := _CALLED.fullmatch(line):
        return CalledFrom(found["name"], int(found["offset"] or "0", 16), int(found["pc"], 16))
    if found := _CURRENT.fullmatch(line):
        return CurrentThread(found["thread"])
    if found := _STACK.fullmatch(line):
        return StackLine(int(found["sp"], 16), int(found["fp"], 16))
    if found := _PANIC.fullmatch(line):
        return PanicLine(found["reason"])
    if found := _FAULT.fullmatch(line):
        return FaultLine(
            found["type"], int(found["pc"], 16), _hex(found["addr"]), _hex(found["status"])
        )
    return Text(line)


def is_machinery(function: str) -> bool:
    """True for the functions that print a panic rather than cause it."""
    return _MACHINERY.search(function) is not None


def make_frame(kind: str, /, **fields: str | int) -> str:
    """A frame as the board would print it; the tests' and the fake board's way to speak."""
    body = "".join(f" {key}={_quote(str(value))}" for key, value in fields.items())
    head = f"@kyu {kind}{body}"
    return f"{head} *{crc16(head.encode('latin-1')):04X}"


def _parse_frame(line: str) -> Frame | BadFrame:
    found = _FRAME.fullmatch(line.rstrip(" "))
    if not found:
        return BadFrame(line)
    body = found["body"]
    try:
        covered = f"@kyu {body}".encode("ascii")
    except UnicodeEncodeError:
        return BadFrame(line)
    if crc16(covered) != int(found["crc"], 16):
        return BadFrame(line)
    kind, _, _ = body.partition(" ")
    fields: dict[str, str] = {}
    at = len(kind)
    while at < len(body):
        pair = _PAIR.match(body, at)
        if not pair:
            return BadFrame(line)
        quoted = pair["quoted"]
        fields[pair["key"]] = pair["bare"] if quoted is None else _unescape(quoted)
        at = pair.end()
    return Frame(kind, MappingProxyType(fields))


def _unescape(quoted: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else code

    return _ESCAPE.sub(one, quoted)


def _quote(value: str) -> str:
    if value and all(0x21 <= ord(c) <= 0x7E and c not in '"\\*' for c in value):
        return value
    escaped = "".join(
        "\\" + c if c in '"\\' else c if 0x20 <= ord(c) <= 0x7E else f"\\x{ord(c) & 0xFF:02X}"
        for c in value
    )
    return f'"{escaped}"'


def _hex(text: str | None) -> int | None:
    return None if text is None else int(text, 16)
