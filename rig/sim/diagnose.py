"""What is wrong, told from what a run left behind, without knowing what was planted.

Rules     pure: an Observation in, a Finding out. A finding names a mechanism, not a symptom; what
          has no known mechanism keeps its symptom (panic, hang, refused, corruption).

What a wire may cause, and is no finding. A frame that was cut or in which one bit was inverted is
as good as lost: IP sees that a packet is longer than its frame, its checksum and TCP's see any
single bit (inverting one moves the sum by a power of two, and none of those is 0 modulo 65535; it
takes two bits that cancel out to get through). So faults cost time, and a stream is exact or
something is wrong. The exception is ARP, which has no checksum, and no frame check sequence is
simulated that would stand in for one: who has learned a wrong address speaks to nobody for as long
as the entry lives. Then silence is no finding; a panic, a wrong byte or a thread that sleeps with
the lock still are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rig.console.crash import CrashRecord

#: What each planted bug must be found as.
EXPECTED = {
    "unlocked-sendbuf": "sendbuf-without-lock",
    "close-deadlock": "sleeps-with-lock",
    "lost-wakeup": "lost-wakeup",
    "deaf-receiver": "receiver-deaf",
    "freelist-lost": "sockets-lost",
    "timewait-pool": "sockets-in-time-wait",
    "shared-buffer": "foreign-bytes",
    "icmp-leak": "buffers-leaked",
    "odd-checksum": "bad-checksum",
}

#: Where the network lock is asked for, and where it is given up to sleep.
LOCK_DOORS = ("NetGuard", "Mutex::", "lock_from", "CondVar::")
#: What touches a send buffer; a thread inside these without the lock is the story's first bug.
SEND_PATH = (
    "tcp_output",
    "tcp_usr_send",
    "check_invariants",
    "sosend",
    "share",
    "append_copy",
    "append_static",
)


@dataclass(frozen=True, slots=True)
class Finding:
    cause: str
    detail: str


@dataclass(frozen=True, slots=True)
class ThreadSeen:
    name: str
    state: str
    waits: str
    holds: str


@dataclass(frozen=True, slots=True)
class Observation:
    """Counters are the board's own, by name."""

    panic: CrashRecord | None = None
    stuck: bool = False  # transfers that did not end although nothing moved for a long time
    threads: tuple[ThreadSeen, ...] = ()
    hears: bool = True  # a frame sent at the end was taken off the wire
    answers: bool = True  # ... and answered
    wrong: str = ""  # where a stream differs
    failed: str = ""  # the first client that could not finish
    senders_asleep_on_empty: int = 0  # sockets whose writer waits for room in an empty buffer
    sockets_at_failure: Mapping[str, int] = field(default_factory=dict)
    checksum_drops: int = 0  # at the client, of frames that the wire has not touched
    arp_spoiled: int = 0  # ARP frames that arrived with other bytes than were sent
    leaked: Mapping[str, int] = field(default_factory=dict)  # pool -> more than at boot, at rest


def diagnose(seen: Observation) -> Finding | None:
    """None: nothing is wrong."""
    for look in (_panic, _lock, _sockets, _checksum, _deaf, _wakeup, _streams, _leak):
        if (finding := look(seen)) is not None:
            return finding
    return None


def _panic(seen: Observation) -> Finding | None:
    record = seen.panic
    if record is None:
        return None
    if record.kind == "deadlock" and "while it holds mutex net" in record.reason:
        return Finding("sleeps-with-lock", record.reason)
    found = _sender_without_lock(record)
    if found is not None:
        name, inside = found
        where = f"{name} is in {inside} without the network lock"
        return Finding("sendbuf-without-lock", f"{record.reason}; {where}")
    return Finding("panic", f"{record.reason} in {record.function} (thread {record.thread})")


def _sender_without_lock(record: CrashRecord) -> tuple[str, str] | None:
    """A thread that was inside the send path without the network lock, and the function it is in.

    Best one that is there still: it neither holds the lock nor stands at its door. Else one that
    was, a moment ago, when the crash is that of a thread that holds the lock by right and finds the
    connection broken: the board notes who passes a marked point of the stack without a lock.
    """
    owners = {f.text("owner") for f in record.of_kind("crash-lock") if f.text("name") == "net"}
    names = record.thread_names()
    for name in sorted(set(names.values()) - owners, key=lambda n: n != record.thread):
        if inside := _sends(_calls(record, name)):
            return name, inside
    if inside := _sends(_calls(record, record.thread)):
        for event in reversed(record.of_kind("crash-event")):
            if event.text("what") == "unlocked":
                name = names.get(str(event.number("a")), "a thread")
                return name, f"the stack at {event.number('us')} us, before {inside} failed,"
    return None


def _sends(calls: list[str]) -> str:
    """The innermost function of the send path, if it is that far: who has given the lock up to
    wait, or asks for it, is deeper than that in one of its doors."""
    for call in calls:
        if any(door in call for door in LOCK_DOORS):
            return ""
        if any(part in call for part in SEND_PATH):
            return call
    return ""


def _calls(record: CrashRecord, name: str) -> list[str]:
    """Names of the functions that a thread is in, innermost first."""
    if name == record.thread:
        return [symbol.partition("+")[0] for _, symbol in record.backtrace()]
    rows = {f.text("id"): f for f in record.of_kind("crash-thread")}
    ident = next(i for i, row in rows.items() if row.text("name") == name)
    ident = rows[ident].text("like", ident)
    frames = [f for f in record.of_kind("crash-frame") if f.text("thread") == ident]
    frames.sort(key=lambda f: f.number("n"))
    return [f.text("sym").partition("+")[0] for f in frames]


def _lock(seen: Observation) -> Finding | None:
    if not seen.stuck:
        return None
    for thread in seen.threads:
        if "net" in thread.holds.split(",") and thread.state == "waiting":
            others = [t.name for t in seen.threads if t.waits == "mutex net"]
            return Finding(
                "sleeps-with-lock",
                f"{thread.name} holds net and waits for {thread.waits};"
                f" {', '.join(others) or 'nobody'} wait for net",
            )
    return None


def _sockets(seen: Observation) -> Finding | None:
    at = seen.sockets_at_failure
    if not at:
        return None
    used, total, established = at["used"], at["total"], at["connections"]
    if used * 2 < total:
        return Finding("sockets-lost", f"no socket to be had while {used} of {total} are in use")
    if established * 2 < used:
        detail = f"{used} of {total} sockets in use by {established} connections"
        return Finding("sockets-in-time-wait", detail)
    return Finding("refused", f"all {total} sockets in use")


def _checksum(seen: Observation) -> Finding | None:
    if seen.checksum_drops == 0:
        return None
    detail = f"{seen.checksum_drops} segments with a wrong checksum that no wire has changed"
    return Finding("bad-checksum", detail)


def _deaf(seen: Observation) -> Finding | None:
    if seen.hears or seen.arp_spoiled:
        return None
    return Finding("receiver-deaf", "frames arrive at the board and its receiver takes none")


def _wakeup(seen: Observation) -> Finding | None:
    if not seen.stuck:
        return None
    if seen.senders_asleep_on_empty:
        names = [t.name for t in seen.threads if t.waits == "condition send"]
        detail = f"{', '.join(names)} waits for room in an empty send buffer; nobody will wake it"
        return Finding("lost-wakeup", detail)
    if seen.arp_spoiled:
        return None
    waits = ", ".join(f"{t.name}: {t.waits}" for t in seen.threads if t.waits)
    return Finding("hang", waits)


def _streams(seen: Observation) -> Finding | None:
    if seen.wrong:
        return Finding("foreign-bytes", seen.wrong)
    if seen.arp_spoiled:
        return None
    if seen.failed:
        return Finding("refused", seen.failed)
    return None if seen.answers else Finding("mute", "the board hears and does not answer")


def _leak(seen: Observation) -> Finding | None:
    more = {pool: n for pool, n in seen.leaked.items() if n > 0}
    if not more:
        return None
    return Finding("buffers-leaked", ", ".join(f"{n} of {pool}" for pool, n in more.items()))
