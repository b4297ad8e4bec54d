import enum

from typing_extensions import Buffer

BIG_BYTES: int

def big_pattern() -> bytes:
    """The 200,000 bytes that ``big`` sends."""

def gen_stream(seed: int, offset: int, length: int) -> bytes:
    """Bytes ``offset`` .. ``offset + length`` of the stream of ``gen SEED``."""

def first_difference(a: Buffer, b: Buffer) -> int:
    """Offset of the first byte that differs, -1 when the buffers are equal."""

class Step(enum.Enum):
    """Why ``Fetch.go()`` came back. After the first four it may be called again."""

    CONNECTING = 0
    WAITING = 1
    CLOSING = 2
    PAUSED = 3
    DONE = 4
    EARLY = 5
    WRONG = 6
    EXTRA = 7
    UNREACHED = 8
    BROKEN = 9

class Fetch:
    """One transfer from a board, each byte compared, without the interpreter."""

    def __init__(
        self,
        host: str,
        port: int,
        command: bytes,
        *,
        seed: int | None,
        size: int,
        window: int = ...,
        half_close: bool = ...,
        until_close: bool = ...,
        quiet_s: float = ...,
    ) -> None:
        """``seed``: of ``gen``; None: ``big``. ``size``: bytes until the close, or until the client
        goes away (``until_close`` false). ValueError for what is no IPv4 address.
        """

    def go(self, most: int) -> Step:
        """Until there is news, ``quiet_s`` have gone by, or ``most`` bytes."""

    def close(self, reset: bool = ...) -> None: ...
    @property
    def received(self) -> int: ...
    @property
    def at(self) -> int:
        """WRONG: offset of the first wrong byte."""

    @property
    def found(self) -> bytes:
        """WRONG: the bytes from ``at`` on; EXTRA: those behind the last; at most 16."""

    @property
    def error(self) -> int:
        """errno of UNREACHED and BROKEN."""

    @property
    def port(self) -> int:
        """This host's end, by which a capture knows the connection; 0: there is none."""
