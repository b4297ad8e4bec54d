"""The interface to the bench: named, looked at, recorded where that is allowed, never changed."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address

import pytest

from kyusim import _wire
from rig.assembly import wire_for
from rig.board.bench_config import BenchConfig
from rig.errors import UserError
from rig.wire import host_interface


def test_the_board_is_told_its_address_beside_the_hosts() -> None:
    with contextlib.closing(host_interface.find("lo", IPv4Address("127.0.0.73"))) as wire:
        assert (wire.host, wire.board, wire.mask) == ("127.0.0.1", "127.0.0.73", "255.0.0.0")
        assert wire.boot_arguments() == {"ip": "127.0.0.73/8", "gw": "127.0.0.1"}
        assert str(wire.address(114)) == "127.0.0.73:114"
        assert wire.gone() == ""


def test_what_is_wrong_with_the_interface_is_told_and_not_mended() -> None:
    with pytest.raises(UserError, match="there is no interface nobody0"):
        host_interface.find("nobody0", IPv4Address("127.0.0.73"))
    with pytest.raises(UserError) as caught:
        host_interface.find("lo", IPv4Address("10.9.8.7"))
    assert "lo has no address beside 10.9.8.7, only 127.0.0.1/8" in str(caught.value)
    assert "as root: ip addr add 10.9.8.8/24 dev lo" in str(caught.value)


def test_a_wire_of_the_emulator_is_none_for_the_bench() -> None:
    config = BenchConfig(serial="/dev/ttyUSB0", host_iface="lo")
    with pytest.raises(UserError, match="--wire: the bench's wire is --host-iface"):
        wire_for(config, "slirp")


def test_who_may_not_listen_has_a_wire_without_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_device: str) -> None:
        raise RuntimeError("recorder: Operation not permitted")

    monkeypatch.setattr(_wire, "TapRecorder", forbidden)
    with contextlib.closing(host_interface.find("lo", IPv4Address("127.0.0.73"))) as wire:
        assert wire.why == "lo, without capture: recorder: Operation not permitted"
        wire.mark("nobody keeps this")
        assert wire.frames() == []
