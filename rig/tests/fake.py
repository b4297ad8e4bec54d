"""A double of the board for tests of the rig's own logic: it speaks console and wangdoodle.

Context   never shipped, never a board of `kyu`. Two threads: one talks on the console, one serves.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kyusim import native
from rig.board.protocol import Address
from rig.board.qemu import SocketConsole
from rig.console.grammar import PROMPT, make_frame


def big_pattern() -> bytes:
    """The mission's pattern, written down a second time on purpose: a test of the first."""
    words = []
    for chunk in range(100):
        for run in range(4):
            if chunk == 0:
                word = f"ST{run + 1:03d}"
            elif chunk == 99:
                word = f"EN{run + 1:03d}"
            else:
                word = f"PK{(chunk - 1) * 4 + run + 1:03d}"
            words.append(word * 100)
    return "".join(words).encode()


BIG = big_pattern()


@dataclass(frozen=True)
class Script:
    """What goes wrong, and in which transfer (counted from 1; 0: never)."""

    at_transfer: int = 0
    serve: Callable[[socket.socket, bytes], None] | None = None
    console: Callable[[FakeBoard], None] | None = None
    silent_after: bool = False


class FakeBoard:
    """Satisfies Board and Inspectable."""

    name = "fake"
    build = "abc123"

    def __init__(self, script: Script = Script(), heartbeat_s: float = 0.05) -> None:
        self.script = script
        self.heartbeat_s = heartbeat_s
        self.boots = 0
        self.transfers = 0
        self.ended = ""
        self.answers = True
        self.beating = True
        self._on = False
        self._console: SocketConsole | None = None
        self._theirs: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []

    @property
    def console(self) -> SocketConsole:
        assert self._console is not None
        return self._console

    def power_on(self) -> None:
        ours, self._theirs = socket.socketpair()
        self._console = SocketConsole(ours)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.02)
        self.boots += 1
        self._on, self.beating = True, True

    def go(self) -> None:
        for work in (self._talk, self._serve, self._listen_to_keys):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def power_off(self) -> None:
        self._on = False
        for thread in self._threads:
            thread.join(timeout=2)
        self._threads.clear()
        for thing in (self._theirs, self._listener, self._console):
            if thing is not None:
                thing.close()
        self._theirs = self._listener = self._console = None

    def address(self, _port: int) -> Address:
        assert self._listener is not None
        return Address("127.0.0.1", self._listener.getsockname()[1])

    def gone(self) -> str:
        return self.ended

    def program_counter(self) -> int:
        return 0x4000_1234

    def say(self, *lines: str) -> None:
        assert self._theirs is not None
        with contextlib.suppress(OSError):
            self._theirs.sendall("".join(line + "\r\n" for line in lines).encode("latin-1"))

    def _talk(self) -> None:
        boot = make_frame("boot", v=1, build=self.build, image="release", cpu_hz_timer=62500000)
        self.say(boot)
        self.say(make_frame("ready", services="wangdoodle:114", up_ms=10))
        seq = 0
        while self._on:
            time.sleep(self.heartbeat_s)
            if self.beating:
                seq += 1
                self.say(make_frame("hb", seq=seq, up_ms=seq * 1000, transfers=self.transfers))

    def _listen_to_keys(self) -> None:
        assert self._theirs is not None
        self._theirs.settimeout(0.02)
        while self._on:
            with contextlib.suppress(OSError):
                if self._theirs.recv(100) and self.answers:
                    self._theirs.sendall(b"\r\n" + PROMPT.encode())

    def _serve(self) -> None:
        assert self._listener is not None
        while self._on:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                continue
            with sock:
                sock.settimeout(5)
                with contextlib.suppress(OSError):
                    self._one(sock)

    def _one(self, sock: socket.socket) -> None:
        command = sock.recv(100)
        self.transfers += 1
        data = self._data(command)
        if self.transfers == self.script.at_transfer:
            if self.script.silent_after:
                self.beating = False
            if self.script.console is not None:
                self.script.console(self)
            if self.script.serve is not None:
                self.script.serve(sock, data)
            return
        sock.sendall(data)

    def _data(self, command: bytes) -> bytes:
        words = command.decode().split()
        if words[:1] == ["gen"]:
            return native.gen_stream(int(words[1]), 0, int(words[2]))
        return BIG if words == ["big"] else b"ERR\n"


def reset(sock: socket.socket) -> None:
    """Closes with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def crash_lines(
    kind: str = "panic", func: str = "m_copym", reason: str = "m_copym 3"
) -> tuple[str, ...]:
    """A small crash record in the board's form."""
    record = [
        make_frame(
            "crash-begin",
            v=1,
            build="abc123",
            up_ms=4242,
            kind=kind,
            reason=reason,
            thread="wang-3",
            func=func,
        ),
        make_frame(
            "crash-regs",
            pc="0x4002ceac",
            lr="0x40029840",
            sp="0x4056ad98",
            fp="0x4056adac",
            cpsr="0x60000013",
        ),
        make_frame(
            "crash-thread",
            id=3,
            name="wang-3",
            prio=20,
            state="running",
            waits="",
            stack="0x40568000-0x4056b000",
            used=900,
        ),
        make_frame("crash-frame", thread=3, n=0, pc="0x4002ceac", sym=f"{func}+dc"),
        make_frame("crash-frame", thread=3, n=1, pc="0x40029840", sym="tcp_output+8fc"),
    ]
    return (
        "Current thread is wang-3",
        " SP = 4056ad98,  FP = 4056adac",
        f"Called from {func}+dc -- 4002ceac",
        "Called from tcp_output+8fc -- 40029840",
        f"PANIC: {reason}",
        *record,
        make_frame("crash-end", lines=len(record)),
    )
