"""scapy is a peer: frames in and out are bytes, and another implementation reads them."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from kyusim.world import Board, World, ms, s

PEER_MAC = "02:00:00:00:02:01"
PEER_IP = "10.0.0.200"


class ScapyPeer:
    """A host whose every word is a scapy packet."""

    def __init__(self, world: World, board: Board) -> None:
        self.world = world
        self.board = board
        self.end = world.endpoint("scapy")
        world.wire(board, self.end)
        world.run_for(100 * ms)
        self.end.receive()

    def send(self, packet: Packet) -> None:
        frame = Ether(src=PEER_MAC, dst=self.board.mac.hex(":")) / packet
        self.end.send(bytes(frame))

    def hear(self, for_us: int = 200 * ms) -> list[Packet]:
        """What comes within a time, each packet's checksums made anew and compared."""
        self.world.run_for(for_us)
        heard: list[Packet] = []
        for _, frame in self.end.receive():
            packet = Ether(frame)
            if IP in packet:
                assert bytes(made_anew(packet[IP])) == bytes(packet[IP])
            heard.append(packet)
        return heard

    def introduce(self) -> None:
        """Asks for the board's address, so that the board knows ours."""
        self.end.send(
            bytes(
                Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff")
                / ARP(op=1, hwsrc=PEER_MAC, psrc=PEER_IP, pdst=self.board.ip)
            )
        )


def made_anew(packet: Packet) -> Packet:
    """The packet with every checksum left for scapy to compute."""
    copy = packet.copy()
    layer = copy
    while layer:
        if hasattr(layer, "chksum"):
            layer.chksum = None
        if isinstance(layer, ICMP):  # what an error quotes is as it came
            break
        layer = layer.payload
    return copy


@pytest.fixture
def peer(world: World) -> ScapyPeer:
    return ScapyPeer(world, world.board())


def test_the_board_answers_arp(peer: ScapyPeer) -> None:
    peer.introduce()
    (answer,) = peer.hear()
    assert answer[ARP].op == 2
    assert answer[ARP].hwsrc == peer.board.mac.hex(":")


def test_ping_is_answered_with_the_same_bytes(peer: ScapyPeer) -> None:
    peer.introduce()
    peer.hear()
    peer.send(IP(src=PEER_IP, dst=peer.board.ip) / ICMP(id=7, seq=3) / Raw(b"x" * 1001))
    (answer,) = peer.hear()
    assert (answer[ICMP].type, answer[ICMP].id, answer[ICMP].seq) == (0, 7, 3)
    assert answer[Raw].load == b"x" * 1001


def test_a_datagram_nobody_waits_for_is_answered_unreachable(peer: ScapyPeer) -> None:
    peer.introduce()
    peer.hear()
    peer.send(IP(src=PEER_IP, dst=peer.board.ip) / UDP(sport=5, dport=9999) / Raw(b"?"))
    (answer,) = peer.hear()
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 3)


def test_scapy_shakes_hands_and_asks_for_the_state(peer: ScapyPeer) -> None:
    peer.introduce()
    peer.hear()
    ip = IP(src=PEER_IP, dst=peer.board.ip)
    peer.send(ip / TCP(sport=999, dport=114, flags="S", seq=100, options=[("MSS", 1460)]))
    (synack,) = peer.hear(10 * ms)
    assert synack[TCP].flags == "SA"
    assert synack[TCP].ack == 101
    assert dict(synack[TCP].options)["MSS"] == 1460
    numbers = {"sport": 999, "dport": 114, "ack": synack[TCP].seq + 1}
    peer.send(ip / TCP(flags="A", seq=101, **numbers))
    peer.send(ip / TCP(flags="PA", seq=101, **numbers) / Raw(b"stat\n"))
    heard = peer.hear(10 * ms)
    assert b"".join(bytes(p[TCP].payload) for p in heard if Raw in p).startswith(b"OK")


def test_nonsense_leaves_the_board_as_it_was(peer: ScapyPeer) -> None:
    peer.introduce()
    peer.hear()
    ip = IP(src=PEER_IP, dst=peer.board.ip)
    for flags in ("", "FSRPAUEC", "SF", "SR", "FPU"):
        for extra in (b"", b"\x02", b"\x02\x00", b"\xfe\xff\x00"):
            segment = TCP(sport=1, dport=114, flags=flags, dataofs=5 + (len(extra) > 0))
            peer.send(ip / segment / Raw(extra))
    peer.send(IP(src=PEER_IP, dst=peer.board.ip, ihl=15) / Raw(b"z"))
    peer.end.send(b"\xff" * 14)
    peer.hear(5 * s)
    peer.send(ip / ICMP() / Raw(b"alive"))
    assert [p for p in peer.hear() if ICMP in p]
    assert not peer.board.crashed
