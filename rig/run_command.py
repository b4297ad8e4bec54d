"""kyu run: one board under watch, its console on the terminal.

Context   the main thread. Keys go to the board as they are typed; Ctrl-C ends the run.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig import evidence
from rig.assembly import BoardChoice, assemble, check_board
from rig.board import image as images
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session, TimedLine, powered
from rig.console import grammar
from rig.console.symbols import Symbols
from rig.errors import RigError, UserError
from rig.report.summary import headline
from rig.verdict import Verdict, inconclusive
from rig.wire.choose import choose
from rig.wire.protocol import WANGDOODLE

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class RunOptions:
    board: str = "qemu"
    image: Path | None = None
    bootargs: str = ""
    wire: str = "auto"
    host_port: int = 0
    seed: int = 0
    raw: bool = False
    seconds: float | None = None
    command: tuple[str, ...] = ()


def run_board(wanted: RunOptions) -> int:
    check_board(wanted.board)
    image = images.find(wanted.image)
    wire = choose(wanted.wire, host_port=wanted.host_port)
    choice = BoardChoice(wanted.board, image, wanted.bootargs, wanted.seed, wanted.host_port)
    session = assemble(choice, wire)
    show = _Show(session, raw=wanted.raw)
    with powered(session), contextlib.closing(wire):
        try:
            verdict = session.boot()
            show.new_lines()
            if verdict is None:
                _say(_how_to_reach(session, wire.name, wire.why))
                verdict, status = _attend(session, show, wanted)
                if verdict is None:
                    return status
        except KeyboardInterrupt:
            return INTERRUPTED
        except RigError as fault:
            verdict = inconclusive(session.clock.now(), str(fault))
        show.new_lines()
    return _report(session, verdict)


def _attend(session: Session, show: _Show, wanted: RunOptions) -> tuple[Verdict | None, int]:
    """Until the command, the time or the board has ended: (verdict, status when there is none)."""
    child = _start(session, wanted.command) if wanted.command else None
    ends = time.monotonic() + wanted.seconds if wanted.seconds else None
    try:
        with _keys(child is None) as keys:
            while session.verdict is None:
                session.pump(0.05)
                show.new_lines()
                if keys:
                    keys = _forward_keys(session)
                if child is not None and child.poll() is not None:
                    break
                if ends is not None and time.monotonic() > ends:
                    break
    finally:
        if child is not None and child.poll() is None:
            child.terminate()
            child.wait()
    verdict = session.settle() if session.verdict is None else session.verdict
    if verdict.exit_status:
        return verdict, verdict.exit_status
    return None, child.returncode if child is not None else 0


def _start(session: Session, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    address = session.board.address(WANGDOODLE)
    environment = os.environ | {"KYU_HOST": address.host, "KYU_PORT": str(address.port)}
    try:
        return subprocess.Popen(command, env=environment)
    except OSError as error:
        raise UserError(f"cannot run {command[0]}: {error.strerror}") from None


def _how_to_reach(session: Session, wire: str, why: str) -> str:
    reason = f" ({why})" if why else ""
    line = f"wire {wire}{reason}; wangdoodle at {session.board.address(WANGDOODLE)}"
    if wire == "tap" and isinstance(session.board, QemuBoard):
        user = "" if why.startswith("root") else " -U --preserve-credentials"
        line += f"; from another shell: nsenter -t {session.board.pid} -n{user} COMMAND"
    return line


def _report(session: Session, verdict: Verdict) -> int:
    _say(headline(verdict))
    if session.watch.crash.alarming:
        _say(evidence.traceback_text(session.watch.crash, session.symbols).rstrip())
    return verdict.exit_status


def _say(text: str) -> None:
    print(f"-- {text}", file=sys.stderr, flush=True)


class _Show:
    """Prints the console's lines as they come; a traceback gets file and line at once."""

    def __init__(self, session: Session, *, raw: bool) -> None:
        self._symbols: Symbols = session.symbols
        self._tail = session.tail
        self._raw = raw
        self._shown: TimedLine | None = None

    def new_lines(self) -> None:
        lines = list(self._tail)
        if self._shown is not None:
            marks = [i for i, line in enumerate(lines) if line is self._shown]
            lines = lines[marks[0] + 1 :] if marks else lines
        for line in lines:
            self._shown = line
            self._line(line.text)
        sys.stdout.flush()

    def _line(self, text: str) -> None:
        parsed = grammar.parse(text)
        if isinstance(parsed, grammar.Frame) and not self._raw:
            return
        source = ""
        if isinstance(parsed, grammar.CalledFrom):
            place = self._symbols.call_place(parsed.pc)
            source = f"   {place.file}:{place.line}" if place.file else ""
        print(text + source)


@contextlib.contextmanager
def _keys(wanted: bool) -> Iterator[bool]:
    """Whether standard input goes to the board; a terminal passes each key on at once."""
    if not wanted or sys.stdin is None or sys.stdin.closed:
        yield False
        return
    if not sys.stdin.isatty():
        yield True
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield True
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _forward_keys(session: Session) -> bool:
    """False when the input has ended."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        return True
    keys = os.read(sys.stdin.fileno(), 1024)
    if keys:
        session.board.console.write(keys.replace(b"\n", b"\r"))
    return bool(keys)
