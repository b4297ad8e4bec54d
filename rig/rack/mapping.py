"""A place as a board on the bench: which of its resources is the serial line, the supply, the way.

Rules     the board.toml and the options that are given for all places win over what a place says,
          but for its serial line and its supply, which are its own.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.board import bench_config
from rig.board.bench_config import BenchConfig, Power
from rig.errors import UserError
from rig.rack.client import LabgridClient
from rig.rack.rack import Place, Resource

#: What `labgrid-client power` can switch.
SUPPLIES = (
    "NetworkPowerPort",
    "PDUDaemonPort",
    "NetworkUSBPowerPort",
    "NetworkSiSPMPowerPort",
    "TasmotaPowerPort",
    "NetworkYKUSHPowerPort",
    "NetworkSysfsGPIO",
)
SERIAL = "NetworkSerialPort"
SERVICE = "NetworkService"
INTERFACE = "RemoteNetworkInterface"
SCHEMES = {"raw": "socket", "rfc2217": "rfc2217"}
#: A place in the rack is given up sooner than the one board on a desk.
SERIAL_LOST_S = 60.0


def bench(
    place: Place, client: LabgridClient, file: Path | None, option: Callable[[str], Any]
) -> BenchConfig:
    """Raises UserError for a place that cannot be a board."""
    given: dict[str, Any] = {
        "place": place.name,
        "serial": _serial(place),
    }
    for name in ("baud", "host_iface", "board_ip"):
        if (value := option(name)) is not None:
            given[name] = value
    told = {"serial_lost_s": SERIAL_LOST_S} | _told(place)
    config = bench_config.read(file, given, told)
    config = config.model_copy(update={"power": _supply(place, client, config.power.off_s)})
    if config.host_iface == _ANY:
        config = config.model_copy(update={"host_iface": _way_to(str(config.board_ip), place)})
    return config


#: No interface was named: the one that this host would take.
_ANY = "?"


def _told(place: Place) -> dict[str, Any]:
    """What the place says of its network."""
    told: dict[str, Any] = {"host_iface": _ANY}
    for resource in place.resources:
        if resource.cls == SERVICE:
            told["board_ip"] = _address(str(resource.params.get("address")), place)
        if resource.cls == INTERFACE and _is_here(str(resource.params.get("host", ""))):
            told["host_iface"] = str(resource.params.get("ifname"))
        if resource.cls == SERIAL and "speed" in resource.params:
            told["baud"] = resource.params["speed"]
    return told


def _address(name: str, place: Place) -> str:
    try:
        return socket.gethostbyname(name)
    except (OSError, UnicodeError):
        raise UserError(f"place {place.name}: nobody knows {name!r}", where="--place") from None


def _one(place: Place, *kinds: str) -> Resource:
    found = [resource for resource in place.resources if resource.cls in kinds]
    if not found:
        raise UserError(f"place {place.name} has no {kinds[0]}", where="--place")
    if len(found) > 1:
        many = ", ".join(resource.cls for resource in found)
        raise UserError(f"place {place.name} has more than one to choose from: {many}")
    if not found[0].available:
        raise UserError(f"place {place.name}: its {found[0].cls} is not available", where="--place")
    return found[0]


def _serial(place: Place) -> str:
    params = _one(place, SERIAL).params
    if dict(params.get("extra") or {}).get("proxy_required"):
        raise UserError(
            f"place {place.name} is reached through ssh alone",
            where="--place",
            mend="start its exporter without --isolated, or run kyu there",
        )
    scheme = SCHEMES.get(str(params.get("protocol", "rfc2217")))
    if scheme is None or not params.get("port"):
        raise UserError(f"place {place.name}: nothing listens at its serial port", where="--place")
    return f"{scheme}://{params['host']}:{params['port']}"


def _supply(place: Place, client: LabgridClient, off_s: float) -> Power:
    """Switched by labgrid, which knows how each kind is."""
    _one(place, *SUPPLIES)
    return Power(
        cycle=client.words(place.name, "power", "cycle", "--delay", f"{off_s:g}"),
        off=client.words(place.name, "power", "off"),
        off_s=off_s,
    )


def _is_here(host: str) -> bool:
    """Is that a name or an address of this host?"""
    try:
        with socket.create_server((host, 0)):
            return True
    except (OSError, UnicodeError):
        return False


def _way_to(board: str, place: Place) -> str:
    from pyroute2 import IPRoute, NetlinkError  # slow to import: only where it is used

    try:
        with IPRoute() as ip:
            route = ip.route("get", dst=board)[0]
    except NetlinkError as error:
        raise UserError(
            f"place {place.name}: no way to {board}: {os.strerror(error.code)}",
            where="--host-iface",
            mend="name the interface that leads there",
        ) from None
    return socket.if_indextoname(route.get_attr("RTA_OIF"))
