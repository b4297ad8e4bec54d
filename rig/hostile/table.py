"""The whole table."""

from __future__ import annotations

from rig.hostile import (
    clients,
    icmp_igmp_udp,
    ipv4,
    link_arp,
    tcp_floods,
    tcp_header,
    tcp_state,
    tcp_urgent,
    tftp,
)
from rig.hostile.case import Case

_CHAPTERS = (
    link_arp,
    ipv4,
    icmp_igmp_udp,
    tcp_header,
    tcp_urgent,
    tcp_state,
    tcp_floods,
    clients,
    tftp,
)
CASES: tuple[Case, ...] = tuple(
    sorted((case for chapter in _CHAPTERS for case in chapter.CASES), key=lambda case: case.number)
)
