"""A frame in one line, whatever a wire has made of it."""

import random
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from rig.sim.decode import Decoder

A, B = "10.0.0.1", "10.0.0.2"


def frame(packet: Packet) -> bytes:
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet)


def segment(flags: str, seq: int, ack: int = 0, data: bytes = b"", **more: Any) -> bytes:
    return frame(
        IP(src=A, dst=B) / TCP(sport=1000, dport=114, flags=flags, seq=seq, ack=ack, **more) / data
    )


def answer(flags: str, seq: int, ack: int) -> bytes:
    return frame(IP(src=B, dst=A) / TCP(sport=114, dport=1000, flags=flags, seq=seq, ack=ack))


def test_numbers_of_a_connection_count_from_its_syns() -> None:
    line = Decoder().line
    there, back = f"TCP {A}:1000 > {B}:114", f"TCP {B}:114 > {A}:1000"
    first = (1 << 32) - 2  # wraps
    assert line(segment("S", first, window=9, options=[("MSS", 1460)])) == (
        f"{there} S seq 0 win 9 mss 1460, 0 bytes"
    )
    assert line(answer("SA", 700, first + 1)) == f"{back} S. seq 0 ack 1 win 8192, 0 bytes"
    assert line(segment("PA", first + 1, 701, b"big\n")) == (
        f"{there} P. seq 1:5 ack 1 win 8192, 4 bytes"
    )
    assert line(answer("FA", 701, 3)) == f"{back} F. seq 1 ack 5 win 8192, 0 bytes"


@pytest.mark.parametrize(
    ("packet", "line"),
    [
        (ARP(op=1, psrc=A, pdst=B), f"ARP who is {B}? {A} at 02:00:00:00:00:01 asks"),
        (ARP(op=2, psrc=A, pdst=B), f"ARP {A} is at 02:00:00:00:00:01"),
        (IP(src=A, dst=B) / ICMP(type=0) / b"xy", f"ICMP {A} > {B} echo reply, 10 bytes"),
        (IP(src=A, dst=B) / UDP(sport=5, dport=6) / b"xy", f"UDP {A}:5 > {B}:6, 2 bytes"),
        (IP(src=A, dst=B, proto=99) / b"xy", f"IP {A} > {B} protocol 99, 2 bytes"),
    ],
)
def test_what_is_not_tcp_has_a_line_too(packet: Packet, line: str) -> None:
    if ARP in packet:
        packet.hwsrc = "02:00:00:00:00:01"
    assert Decoder().line(frame(packet)) == line


def test_no_damage_raises() -> None:
    options = [
        ("MSS", 1460),
        ("WScale", 3),
        ("SAckOK", b""),
        ("Timestamp", (1, 2)),
        ("SAck", (1, 2)),
    ]
    draw, lines = random.Random(1), set()
    for whole in (segment("PA", 5, 6, b"data", options=options), frame(ARP(psrc=A, pdst=B))):
        for _ in range(3000):
            damaged = bytearray(whole)
            first = draw.choice((0, 34))  # everywhere, or behind what IP's checksum covers
            for _ in range(draw.randint(0, 3)):
                damaged[draw.randrange(first, len(damaged))] = draw.randrange(32)
            kept = draw.choice((len(damaged), draw.randint(0, len(damaged))))
            lines.add(Decoder().line(bytes(damaged[:kept])))
    assert "not even an Ethernet header" in lines
    assert len(lines) > 20
