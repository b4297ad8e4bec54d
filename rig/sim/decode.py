"""One line for a frame, in the manner of tcpdump.

Rules     never raises: a frame that a wire has damaged says so. Sequence numbers are relative to
          the SYN of their direction, or to the first one seen.
"""

from __future__ import annotations

import ipaddress

from kyusim.segment import ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTOCOL_TCP, IpPacket, Segment

_PROTOCOL_ICMP, _PROTOCOL_UDP = 1, 17
_ICMP_NAMES = {0: "echo reply", 3: "unreachable", 8: "echo request", 11: "time exceeded"}
_MODULUS = 1 << 32

#: Source and destination, address and port.
_Way = tuple[str, int, str, int]


class Decoder:
    """Keeps where each direction of a connection began."""

    def __init__(self) -> None:
        self._first: dict[_Way, int] = {}

    def line(self, frame: bytes) -> str:
        if len(frame) < 14:
            return "not even an Ethernet header"
        kind, data = int.from_bytes(frame[12:14], "big"), frame[14:]
        if kind == ETHERTYPE_ARP:
            return _arp(data)
        if kind != ETHERTYPE_IPV4:
            return f"Ethernet type {kind:04x}"
        try:
            return self._ip(IpPacket.parse(data))
        except ValueError as error:
            return str(error)

    def _ip(self, packet: IpPacket) -> str:
        if packet.protocol == PROTOCOL_TCP:
            segment = Segment.parse(packet.payload, packet.source, packet.destination)
            return self._tcp(packet, segment)
        data, ends = packet.payload, f"{packet.source} > {packet.destination}"
        if packet.protocol == _PROTOCOL_ICMP and data:
            return f"ICMP {ends} {_ICMP_NAMES.get(data[0], f'type {data[0]}')}, {len(data)} bytes"
        if packet.protocol == _PROTOCOL_UDP and len(data) >= 8:
            ports = int.from_bytes(data[0:2], "big"), int.from_bytes(data[2:4], "big")
            return (
                f"UDP {packet.source}:{ports[0]} > {packet.destination}:{ports[1]},"
                f" {len(data) - 8} bytes"
            )
        return f"IP {ends} protocol {packet.protocol}, {len(data)} bytes"

    def _tcp(self, packet: IpPacket, segment: Segment) -> str:
        there = (packet.source, segment.source_port, packet.destination, segment.port)
        back = (packet.destination, segment.port, packet.source, segment.source_port)
        ends = "{}:{} > {}:{}".format(*there)
        if not segment.checksum_ok:
            return f"TCP {ends} wrong checksum"
        if segment.has("S"):
            self._first[there] = segment.seq
        seq = (segment.seq - self._first.setdefault(there, segment.seq)) % _MODULUS
        words = [f"TCP {ends} {segment.flags}", f"seq {seq}"]
        if segment.payload:
            words[-1] += f":{seq + len(segment.payload)}"
        if segment.has("."):
            words.append(f"ack {(segment.ack - self._first.get(back, segment.ack)) % _MODULUS}")
        words.append(f"win {segment.window}")
        if segment.mss is not None:
            words.append(f"mss {segment.mss}")
        return f"{' '.join(words)}, {len(segment.payload)} bytes"


def _arp(data: bytes) -> str:
    if len(data) < 28:
        return "ARP, cut off"
    asks, tells = (str(ipaddress.IPv4Address(data[at : at + 4])) for at in (24, 14))
    if int.from_bytes(data[6:8], "big") == 1:
        return f"ARP who is {asks}? {tells} at {data[8:14].hex(':')} asks"
    return f"ARP {tells} is at {data[8:14].hex(':')}"
