"""Segments of scripted peers: what they write, scapy reads, and the other way round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.packet import Raw

from kyusim.segment import IpPacket, Segment, checksum, ip_packet

HERE, THERE = "10.0.0.1", "10.0.0.2"
SYN = Segment(40000, 114, "S", 7, mss=1460, window_scale=3, sack_permitted=True, timestamps=(5, 6))
SACK = Segment(114, 40000, ".", 2**32 - 1, 9, 512, sack=((100, 200), (2**32 - 10, 5)))


@pytest.mark.parametrize("segment", [SYN, SACK, Segment(1, 2, "FSRP.UEW", payload=b"odd")])
def test_what_is_written_is_read_back(segment: Segment) -> None:
    assert Segment.parse(segment.to_bytes(HERE, THERE), HERE, THERE) == segment


def test_scapy_reads_the_same() -> None:
    theirs = IP(ip_packet(HERE, THERE, SYN.to_bytes(HERE, THERE)))
    again = IP(src=HERE, dst=THERE) / theirs[TCP].copy()
    del again[TCP].chksum
    assert IP(bytes(again))[TCP].chksum == theirs[TCP].chksum
    options = dict(theirs[TCP].options)
    assert (options["MSS"], options["WScale"], options["Timestamp"]) == (1460, 3, (5, 6))
    assert theirs[TCP].flags == "S"


def test_we_read_what_scapy_writes() -> None:
    packet = IP(src=HERE, dst=THERE) / TCP(sport=5, dport=6, flags="PA", options=[("MSS", 700)])
    read = IpPacket.parse(bytes(packet / Raw(b"hello")))
    segment = Segment.parse(read.payload, read.source, read.destination)
    assert (segment.flags, segment.mss, segment.payload) == ("P.", 700, b"hello")
    assert segment.checksum_ok


def test_a_wrong_checksum_is_written_on_purpose_and_told() -> None:
    wrong = Segment(1, 2, "P.", payload=b"hello", checksum_ok=False)
    assert not Segment.parse(wrong.to_bytes(HERE, THERE), HERE, THERE).checksum_ok


@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    for parse in (IpPacket.parse, lambda d: Segment.parse(d, HERE, THERE)):
        try:
            parse(data)
        except ValueError:
            continue


@given(st.binary(max_size=64))
def test_a_packet_sums_to_zero_with_its_checksum(data: bytes) -> None:
    even = data + b"\0" * (len(data) % 2)
    assert checksum(even + checksum(even).to_bytes(2, "big")) == 0
