"""One transfer: what is asked, and what came of it. Frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rig.verdict import Cause

if TYPE_CHECKING:
    from rig.traffic.visit import Visit

BIG_BYTES = 200_000
#: How a client behaves that is not simply eager: it reads slowly and lets its window close; it goes
#: away in the middle, by a close or by a reset.
Manner = Literal["", "slow", "leave", "reset"]


@dataclass(frozen=True, slots=True)
class Request:
    """`big` is the fixed pattern; `gen` a seeded stream of `size` bytes written in `chunk`s; `sink`
    the same stream the other way: the board compares.

    `stop_at`: bytes after which a client leaves or resets; 0: as soon as it is connected.
    """

    kind: Literal["big", "gen", "sink"] = "big"
    size: int = BIG_BYTES
    seed: int = 0
    chunk: int = 0
    half_close: bool = False
    manner: Manner = ""
    stop_at: int = 0

    @property
    def goes_away(self) -> bool:
        """It does not wait for the end."""
        return self.manner in ("leave", "reset")

    @property
    def share(self) -> int:
        """Bytes until the close, or until the client goes away."""
        return min(self.size, self.stop_at) if self.goes_away else self.size

    @property
    def command(self) -> bytes:
        """What wangdoodle is sent. It closes by itself after `big`; after `gen` it is asked to."""
        if self.kind == "big":
            return b"big\n"
        if self.kind == "sink":
            return f"sink {self.seed} {self.size}\n".encode("ascii")
        chunk = f" {self.chunk}" if self.chunk else ""
        return f"gen {self.seed} {self.size}{chunk}\nq\n".encode("ascii")

    def __str__(self) -> str:
        said = ["half-closed"] if self.half_close else []
        if self.goes_away:
            said.append(f"{self.manner} at {self.stop_at}")
        elif self.manner:
            said.append(self.manner)
        manner = f" ({', '.join(said)})" if said else ""
        return self.command.decode().partition("\n")[0] + manner


@dataclass(frozen=True, slots=True)
class Result:
    """`start` is in seconds since power-on. `abandoned`: the run ended while it was under way.
    `port`: this host's, of its last connection; 0: not known.
    """

    number: int
    start: float
    ms: float
    received: int
    cause: Cause | None = None
    detail: str = ""
    request: Request | Visit = field(default_factory=Request)
    abandoned: bool = False
    port: int = 0

    @property
    def ok(self) -> bool:
        """Every byte came, was right, and was the last one."""
        return self.cause is None and not self.abandoned

    def as_json(self) -> dict[str, Any]:
        """One line of transfers.jsonl."""
        line: dict[str, Any] = {
            "n": self.number,
            "start": round(self.start, 6),
            "ms": round(self.ms, 3),
            "bytes": self.received,
            "ok": self.ok,
        }
        if self.request != Request():
            line["request"] = str(self.request)
        if self.cause is not None:
            line |= {"cause": self.cause.value, "detail": self.detail}
            line |= {"port": self.port} if self.port else {}
        return line
