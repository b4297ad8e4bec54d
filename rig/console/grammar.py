"""The console's grammar: the only home of its regular expressions. Contract: docs/console.md.

Rules     parse() never fails: what is not understood is Text. A frame with a wrong checksum is
          BadFrame, counted and kept as text; it never becomes an event.
          What is read of a crash of an earlier boot is wrapped in Earlier, and stays so.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PROMPT = "Kyu, ready> "
MARK = "@kyu "
LAST_CRASH = "last crash: "
WHILE_REPORTING = "while reporting: "
#: A board counts in 64 bits at most.
_NUMBER_END = 1 << 64

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
#: ANSI escapes and control characters: of a terminal, or of a line that was disturbed.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f]")
#: Bytes beyond ASCII as lines.to_text() writes them. The board itself escapes in upper case.
_NOISE = re.compile(r"\\x[89a-f][0-9a-f]")
_FRAME_END = re.compile(r" \*([0-9A-F]{4})")
_KIND = re.compile(r"@kyu ([a-z][a-z-]{0,31})(?= )")
_WAITS = re.compile(r"(?=(?:^|held by )(\S+) waits for (.+?) held by (\S+))")
_SLEEPS = re.compile(r"(?P<who>\S+) sleeps in (?P<event>.+) while it holds mutex (?P<lock>.+)")
_ORDER = re.compile(r"lock order: (?P<wanted>\S+) taken at \S+ while (?P<held>\S+) is held, .*")
_STORM = re.compile(
    r"interrupt storm: number \d+, served by (?P<handler>\S+)(?: -- (?P<pc>[0-9a-f]{8}))?, .*"
)
_DAMAGE = re.compile(
    r"pool (?P<pool>\S+), (?:object \d+ at|pointer) 0x[0-9a-f]{8}: (?P<how>[^,]+).*"
)
_ESCAPES_BYTES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
#: Control characters (but the line feed) and bytes beyond ASCII.
_DROPPED = bytes(b for b in (*range(32), *range(127, 256)) if b != 10)
#: A word of the console in any of a block of bytes: whatever else may be skipped unread.
SPEAKS = re.compile(rb"@kyu |PANIC: |FAULT: |Current thread is |Called from |, +FP = ")
#: Functions in which a thread waits or is switched: who called them is what a person asks.
_WAITING = re.compile(
    r"(?:^|::)(?:context_switch|Kernel::\w+|WaitQueue::\w+|Semaphore::\w+|Mutex::\w+"
    r"|Cond\w*::\w+|MessageQueue\w*::\w+|MutexGuard::\w+|ThreadContext::sleep\w*"
    r"|IrqsOff::~?IrqsOff|\w*irq\w*|on_interrupt)$"
)
#: The way into an interrupt handler: what stands above it in a traceback runs in one.
_IRQ_ENTRY = re.compile(r"(?:^|::)(?:irq_vector|kyu_handle_irq)$")
#: Functions whose business is to print a panic: never "the function that panicked".
_MACHINERY = re.compile(
    r"(?:^|::)(?:(?:bsd_)?panic(?:_format|_fault)?|\w*traceback\w*|check_failed|\w*crash_record\w*"
    r"|capture_registers|Mutex::(?:lock|lock_from|release|unlock|check_for_deadlock)"
    r"|MutexGuard::MutexGuard|LockOrder::\w+|Kernel::(?:block|check_may_sleep)"
    r"|(?:WaitQueue|Semaphore|CondVar)::wait|Thread::join|ThreadContext::sleep_\w+"
    r"|pool_damaged|PoolGuard::\w+)$"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A line for programs whose checksum is right."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def number(self, key: str, default: int = 0) -> int:
        """Decimal, or hex with 0x; `default` when absent or no number of a board."""
        return bounded(self.fields.get(key, ""), 0, default)

    def text(self, key: str, default: str = "") -> str:
        return self.fields.get(key, default)


@dataclass(frozen=True, slots=True)
class BadFrame:
    """Looks like a frame, but its checksum or its form is wrong."""

    text: str

    @property
    def torn(self) -> bool:
        """It has no end: the rest was cut off, not garbled."""
        return _FRAME_END.search(self.text) is None

    @property
    def claims(self) -> str:
        """The kind that it says to be; nothing proves it."""
        found = _KIND.match(self.text)
        return found[1] if found else "?"


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


Spoken = Frame | BadFrame | CurrentThread | StackLine | CalledFrom | PanicLine | FaultLine | Text


@dataclass(frozen=True, slots=True)
class Earlier:
    """A line of a crash of an earlier boot, which this boot has only found and repeats."""

    line: Spoken


Parsed = Spoken | Earlier


def bounded(digits: str, base: int, default: int = 0) -> int:
    """A number as a board has them; `default` for what no 64 bits hold.

    Python's numbers have no end, but a quotient or a float of them has: one line of digits would
    overflow wherever somebody reckons with it.
    """
    try:
        number = int(digits, base)
    except ValueError:  # also of more digits than Python reads
        return default
    return number if abs(number) < _NUMBER_END else default


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection."""
    return binascii.crc_hqx(data, 0xFFFF)


def parse(line: str) -> Parsed:
    """One line, without its end, to what it says."""
    if line.startswith(LAST_CRASH):
        return Earlier(_spoken(line[len(LAST_CRASH) :]))
    return _spoken(line)


def _spoken(line: str) -> Spoken:
    if line.startswith(MARK):
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


def understood(parsed: Parsed) -> bool:
    """It says something, and nothing about it is known to be wrong."""
    line = parsed.line if isinstance(parsed, Earlier) else parsed
    return not isinstance(line, Text | BadFrame)


#: Places of one line at which a frame is looked for, and ends at which it is tried.
_MARKS_MAX = 16
_ENDS_MAX = 16


def proven_frame(line: str, start: int) -> tuple[Frame, int] | None:
    """The frame that begins at `start` and whose checksum is right, and where it ends."""
    crc, done = 0xFFFF, start
    for count, end in enumerate(_FRAME_END.finditer(line, start)):
        if count == _ENDS_MAX:
            return None
        try:
            crc = binascii.crc_hqx(line[done : end.start()].encode("ascii"), crc)
        except UnicodeEncodeError:
            return None
        done = end.start()
        if crc == int(end[1], 16):
            frame = _parse_frame(line[start : end.end()])
            if isinstance(frame, Frame):
                return frame, end.end()
    return None


def pieces(line: str) -> list[str | Frame]:
    """A line in which frames stand that do not begin it: they, and what is between them."""
    found: list[str | Frame] = []
    at = start = 0
    for _ in range(_MARKS_MAX):
        start = line.find(MARK, start)
        if start < 0:
            break
        proven = proven_frame(line, start)
        if proven is None:
            start += len(MARK)
            continue
        found += [line[at:start], proven[0]] if line[at:start].strip() else [proven[0]]
        at = start = proven[1]
    return [*found, line[at:]] if line[at:].strip() else found


def clean(line: str) -> str:
    """The line without what a terminal or a disturbed wire has put into it, but no letter less."""
    return line if line.isprintable() else _ESCAPES.sub("", line)


def without_noise(line: str) -> str:
    """The line without bytes beyond ASCII, which the board never sends."""
    return _NOISE.sub("", line)


def is_silent(block: bytes) -> bool:
    """True for bytes of whole lines in which the board says nothing to a program."""
    if b"\x1b" in block:
        block = _ESCAPES_BYTES.sub(b"", block)
    return SPEAKS.search(block.translate(None, _DROPPED)) is None


def waits_told(reason: str) -> tuple[tuple[str, str, str], ...]:
    """(who, lock, held by whom), as the reason of a deadlock tells it."""
    return tuple((m[1], m[2], m[3]) for m in _WAITS.finditer(reason))


def sleep_told(reason: str) -> tuple[str, str, str] | None:
    """(who, what it was to wait for, the mutex that it holds), of a sleep that was refused."""
    found = _SLEEPS.fullmatch(reason)
    return (found["who"], found["event"], found["lock"]) if found else None


def order_told(reason: str) -> tuple[str, str] | None:
    """(the mutex wanted, the one held), of two mutexes that were taken in both orders."""
    found = _ORDER.fullmatch(reason)
    return (found["wanted"], found["held"]) if found else None


def damage_told(reason: str) -> tuple[str, str] | None:
    """(pool, what was done to it), of a pool whose damage was noticed."""
    found = _DAMAGE.fullmatch(reason)
    return (found["pool"], found["how"]) if found else None


def storm_told(reason: str) -> tuple[str, int] | None:
    """(its handler, the address of that or 0), of an interrupt that came again and again."""
    found = _STORM.fullmatch(reason)
    return (found["handler"], int(found["pc"] or "0", 16)) if found else None


def is_irq_entry(function: str) -> bool:
    """True for the functions through which the processor comes to an interrupt handler."""
    return _IRQ_ENTRY.search(function) is not None


def is_idling(function: str) -> bool:
    """True for the function in which the processor stands while no thread can run."""
    return function.rpartition("::")[2] == "wait_for_interrupt"


def is_waiting(function: str) -> bool:
    """True for the functions in which every thread stands that waits."""
    return _WAITING.search(function) is not None


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
