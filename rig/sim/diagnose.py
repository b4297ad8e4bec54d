"""What is wrong, told from what a run left behind, without knowing what was planted.

Rules     pure: an Observation in, a Finding out. A finding names a mechanism, not a symptom; what
          has no known mechanism keeps its symptom (panic, hang, refused, corruption).
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

#: What touches a send buffer; a thread inside these without the lock is the story's first bug.
SEND_PATH = ("tcp_output", "tcp_usr_send", "sosend", "share", "append_copy", "append_static")


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
    names = record.thread_names()
    owners = {
        lock.text("owner") for lock in record.of_kind("crash-lock") if lock.text("name") == "net"
    }
    for ident, name in names.items():
        if name in owners or ident in owners:
            continue
        calls = [
            f.text("sym").partition("+")[0]
            for f in record.of_kind("crash-frame")
            if f.text("thread") == ident
        ]
        if name == record.thread:
            calls = [symbol.partition("+")[0] for _, symbol in record.backtrace()]
        inside = next((c for c in calls if any(p in c for p in SEND_PATH)), "")
        # Who waits for the lock at the door of a call is no culprit; who got in without it, and
        # asks for it only afterwards, left a caller in the traceback that no locked path has.
        round_the_lock = next((c for c in calls if "without_lock" in c), "")
        waits = any("NetGuard" in c or "lock_from" in c for c in calls)
        inside = round_the_lock or ("" if waits else inside)
        if inside:
            where = f"{name} is in {inside} without the network lock"
            return Finding("sendbuf-without-lock", f"{record.reason}; {where}")
    return Finding("panic", f"{record.reason} in {record.function} (thread {record.thread})")


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
    detail = f"{seen.checksum_drops} segments with a wrong checksum on a wire that changes nothing"
    return Finding("bad-checksum", detail)


def _deaf(seen: Observation) -> Finding | None:
    if seen.hears:
        return None
    return Finding("receiver-deaf", "frames arrive at the board and its receiver takes none")


def _wakeup(seen: Observation) -> Finding | None:
    if not seen.stuck:
        return None
    if seen.senders_asleep_on_empty:
        names = [t.name for t in seen.threads if t.waits == "condition send"]
        detail = f"{', '.join(names)} waits for room in an empty send buffer; nobody will wake it"
        return Finding("lost-wakeup", detail)
    waits = ", ".join(f"{t.name}: {t.waits}" for t in seen.threads if t.waits)
    return Finding("hang", waits)


def _streams(seen: Observation) -> Finding | None:
    if seen.wrong:
        return Finding("foreign-bytes", seen.wrong)
    if seen.failed:
        return Finding("refused", seen.failed)
    return None if seen.answers else Finding("mute", "the board hears and does not answer")


def _leak(seen: Observation) -> Finding | None:
    more = {pool: n for pool, n in seen.leaked.items() if n > 0}
    if not more:
        return None
    return Finding("buffers-leaked", ", ".join(f"{n} of {pool}" for pool, n in more.items()))
