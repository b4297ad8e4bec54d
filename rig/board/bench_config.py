"""board.toml: what the rig must know of a board on the bench, checked before anything starts."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rig import toml_file
from rig.errors import UserError

Words = Annotated[tuple[str, ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Power(_Part):
    """Lists of words, run without a shell. None at all: a person is asked."""

    on: Words | None = None
    off: Words | None = None
    cycle: Words | None = None
    off_s: Annotated[float, Field(ge=0)] = 2.0

    @model_validator(mode="after")
    def _together(self) -> Power:
        if (self.on is None) != (self.off is None) and self.cycle is None:
            raise ValueError("on and off belong together")
        return self


class Boot(_Part):
    """`load`: how the board gets the image; `card`: it has it, and boots by itself.
    `wait_s`: from power to U-Boot's prompt, or to Kyu's first word. `attempts`: power cycles.
    """

    load: Literal["tftp", "serial", "card"] = "tftp"
    prompt: Annotated[str, Field(min_length=1)] = "=> "
    wait_s: Annotated[float, Field(gt=0)] = 60.0
    attempts: Annotated[int, Field(ge=1)] = 2
    load_s: Annotated[float, Field(gt=0)] = 60.0


class BenchConfig(_Part):
    """`place`: the name in labgrid of a board that is borrowed (rig/rack)."""

    serial: Annotated[str, Field(min_length=1)]
    baud: Annotated[int, Field(ge=300)] = 115200
    serial_lost_s: Annotated[float, Field(ge=0)] = 3600.0
    host_iface: Annotated[str, Field(min_length=1, max_length=15)]
    board_ip: ipaddress.IPv4Address = ipaddress.IPv4Address("192.168.0.73")
    power: Power = Power()
    boot: Boot = Boot()
    place: str = ""


#: The options that may stand in place of a line of the file.
OPTIONS = {
    "serial": "--serial",
    "baud": "--baud",
    "host_iface": "--host-iface",
    "board_ip": "--board-ip",
}


def read(
    path: Path | None, given: dict[str, Any], told: dict[str, Any] | None = None
) -> BenchConfig:
    """The file, with what options say put over it, and itself over what was `told`.

    Raises UserError, one line.
    """
    content = toml_file.read(path, "--board-config") if path is not None else {}
    content = (told or {}) | content
    content |= {name: value for name, value in given.items() if value is not None}
    try:
        return BenchConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            option = OPTIONS.get(name, name)
            raise UserError(
                f"the bench board needs {option}",
                where="--board",
                mend=f"give it, or put {name} into board.toml (--board-config)",
            ) from None
        raise UserError(f"{name}: {first['msg']}", where=str(path or "--board bench")) from None
