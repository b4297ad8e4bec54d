"""What a wire does to frames, as a person writes it: `--faults PLAN`.

    loss=1% delay=2ms                    both directions
    to_host.loss=100%                    the board is not heard any more
    plan.toml                            a file, where the weather may change with time:

        seed = 7                         without: the run's
        [both]                           or to_board, to_host; they are laid over `both`
        loss = "1%"
        [[then]]                         from then on this, and nothing of what was before
        after = "30s"
        to_board = { loss = "100%" }

Rules     a plan is a value, and str(plan) reads back as the same plan. What it means is defined by
          firmware/port/host/fates.hpp, for this wire and for the simulator's.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from rig import toml_file
from rig.errors import UserError

WHERE = "--faults"
CHANCES = ("loss", "burst_start", "burst_end", "duplicate", "reorder", "corrupt", "truncate")
WAYS = ("to_board", "to_host")
_TABLES = ("both", *WAYS)
_TIMES = ("delay", "jitter", "flaps", "after")
_UNITS_US = {"us": 1, "ms": 1000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
_UNITS_BYTES = {"": 1, "k": 1000, "M": 1_000_000, "G": 1_000_000_000}
_NUMBER = r"(\d{1,12}(?:\.\d{1,9})?)"
#: pydantic's context of what a person wrote; the rig's own lanes hold plain microseconds.
_WRITTEN = object()


def _chance(value: Any) -> Any:
    if isinstance(value, str) and (found := re.fullmatch(_NUMBER + "%", value)):
        return float(found[1]) / 100
    if isinstance(value, str) and re.fullmatch(_NUMBER, value):
        return float(value)
    return value


def _us(value: Any, info: ValidationInfo) -> Any:
    """Microseconds; a person, in words or in a file, says the unit."""
    if isinstance(value, str):
        found = re.fullmatch(_NUMBER + r" ?(us|ms|s|min|h)", value)
        if not found:
            raise ValueError(f"{value[:40]!r} is no time, as 500us, 2ms, 1.5s, 10min are")
        return round(float(found[1]) * _UNITS_US[found[2]])
    if info.context is _WRITTEN and isinstance(value, int | float):
        raise ValueError(f'{_short(value)} is no time: it lacks its unit, as in "2ms" or "1.5s"')
    return value


def _time(us: int) -> str:
    """As a person would write it."""
    unit = next(unit for unit in reversed(_UNITS_US) if us % _UNITS_US[unit] == 0)
    return f"{us // _UNITS_US[unit]}{unit}"


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(_NUMBER + r" ?([kMG]?)(?:B/s)?", value)
        if not found:
            raise ValueError(f"{value[:40]!r} is no rate in bytes a second, as 500k and 10MB/s are")
        return round(float(found[1]) * _UNITS_BYTES[found[2]])
    return value


def _flaps(value: Any) -> Any:
    if isinstance(value, str):
        pairs = [word.split("-") for word in value.split("/") if word]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"{value[:60]!r} are no times DOWN-UP/DOWN-UP, as in 5s-6s/10s-10.5s")
        return tuple((down, up) for down, up in pairs)
    return value


Chance = Annotated[float, BeforeValidator(_chance), Field(ge=0, le=1)]
Us = Annotated[int, BeforeValidator(_us), Field(ge=0, le=10 * _UNITS_US["s"])]
LongUs = Annotated[int, BeforeValidator(_us), Field(ge=0, le=1000 * _UNITS_US["h"])]
Rate = Annotated[int, BeforeValidator(_rate), Field(ge=0, le=1 << 40)]
Flaps = Annotated[tuple[tuple[LongUs, LongUs], ...], BeforeValidator(_flaps)]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lane(_Value):
    """One direction. Chances are per frame; times in microseconds, rate in bytes a second."""

    delay: Us = 0
    jitter: Us = 0
    rate: Rate = 0
    loss: Chance = 0.0
    burst_start: Chance = 0.0
    burst_end: Chance = 0.0
    duplicate: Chance = 0.0
    reorder: Chance = 0.0
    corrupt: Chance = 0.0
    truncate: Chance = 0.0
    flaps: Flaps = ()

    @model_validator(mode="after")
    def _right(self) -> Self:
        if self.burst_start > 0 and self.burst_end == 0:
            raise ValueError("burst_start needs burst_end: a burst has to end")
        if any(up <= down for down, up in self.flaps):
            raise ValueError("a flap ends before it begins")
        return self

    @property
    def clear(self) -> bool:
        """Nothing happens to any frame."""
        return self == Lane()

    def fate_plan(self) -> dict[str, Any]:
        """Arguments of FatePlan, in kyusim as for the real wire."""
        chances = {name: getattr(self, name) for name in CHANCES}
        times = {"delay_us": self.delay, "jitter_us": self.jitter, "rate_bytes_per_s": self.rate}
        return {**chances, **times, "flaps": self.flaps}

    def words(self, prefix: str = "") -> Iterator[str]:
        for name, value in self:
            if value == Lane.model_fields[name].default:
                continue
            if name in CHANCES:
                yield f"{prefix}{name}={value:.10g}"
            elif name == "flaps":
                yield f"{prefix}flaps=" + "/".join(f"{down}us-{up}us" for down, up in value)
            else:
                yield f"{prefix}{name}={value}" + ("" if name == "rate" else "us")


class Phase(_Value):
    """The weather from `after` (microseconds since the plan began) until the next phase."""

    after: LongUs = 0
    to_board: Lane = Lane()
    to_host: Lane = Lane()

    @model_validator(mode="before")
    @classmethod
    def _both(cls, raw: Any) -> Any:
        """`both` is for either direction; what a direction says itself wins."""
        if not isinstance(raw, dict) or "both" not in raw:
            return raw
        both = raw["both"]
        if not isinstance(both, Mapping):
            raise ValueError("both: a table of faults is needed")  # noqa: TRY004  pydantic's way
        rest = {name: value for name, value in raw.items() if name != "both"}
        for way in WAYS:
            own = rest.get(way, {})
            rest[way] = {**both, **own} if isinstance(own, Mapping) else own
        return rest


class FaultPlan(_Value):
    """`seed` None: the run's."""

    phases: tuple[Phase, ...]
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [phase.after for phase in self.phases]
        if times != sorted(set(times)):
            raise ValueError("then: each `after` must be later than the one before")
        return self

    def __str__(self) -> str:
        """One line, for people and for the report; the first phase reads back with parse()."""
        said = []
        for phase in self.phases:
            if phase.to_board == phase.to_host:
                words = [*phase.to_board.words()]
            else:
                words = [*phase.to_board.words("to_board."), *phase.to_host.words("to_host.")]
            at = f"after {phase.after / 1_000_000:g} s: " if phase.after else ""
            said.append(at + (" ".join(words) or "clear"))
        return "; ".join(said)


def brief(said: str) -> str:
    """What str(plan) says, in a part of a line: a night's weather has dozens of phases."""
    first, *more = said.split("; ")
    told = textwrap.shorten(first, 80, placeholder=" …")
    return f"{told}; and {len(more)} changes more" if more else told


def parse(text: str) -> FaultPlan:
    """A plan in words, or the path of a file that ends in .toml. Raises UserError."""
    if text.endswith(".toml"):
        return _from_file(Path(text))
    raw: dict[str, Any] = {}
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        way, dot, fault = name.rpartition(".")
        if not equals or (dot and way not in WAYS):
            raise UserError(
                f"{word[:60]!r} is no fault",
                where=WHERE,
                mend="as in loss=1% delay=2ms to_host.loss=100%, or the name of a .toml file",
            )
        table = raw.setdefault(way or "both", {})
        if fault in table:
            raise UserError(f"{name} is there twice", where=WHERE)
        table[fault] = value
    if not raw:
        raise UserError("no fault is named", where=WHERE, mend="as in loss=1% delay=2ms")
    return _checked({"phases": [raw]}, WHERE)


def _from_file(path: Path) -> FaultPlan:
    raw = toml_file.read(path, WHERE)
    first = {name: value for name, value in raw.items() if name in _TABLES}
    rest = {name: value for name, value in raw.items() if name not in {*_TABLES, "then"}}
    then = raw.get("then", [])
    if not isinstance(then, list):
        raise UserError(f"{path}: then: tables [[then]] are needed", where=WHERE)
    return _checked({**rest, "phases": [first, *then]}, str(path))


def _checked(raw: dict[str, Any], where: str) -> FaultPlan:
    try:
        return FaultPlan.model_validate(raw, context=_WRITTEN)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        parts = _place(raw, first["loc"], in_words=where == WHERE)
        place = ".".join(_short(part) for part in parts)
        raise UserError(
            f"{place}: {_said(first)}" if place else _said(first), where=where
        ) from None


def _place(raw: dict[str, Any], found: tuple[int | str, ...], *, in_words: bool) -> list[str]:
    """Where a person wrote what pydantic found: `both` has become either direction by then."""
    place = [part for part in found if isinstance(part, str) and part != "phases"]
    if found[:1] != ("phases",):
        return place
    number = found[1]
    phase = raw["phases"][number]
    if place and place[0] in WAYS and isinstance(phase, dict) and "both" in phase:
        own = phase.get(place[0], {})
        if isinstance(own, dict) and (place[1] not in own if place[1:] else not own):
            place = place[1:] if in_words else ["both", *place[1:]]
    return place if number == 0 else ["then", str(number), *place]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _said(error: Any) -> str:
    """pydantic's finding as a person would say it."""
    limits, found = error.get("ctx", {}), error["input"]
    *above, last = error["loc"] or ("",)
    of_time = any(part in _TIMES for part in error["loc"])
    match error["type"]:
        case "extra_forbidden" if any(part in WAYS for part in above):
            return f"there is no such fault; there are {', '.join(Lane.model_fields)}"
        case "extra_forbidden" if last in Lane.model_fields:
            return "a fault stands in a table, as [both], [to_board] or [to_host]"
        case "extra_forbidden" if above:
            return f"there is no such word in [[then]]; there are after, {', '.join(_TABLES)}"
        case "extra_forbidden":
            return "there is no such word; there are seed and the tables [both], [to_board], " + (
                "[to_host], [[then]]"
            )
        case "less_than_equal":
            most = _time(limits["le"]) if of_time else limits["le"]
            return f"{_short(found)} is more than {most}"
        case "greater_than_equal":
            return f"{_short(found)} is less than {limits['ge']}"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")
