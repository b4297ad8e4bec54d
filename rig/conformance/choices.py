"""Scripts that hold the stack to another system's own choice, by name, each with its reason.

Rules     A script stands here when what it expects is not what the RFC says, or is one of several
          things that the RFC allows. It runs all the same and is told apart in every report: it is
          neither passed over nor counted as a fault. docs/conformance.md tells the reasons.
"""

from __future__ import annotations

from fnmatch import fnmatch

_NO_ACK_BIT = (
    "FreeBSD drops what has no ACK bit before it looks at the number, RFC 9293 §3.10.7.4 after"
)
_REUSE = "a SYN with a higher number opens anew in TIME-WAIT (RFC 1122 §4.2.2.13)"
_RST = "the reset that RFC 9293 §3.10.7.2 requires is not told in the script"
_ROUNDS_UP = "FreeBSD rounds the advertised window up to its scale; RFC 7323 §2.3 shifts it"
_REORDERED = "Linux waits 40 ms for reordering, RFC 8985 §6.2 a quarter of the least round trip"
_BURST = "PSH on each burst that Linux has its device cut up; here it ends what was written"
_QUICK = "Linux acknowledges the first segments at once; RFC 9293 §3.8.6.3 allows to wait"

_CHOICES: list[tuple[str, str]] = [
    (
        "rcv-syn-ack-with-data-syn-sent-ack-left-edge-ipv4.pkt",
        "FreeBSD rounds its buffer up to whole segments before it tells the window",
    ),
    ("rcv-fin-time-wait-using-shutdown-outside-left-ipv4.pkt", _NO_ACK_BIT),
    ("rcv-syn-time-wait-using-shutdown-outside-right-secure-ipv4.pkt", _REUSE),
    ("rcv-syn-time-wait-using-shutdown-right-edge-secure-ipv4.pkt", _REUSE),
    ("rcv-syn-fin-time-wait-using-shutdown-outside-right-secure-nodrop-ipv4.pkt", _REUSE),
    ("rcv-syn-fin-time-wait-using-shutdown-right-edge-secure-nodrop-ipv4.pkt", _REUSE),
    ("rcv-syn-ack-with*-data-listen-ipv4.pkt", _RST),
    ("socket-api-getsockopt-tcpinfo-ipv4.pkt", _ROUNDS_UP),
    (
        "rcv-icmp-hard-error-ttl-exceeded-ipv4.pkt",
        "time exceeded is a soft error and must not end a connection (RFC 1122 §4.2.3.9)",
    ),
    (
        "syn-rcvd-via-syn-sent-ipv4-ecn01.pkt",
        "who has sent a SYN without ECN must not use it (RFC 3168 §6.1.1)",
    ),
    (
        "overlapping-200-32200.pkt",
        "FreeBSD tells a window that grew by less than half of the buffer",
    ),
    ("blocking-read.pkt", _QUICK),
    ("ioctl-siocinq-fin.pkt", _QUICK),
    ("https_client.pkt", _QUICK),
    ("shutdown-rd-wr-close.pkt", _QUICK),
    ("shutdown-wr-close.pkt", _QUICK),
    ("invalid_ack.pkt", _QUICK),
    ("reset_tsval.pkt", _QUICK),
    ("limited-transmit-*.pkt", _BURST),
    ("prr-ss-30pkt-lost-1_4-11_16.pkt", _BURST),
    ("shutdown-rdwr-send-queue-ack-close.pkt", _BURST),
    ("fr-4pkt-fack-last-*.pkt", _REORDERED),
    (
        "prr-ss-ack-below-snd_una-cubic.pkt",
        "Linux' PRR lets one segment more out with an ACK that ends a loss than RFC 6937 counts",
    ),
    (
        "shutdown-rdwr-write-queue-close.pkt",
        "Linux probes the tail with the FIN alone; here the last segment's worth goes with it",
    ),
    (
        "user_timeout.pkt",
        "Linux sends a lost FIN again sooner than RFC 6298 §5.5 doubles its timeout",
    ),
]


def choice_of(name: str) -> str:
    """Why the script of this file name holds the stack to somebody's choice; empty: it does not."""
    for pattern, reason in _CHOICES:
        if fnmatch(name, pattern):
            return reason
    return ""
