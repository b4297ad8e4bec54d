"""The options of `kyu soak`, checked once and then frozen; run.json holds them for --resume."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from rig.campaign.soak import Leg, Plan
from rig.errors import UserError
from rig.scenario import NEEDS, SIMULATED
from rig.scenarios import mixes
from rig.wire import faults
from rig.wire.faults import FaultPlan

#: The longest stream that is asked for by --bytes: the board counts in 64 bits, people in hours.
BYTES_MAX = 1 << 40
PARALLEL_MAX = 256
#: The longest piece that the board writes at once.
CHUNK_MAX = 1 << 20
#: --faults, for a scenario with faults of its own: none.
CALM = "none"


@dataclass(frozen=True, slots=True)
class SoakOptions:
    """Within the bounds of the command line (rig/cli.py), wherever they come from."""

    scenarios: Annotated[tuple[str, ...], Field(min_length=1)] = ("soak",)
    board: str = "qemu"
    transfers: Annotated[int, Field(ge=1)] | None = None
    hours: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    parallel: Annotated[int, Field(ge=1, le=PARALLEL_MAX)] | None = None
    size: Annotated[int, Field(ge=0, le=BYTES_MAX)] | None = None
    chunk: Annotated[int, Field(ge=1, le=CHUNK_MAX)] | None = None
    image: str | None = None
    bootargs: str = ""
    wire: str = "auto"
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] = 0
    keep_going: bool = False
    host_port: Annotated[int, Field(ge=0, le=65535)] = 0
    faults: str = ""
    board_config: str | None = None
    serial: str | None = None
    baud: int | None = None
    host_iface: str | None = None
    board_ip: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


_READER: TypeAdapter[SoakOptions] = TypeAdapter(SoakOptions)


def from_json(content: Any, path: Path) -> SoakOptions:
    """Raises UserError when run.json does not hold the options of a soak."""
    try:
        return _READER.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"options.{where}: {first['msg']}", where=str(path)) from None


def plan(options: SoakOptions) -> Plan:
    """Raises UserError for options that contradict each other."""
    if options.transfers is not None and options.hours is not None:
        raise UserError("--transfers and --hours exclude each other", mend="give one of them")
    if options.chunk is not None and options.size is None:
        raise UserError("--chunk needs --bytes", mend="as in --bytes 200000 --chunk 8000")
    chosen = [mixes.find(name) for name in options.scenarios]
    legs = []
    for mix in chosen:
        request = mix.request
        if options.size is not None:
            request = mixes.generated(options.size, options.chunk or 0)
        legs.append(Leg(mix.name, options.transfers or mix.transfers, request))
    hours = options.hours
    if hours is None and options.transfers is None:
        hours = max((mix.hours for mix in chosen if mix.hours is not None), default=None)
    return Plan(
        tuple(legs),
        None if hours is not None else sum(leg.count for leg in legs),
        None if hours is None else hours * 3600,
        options.parallel or max(mix.parallel for mix in chosen),
        options.seed,
        options.keep_going,
        repeat_command(options),
        simulated_command(options),
    )


def weather(options: SoakOptions) -> FaultPlan | None:
    """What the wire is to do: --faults, or what the scenarios say. None: nothing.

    Raises UserError for a plan that cannot be read, and for scenarios that want different ones.
    """
    said = {mixes.find(name).faults for name in options.scenarios}
    if options.faults == CALM:
        return None
    if options.faults:
        return faults.parse(options.faults)
    if len(said) > 1:
        raise UserError(
            "these scenarios want different wires", mend="run each by itself, or give --faults"
        )
    (text,) = said
    return faults.parse(text) if text else None


def check_needs(options: SoakOptions, wire: str) -> None:
    """Raises UserError when a scenario needs more of the wire than `wire` has."""
    for name in options.scenarios:
        for need in mixes.find(name).needs:
            lacks = need in ("raw", "connect-out") and wire != "tap"
            if lacks:
                raise UserError(
                    f"{name} needs {NEEDS[need]}, and this wire is {wire}",
                    where="--wire",
                    mend="take --wire tap" if options.board == "qemu" else "take --board qemu",
                )


def check_simulated(options: SoakOptions) -> None:
    """Raises UserError for what a simulated board does not have."""
    of_a_board = {
        "--image": options.image,
        "--bootargs": options.bootargs,
        "--wire": options.wire if options.wire != "auto" else "",
        "--host-port": options.host_port,
    }
    for where, value in of_a_board.items():
        if value:
            raise UserError(
                "a simulated board has none", where=where, mend="leave it out, or take --board qemu"
            )
    for name in options.scenarios:
        for need in mixes.find(name).needs:
            if need not in SIMULATED:
                raise UserError(
                    f"{name} needs {NEEDS[need]}: a simulated board has none",
                    where="--board",
                    mend="take --board qemu",
                )


def repeat_command(options: SoakOptions) -> str:
    """The command line that does the same again."""
    words = ["kyu", "soak", *options.scenarios, "--board", options.board, "--wire", options.wire]
    pairs = {
        "--transfers": options.transfers,
        "--hours": options.hours,
        "--parallel": options.parallel,
        "--bytes": options.size,
        "--chunk": options.chunk,
        "--image": options.image,
        "--bootargs": options.bootargs or None,
        "--seed": options.seed,
        "--faults": options.faults or None,
        "--board-config": options.board_config,
        "--serial": options.serial,
        "--baud": options.baud,
        "--host-iface": options.host_iface,
        "--board-ip": options.board_ip,
    }
    for name, value in pairs.items():
        if value is not None:
            words += [name, str(value)]
    return shlex.join([*words, "--keep-going"] if options.keep_going else words)


def simulated_command(options: SoakOptions) -> str:
    """The one that plays the same weather in the simulator; empty: there is none, or no way."""
    moved = replace(options, board="sim", image=None, bootargs="", wire="auto", host_port=0)
    try:
        check_simulated(moved)
        return repeat_command(moved) if options.board != "sim" and weather(options) else ""
    except UserError:
        return ""
