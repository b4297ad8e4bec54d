"""--wire auto|tap|slirp."""

from __future__ import annotations

from rig.errors import RigError, UserError
from rig.wire.bridged import BridgedWire, open_bridged
from rig.wire.faults import FaultPlan
from rig.wire.protocol import Wire
from rig.wire.slirp import SlirpWire
from rig.wire.tap import NoTapError, open_tap

NAMES = ("auto", "tap", "slirp")


def choose(name: str, *, host_port: int = 0) -> Wire:
    """The wire of that name; `auto` takes the best that works here and says why. Only slirp has a
    port of this host, so to name one is to choose it.

    Raises RigError when `tap` was asked for and cannot be had: a lack of this host.
    """
    check(name, host_port)
    if name == "slirp" or host_port:
        return _slirp("", host_port)
    try:
        return open_tap()
    except NoTapError as reason:
        if name == "tap":
            raise RigError(f"no TAP: {reason}; --wire slirp works without") from None
        return _slirp(f"no TAP: {reason}", host_port)


def _slirp(why: str, host_port: int) -> SlirpWire:
    wire = SlirpWire(why, host_port=host_port)
    wire.record()
    return wire


def choose_faulty(name: str, plan: FaultPlan, seed: int, *, host_port: int = 0) -> BridgedWire:
    """A wire that can do harm: a TAP behind the rig's own bridge.

    Raises UserError for a wire that cannot, RigError when this host has none that can.
    """
    if name == "slirp":
        raise UserError("the slirp wire has no faults", where="--faults", mend="take --wire tap")
    check(name, host_port, faulty=True)
    try:
        return open_bridged(plan, seed)
    except NoTapError as reason:
        raise RigError(f"no TAP: {reason}; faults need one") from None


def check(name: str, host_port: int, *, faulty: bool = False) -> None:
    """Raises UserError for a wire that there is not. Nothing is opened."""
    if name not in NAMES:
        raise UserError(
            f"no wire is named {name!r}", where="--wire", mend="take auto, tap or slirp"
        )
    if host_port and (faulty or name == "tap"):
        raise UserError(
            "only the slirp wire, without faults, has a port of this host",
            where="--host-port",
            mend="take --wire slirp, or leave it out",
        )
