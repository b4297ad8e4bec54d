"""Writes the seeds of the fuzz targets: ordinary input, from which the fuzzer goes on.

Rules     One function a target, in the format that the target's file tells at its top
          (firmware/apps/fuzz). A seed is named after what it is; what the fuzzer found stands
          beside it under other names and is left alone.
Usage     python -m ci.fuzz_seeds
"""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "firmware" / "apps" / "fuzz" / "corpus"

PEER, BOARD = bytes([192, 168, 0, 1]), bytes([192, 168, 0, 73])
Seeds = dict[str, bytes]


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def piece(data: bytes) -> bytes:
    """A piece whose length stands in front of it."""
    return u16(len(data)) + data


def ipv4(protocol: int, payload: bytes, *, flags: int = 0, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = bytes([0x40 | words, 0]) + u16(words * 4 + len(payload)) + u16(7) + u16(flags)
    return head + bytes([64, protocol, 0, 0]) + PEER + BOARD + options + payload


def udp(port: int, payload: bytes) -> bytes:
    return u16(4242) + u16(port) + u16(8 + len(payload)) + u16(0) + payload


def tcp(flags: int, options: bytes = b"", data: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = u16(2000) + u16(114) + u32(1000) + u32(0) + bytes([words << 4, flags])
    return head + u16(65535) + bytes(4) + options + data


def arp(operation: int) -> bytes:
    head = u16(1) + u16(0x0800) + bytes([6, 4]) + u16(operation)
    return head + bytes([2, 0, 0, 0, 0, 1]) + PEER + bytes(6) + BOARD


SYN_OPTIONS = bytes([2, 4, 5, 0xB4, 1, 3, 3, 7, 1, 1, 4, 2, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0])
SACK_OPTIONS = bytes([1, 1, 5, 18]) + u32(1000) + u32(2000) + u32(3000) + u32(4000)
QUOTE = ipv4(17, udp(9, b""))


def wire() -> Seeds:
    return {
        "arp": bytes([0, 0]) + arp(1),
        "udp": bytes([0x80, 0]) + ipv4(17, udp(7, b"hi")),
        "options": bytes([0, 40]) + ipv4(17, udp(7, b""), options=bytes(40)),
        "quote": bytes([0, 0]) + QUOTE,
    }


def segment() -> Seeds:
    return {
        "syn": bytes([10]) + tcp(2, SYN_OPTIONS),
        "sack": bytes([33]) + tcp(0x10, SACK_OPTIONS, b"data"),
        "options": bytes([0]) + SYN_OPTIONS + bytes([28, 4, 0x80, 9]),
    }


def dhcp_message(kind: int, options: bytes = b"") -> bytes:
    head = bytes([2, 1, 6, 0]) + u32(1) + bytes(8) + bytes([10, 0, 2, 15]) + bytes(8)
    head += bytes([2, 0, 0, 0, 0, 0x73]) + bytes(202) + u32(0x63825363)
    return head + bytes([53, 1, kind, 54, 4, 10, 0, 2, 2]) + options + bytes([255])


LEASE = bytes([1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 6, 8, 10, 0, 2, 3, 10, 0, 2, 4])
TIMES = bytes([51, 4, 0, 1, 0x51, 0x80, 58, 4, 0, 0, 0x70, 0, 59, 4, 0, 1, 0, 0])


def dhcp() -> Seeds:
    return {
        "offer": dhcp_message(2, LEASE + TIMES),
        "ack-for-ever": dhcp_message(5, LEASE + bytes([51, 4]) + b"\xff" * 4),
        "nak": dhcp_message(6),
        "overload": dhcp_message(2, bytes([52, 1, 3])),
    }


def dns_record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + u16(kind) + u16(1) + u32(300) + u16(len(data)) + data


def dns() -> Seeds:
    def answer(*records: bytes) -> bytes:
        name = b"board.example"
        counts = u16(len(records)) + bytes(4)
        return u16(0x1234) + bytes([len(name)]) + name + b"\x01" + counts + b"".join(records)

    alias = dns_record(5, b"\x04host\xc0\x12")
    return {
        "address": answer(dns_record(1, bytes([192, 0, 2, 7]))),
        "alias": answer(alias, dns_record(1, bytes([192, 0, 2, 7]), b"\x04host\xc0\x12")),
        "loop": answer(dns_record(1, bytes(4), b"\xc0\x1f")),
        "name": u16(1) + bytes([9]) + b"a.b-c.d1.",
    }


def tftp() -> Seeds:
    head = u32(5000) + bytes([8]) + b"kyu.test"
    oack = b"\x00\x06blksize\x001468\x00tsize\x001600\x00"
    block = [b"\x00\x03" + u16(n) + bytes(size) for n, size in ((1, 1468), (2, 132))]
    plain = b"\x00\x03\x00\x01" + bytes(512)
    return {
        "options": head + piece(oack) + piece(block[0]) + piece(block[1]),
        "plain": head + piece(plain) + piece(plain) + piece(b"\x00\x03\x00\x02"),
        "refused": head + piece(b"\x00\x05\x00\x01no such file\x00"),
    }


def bootargs() -> Seeds:
    good = b"ip=192.168.0.73/24 gw=192.168.0.1 mac=02:00:00:00:00:01 seed=7 hb=1 watchdog=off"
    bad = b"ip=1.2.3.4/33 mac=01:02 seed=18446744073709551616 watchdog=99 defect=panic:3@2"
    return {
        "fixed": b"\x01" + good + b"\0",
        "dhcp": b"\x01ip=dhcp defect=wrong-byte:100 watchdog=8",
        "wrong": b"\x01" + bad,
        "unmarked": b"\x00KYUARGS2 ip=dhcp",
    }


def line() -> Seeds:
    return {
        "commands": b"stat\r\nrand\nuni\nbig\nlots 12\ngen 1 200000 2048\nsink 7 99\nq\n",
        "edited": b"net\x7f\x7fetstat\x15l\x1b[A\x03u net\r",
        "number": b"0x1F",
        "address": b"192.168.0.73",
        "mac": b"02:00:00:00:00:01",
        "long": b"x" * 140 + b"\nstat\n",
    }


def frame(payload: bytes, *, to: int = 0, kind: int = 0, how: int = 3) -> bytes:
    return bytes([0, how, to | kind << 2]) + piece(payload)


def frames() -> Seeds:
    echo = bytes([8, 0, 0, 0, 0, 1, 0, 1]) + b"ping"
    igmp = bytes([0x11, 10, 0, 0, 0, 0, 0, 0])
    error = bytes([3, 3, 0, 0, 0, 0, 0, 0]) + QUOTE
    report = bytes([0x16, 0, 0, 0, 239, 1, 2, 3])
    step = bytes([5, 2])
    return {
        "arp": frame(arp(1), kind=2) + frame(arp(2), kind=2) + step,
        "echo": frame(ipv4(1, echo)) + frame(ipv4(1, echo), to=1),
        "echo-reply": frame(ipv4(1, bytes([0, *echo[1:]]))),
        "udp": frame(ipv4(17, udp(4000, b"hello"))) + frame(ipv4(17, udp(9, b"nobody"))),
        "igmp": frame(ipv4(2, igmp), to=2) + step + frame(ipv4(2, report), to=2) + step,
        "icmp-error": bytes([7, 1, 0, 9]) + frame(ipv4(1, error)),
        "tcp": frame(ipv4(6, tcp(2, SYN_OPTIONS))) + step + frame(ipv4(6, tcp(0x10))),
        "fragments": frame(ipv4(17, udp(4000, bytes(16)), flags=0x2000)) + bytes([5, 3]),
        "large": bytes([7, 1, 0x20, 0]) + bytes([7, 9, 3, 0]) + step * 4,
        "short-of-memory": bytes([6, 0]) + frame(ipv4(1, echo)) + bytes([6, 4]) + step,
        "split": bytes([6, 23]) + frame(ipv4(1, echo)) + frame(ipv4(6, tcp(2, SYN_OPTIONS))),
    }


def fragments() -> Seeds:
    sizes = u16(100) + u16(3000) + u16(8000) + u16(1472)

    def cut(which: int, first: int, eighths: int, how: int = 0) -> bytes:
        return bytes([0, which, how]) + u16(first // 8) + bytes([eighths])

    whole = [cut(1, at, 0) for at in (0, 1480, 2960)]
    return {
        "in-order": sizes + b"".join(whole),
        "backwards": sizes + b"".join(reversed(whole)),
        "twice": sizes + whole[0] + whole[0] + whole[1] + whole[2],
        "overlap": sizes + cut(1, 0, 100) + cut(1, 400, 0) + whole[1] + whole[2],
        "damaged": sizes + cut(1, 0, 0, 0x31) + whole[1] + whole[2],
        "lies": sizes + cut(1, 0, 0, 0x12) + cut(1, 1480, 0, 0x23) + cut(0, 0, 0, 0x44),
        "late": sizes + whole[0] + bytes([13, 3]) + whole[1] + whole[2],
        "two": sizes + whole[0] + cut(2, 0, 0) + whole[1] + cut(2, 1480, 0) + whole[2],
    }


def connection() -> Seeds:
    start = bytes([0, 1, 0, 4])
    opened = bytes([0x00, 0x7F]) + bytes([6, 0])  # SYN and ACK, accept()
    said = bytes([2]) + u16(1000)
    read = bytes([6, 5])
    written = bytes([8]) + u16(20000)
    acked = bytes([4, 0])
    step = [bytes([10, n]) for n in range(11)]
    ended = bytes([3, 0])
    closed = bytes([6, 8 * 2 + 1])
    shut = bytes([6, 1])
    lost = bytes([4, 8 + 16, 0x02, 0, 0])
    any_ack = bytes([14, 0, 0x11, 0, 0x20 | 8]) + u16(500)
    out = bytes([6, 2]) + bytes([1, 0x7F])
    return {
        "echo": start + opened + said + read + written + acked + closed + ended + step[7],
        "peer-closes": start + opened + said + ended + read + closed + acked + step[8],
        "simultaneous-close": start + opened + shut + ended + acked + step[9],
        "loss": start + opened + written + lost + lost + lost + step[4] + acked + step[5] + acked,
        "timeouts": start + opened + written + step[5] + step[6] + step[7] + acked + step[9],
        "zero-window": start + opened + written + bytes([4, 6]) + step[6] * 3 + acked,
        "out-of-order": start + opened + any_ack + any_ack + said + said + read,
        "connects": start + out + written + acked + said + read + closed + ended + step[9],
        "keepalive": start + opened + bytes([6, 3, 6]) + step[7] * 4 + step[10],
        "reset": start + opened + said + bytes([14, 5, 0, 0, 0]) + read,
        "icmp": start + opened + written + bytes([13, 0x21 | 8]) + bytes([13, 3, 5, 0]),
        "wraps": bytes([1, 1, 1, 4]) + opened + said + read + written + acked + step[7] + said,
        "no-memory": start + opened + bytes([12, 0]) + said + bytes([12, 8]) + written + acked,
        "ring-full": start + opened + bytes([12, 1]) + written + bytes([12, 2]) + step[3],
        "backlog": start + bytes([0, 15, 0x10, 15, 0x20, 15, 0x30, 15]) + step[8] + step[9],
        "aborts": start + opened + written + bytes([6, 25]) + said + step[9],
    }


def lease() -> Seeds:
    def answer(kind: int, present: int, chosen: bytes, how: int = 0) -> bytes:
        return bytes([0, how, 0, present, kind]) + chosen

    offer = answer(2, 7, bytes([0, 0, 4]))
    ack = answer(5, 7, bytes([0, 0, 4]))
    probe = bytes([6, 1]) * 8
    times = answer(5, 31, bytes([0, 0, 3, 2, 2]))
    return {
        "bound": b"\x01" + offer + ack + probe + bytes([6, 4]),
        "renews": b"\x01" + offer + times + probe + bytes([6, 5]) + times + bytes([6, 6]),
        "declined": b"\x01" + offer + ack + bytes([4, 3]) + bytes([6, 3]) + offer,
        "lost": b"\x01" + offer + ack + probe + bytes([4, 0, 4, 0]),
        "nak": b"\x01" + offer + answer(6, 0, b""),
        "silence": b"\x00" + bytes([6, 3]) * 3,
        "any-options": b"\x01" + bytes([3, 0, 0, 12]) + TIMES[:12],
    }


def clients() -> Seeds:
    def answer(how: int, kept: int, more: bytes, changes: bytes = b"") -> bytes:
        return bytes([1, how, kept]) + bytes([len(changes)]) + changes + piece(more)

    record = dns_record(1, bytes([192, 0, 2, 7]))
    one = bytes([7, 1])  # one answer record
    blocks = [b"\x00\x03" + u16(n) + bytes(size) for n, size in ((1, 512), (2, 100))]
    return {
        "dns": bytes([0]) + answer(0, 255, record, one),
        "dns-late": bytes([0]) + answer(6, 255, record, one) * 2,
        "tftp": bytes([1]) + answer(1, 0, blocks[0]) + answer(1, 0, blocks[1]),
        "tftp-options": bytes([1]) + answer(1, 0, b"\x00\x06blksize\x00512\x00"),
        "tftp-stranger": bytes([1]) + answer(1, 0, blocks[0]) + answer(0x41, 0, blocks[1]),
        "ping": bytes([2]) + answer(0, 254, b"") * 3,
        "ping-large": bytes([0xF2]) + answer(0, 254, b""),
    }


def shell() -> Seeds:
    return {
        "show": b"h\nl\nnetstat\nsockstat\ntcpstat\nmbufs\narp\nroute\n",
        "more": b"p\nq\ns\nifconfig\ntcptrace 1\nu net\ntop 1\nwang\n",
        "memory": b"d 40008000\ndw 0x40008000 4\ndi main\nx add 1 2 3 4\n",
        "clients": b"ping 127.0.0.1 2 100\narping 192.168.0.73\ndns a.example 127.0.0.1\n",
        "own-services": b"daytime 192.168.0.73\nlots 127.0.0.1 9 5000 1000\n",
        "settings": b"debug 1\nhb on\nhb off\nifconfig 10.0.0.1/8\ngarp\n",
        "menus": b"k\ni\nn\nt\nk 1\nn debug\n",
        "wrong": b"d zz\nping\nx\n  \t \nnonsense a b c d e f g h i j\n\x1b[A\x03\x15",
    }


TARGETS = (
    wire,
    segment,
    dhcp,
    dns,
    tftp,
    bootargs,
    line,
    frames,
    fragments,
    connection,
    lease,
    clients,
    shell,
)


def main() -> int:
    for target in TARGETS:
        folder = CORPUS / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in target().items():
            (folder / f"seed-{name}.bin").write_bytes(data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
