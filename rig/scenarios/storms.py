"""Frames for storms: pure, from the addresses and the dice of a guest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rig.scenario import Air, Guest, Station

COUNT = 500


def syns(guest: Guest) -> list[bytes]:
    """To wangdoodle, from hosts that are not there."""
    from rig.hostile import frames as f

    air, dice, made = guest.air(), guest.dice, []
    for _ in range(COUNT):
        source = f"10.{dice.randrange(1, 250)}.{dice.randrange(250)}.{dice.randrange(1, 250)}"
        port, seq = dice.randrange(1024, 65536), dice.getrandbits(32)
        segment = f.tcp(source, air.ip, port, 114, "S", seq=seq, options=b"\x02\x04\x05\xb4")
        made.append(_ip(air, f.TCP, segment, source))
    return made


def arps(guest: Guest) -> list[bytes]:
    """Questions from a whole subnet: more neighbours than the board has room for."""
    from rig.hostile import frames as f

    air, dice, made = guest.air(), guest.dice, []
    subnet = air.ip.rpartition(".")[0]
    for _ in range(COUNT):
        mac = b"\x02\0\0" + dice.randbytes(3)
        # Not as a host that is there: that would be a theft, and no flood.
        question = f.arp(f.REQUEST, mac, f"{subnet}.{dice.randrange(100, 250)}", bytes(6), air.ip)
        made.append(f.ether(f.BROADCAST, mac, f.ARP, question))
    return made


def pings(guest: Guest) -> list[bytes]:
    from rig.hostile import frames as f

    air, dice = guest.air(), guest.dice
    sizes = (dice.choice((0, 56, 1472)) for _ in range(COUNT))
    made = [_ip(air, f.ICMP, f.echo(bytes(size), sequence=n)) for n, size in enumerate(sizes)]
    return _known(air, made)


def datagrams(guest: Guest) -> list[bytes]:
    """To the echo port, to ports of nobody, and to all of them."""
    from rig.hostile import frames as f

    air, dice, made = guest.air(), guest.dice, []
    for _ in range(COUNT):
        port = dice.choice((7, 9, dice.randrange(1, 65536)))
        data = bytes(dice.choice((0, 1, 512, 1472)))
        made.append(_ip(air, f.UDP, f.udp(air.me.ip, air.ip, 4000, port, data)))
    return _known(air, made)


@dataclass
class _Stage:
    """As much of rig/hostile's stage as frames are made from."""

    ip: str
    mac: bytes
    me: Station
    conns: dict[Any, Any] = field(default_factory=dict)
    port: int = 40_000

    def fresh_port(self) -> int:
        self.port += 1
        return self.port


def hostile(guest: Guest) -> list[bytes]:
    """One of the cases a visit: its frames, and what mutation makes of them."""
    from rig.hostile.play import mutations
    from rig.hostile.table import CASES

    air = guest.air()
    stage: Any = _Stage(air.ip, air.mac, air.me)
    cases = [c for c in CASES if any(not shot.off_wire and shot.at is None for shot in c.shots)]
    case = cases[(guest.number - 1) % len(cases)]
    made: list[bytes] = []
    for shot in case.shots:
        if not shot.off_wire and shot.at is None:
            made += list(shot.frames(stage, None))[:COUNT]
    some = [guest.dice.choice(made) for _ in range(8)]
    changed = [m for n, one in enumerate(some) for m in mutations(one, guest.number + n)]
    sent = [one for one in made + changed if 14 <= len(one) <= 1514 and _whole(one)]
    return _known(air, sent)


def _known(air: Air, frames: list[bytes]) -> list[bytes]:
    """Now and then the station asks by ARP, so that answers to it do not wait for its address."""
    from rig.hostile import frames as f

    question = f.arp(f.REQUEST, air.me.mac, air.me.ip, bytes(6), air.ip)
    hello = f.ether(f.BROADCAST, air.me.mac, f.ARP, question)
    told = []
    for number, frame in enumerate(frames):
        told += [hello, frame] if number % 50 == 0 else [frame]
    return told


def _whole(frame: bytes) -> bool:
    """No fragment: those are kept for 30 s, longer than a run waits for the pools to empty."""
    return frame[12:14] != b"\x08\0" or not int.from_bytes(frame[20:22], "big") & 0x3FFF


def _ip(air: Air, protocol: int, payload: bytes, source: str = "") -> bytes:
    from rig.hostile import frames as f

    packet = f.ipv4(source or air.me.ip, air.ip, protocol, payload)
    return f.ether(air.mac, air.me.mac, f.IPV4, packet)
