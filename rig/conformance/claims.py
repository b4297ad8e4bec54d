"""What a packetdrill script tests, and whether the stack claims it.

Rules     Decided from the script's text alone, before it runs: what a script comes to never changes
          whether it counts. Each script that does not count has one reason, the first that holds.
          Settings are judged by the adapter itself (firmware/port/packetdrill/settings.cpp).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN, OFFERED, REFUSED = 0, 1, 2
Judge = Callable[[str, str], int]
"""(name, value) of a setting → UNKNOWN, OFFERED or REFUSED."""

_COMMENTS = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_COMMAND = re.compile(r"`([^`]*)`", re.DOTALL)
_SETTING = re.compile(r"\b((?:net|kern)\.[a-z0-9_.]+)=(\"[^\"]*\"|'[^']*'|[^\s\"'`;]+)")
_MTU = re.compile(r"^\s*--mtu=(\d+)", re.MULTILINE)
_OPENS = re.compile(r"\b(?:listen|connect|sendto|sendmsg) ?\(")
_SENDS = re.compile(r"^[^`\n]*[0-9*]\s*[<>]", re.MULTILINE)
_PROC_ECHO = re.compile(r"echo\s+(\S+)\s*>\s*/proc/sys/([a-z0-9_/]+)")
_PROC_TOOL = re.compile(r"\S*set_sysctls\.py")
_PROC_NAME = re.compile(r"/proc/sys/([a-z0-9_/]+)=")
_RESTORE = re.compile(r"\S+/sysctl_restore_\S+?\.sh")
_CONDITION = re.compile(r"^#ifdef (\w+)\n(.*?)^#endif[^\n]*\n", re.DOTALL | re.MULTILINE)

# What a script is about that the stack does not offer: the reason, and what tells it.
_NOT_OFFERED: list[tuple[str, str]] = [
    ("IPv6", r"--ip_version=(?:ipv6|ipv4-mapped)|\bAF_INET6\b|\bIPPROTO_IPV6\b|\bIPV6_"),
    ("TCP Fast Open", r"FASTOPEN|fastopen|\bFO(?:EXP)? |\bFO[,>]|\bFOEXP"),
    ("TCP in UDP", r"--udp_encapsulation|REMOTE_UDP_ENCAPS|udp_tunneling_port=[1-9]"),
    ("TCP MD5 signatures", r"tcp_md5|TCP_MD5SIG|\bmd5\b"),
    ("PSP", r"\bpsp\b|\bPSP\b|--wire_"),
    ("SCTP, UDP or UDP-Lite", r"IPPROTO_(?:SCTP|UDP|UDPLITE)|SOCK_(?:DGRAM|SEQPACKET)|\bsctp\b"),
    ("a command that changes this host", r"`[^`]*(?:/proc/sys|\bdd\b|\brm\b|>\s*/)[^`]*`"),
    (
        "an MTU or MSS that changes",
        r"\bmtu \d+ dev\b|ip (?:link|route) [^`]*(?:set|mss|mtu)|"
        r"ifconfig [^`]*mtu|mtu_probing=[12]",
    ),
    ("memory that is not the caller's", r"\bEFAULT\b"),
    ("assertions on Linux' inner figures (tcp_info)", r"\btcpi_(?!state\b|options\b)"),
    ("a choice of IP TOS or TTL", r"\bIP_(?:TOS|TTL|RECVTOS)\b"),
    ("zero-copy and file calls", r"ZEROCOPY|\bsplice\(|\bsendfile\(|TCP_ZC|\bpipe\("),
    ("time stamps of packets for the user", r"SO_TIMESTAMPING|SCM_TIMESTAMPING|TIMESTAMP_OPT"),
    ("epoll", r"\bepoll_"),
    (
        "Linux' own socket options",
        r"TCP_(?:MAXSEG, \[|INQ|NOTSENT_LOWAT|CM_INQ|DEFER_ACCEPT|QUICKACK|CORK|"
        r"SAVE|REPAIR|TX_DELAY|WINDOW_CLAMP|THIN)|SO_(?:PEEK_OFF|RCVLOWAT|BUSY_POLL|MAX_PACING)|"
        r"MSG_(?:EOR|MORE|TRUNC|ERRQUEUE)",
    ),
    (
        "FreeBSD's own socket options and stacks",
        r"TCP_(?:NOOPT|RACK_|FUNCTION_BLK|KEEPINIT|"
        r"REMOTE_|MAXUNACKTIME|LOG)",
    ),
    (
        "a congestion control other than CUBIC and NewReno",
        r"congestion_control=(?!cubic\b|reno\b)|TCP_CONGESTION, \"(?!cubic|reno|newreno)",
    ),
]
_NOT_OFFERED_RE = [(reason, re.compile(pattern)) for reason, pattern in _NOT_OFFERED]


@dataclass(frozen=True, slots=True)
class Setting:
    """NAME=VALUE that a script asks sysctl for."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether a script counts; `reason` when it does not."""

    counts: bool
    reason: str = ""


def bare(text: str) -> str:
    """The script without its comments."""
    return _COMMENTS.sub("", text)


def standard(text: str) -> str:
    """The script in the words of the packetdrill that runs it; nothing that is expected changes.

    `#ifdef STANDARD` holds what the RFC says, `#ifdef FreeBSD` what that system does instead: the
    first is taken. One ICMP code has a name in one packetdrill and a number in the other. What
    would write to this host's own settings goes to `sysctl`, which is ours (shims.py).
    """
    text = _CONDITION.sub(lambda m: m[2] if m[1] == "STANDARD" else "", text)
    text = _COMMAND.sub(lambda m: f"`{_ours(m[1])}`", text)
    return text.replace("ttl_exceeded_in_transit", "code_0").replace(
        "frag_reass_exceeded", "code_1"
    )


def _ours(command: str) -> str:
    """A script's command, with `sysctl` in place of whatever else sets something."""
    command = _PROC_ECHO.sub(lambda m: f"sysctl {m[2].replace('/', '.')}={m[1]}", command)
    command = _PROC_TOOL.sub("sysctl", command)
    command = _PROC_NAME.sub(lambda m: m[1].replace("/", ".") + "=", command)
    return _RESTORE.sub("true", command)


def settings_of(text: str) -> list[Setting]:
    """What the script's own commands set, in their order; not what files they call do."""
    found = []
    for command in _COMMAND.findall(bare(text)):
        for name, value in _SETTING.findall(command):
            found.append(Setting(name, value.strip("\"'")))
    return found


def mtu_of(text: str) -> int:
    """Of the link that the script wants."""
    found = _MTU.search(bare(text))
    return int(found[1]) if found else 1500


def claim(text: str, judge: Judge) -> Claim:
    """Does the stack claim what this script tests?"""
    code = bare(text)
    if not _OPENS.search(code) and _SENDS.search(code):
        return Claim(False, "packetdrill knows no address of a socket that was only bound")
    for reason, pattern in _NOT_OFFERED_RE:
        if pattern.search(code):
            return Claim(False, reason)
    for setting in settings_of(text):
        verdict = judge(setting.name, setting.value)
        if verdict == UNKNOWN:
            return Claim(False, f"unknown setting {setting}")
        if verdict == REFUSED:
            return Claim(False, f"setting {setting}")
    return Claim(True)
