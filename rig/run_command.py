"""kyu run: one board under watch, its console on the terminal.

Context   the main thread. Lines go to the board when they are complete, so that the terminal's own
          editing works; Ctrl-C ends the run.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rig import interrupts
from rig.assembly import BoardChoice, assemble, bench_of, check_board, wire_for
from rig.board import image as images
from rig.board.bench_config import BenchConfig
from rig.board.protocol import Debuggable
from rig.board.qemu import QemuBoard
from rig.campaign.session import Session, TimedLine, powered
from rig.console import grammar
from rig.console.symbols import Symbols
from rig.crash_text import where_text
from rig.errors import RigError, UserError
from rig.rack import borrowing
from rig.report.summary import headline
from rig.report.text import escaped
from rig.verdict import Verdict, inconclusive
from rig.wire.protocol import WANGDOODLE

INTERRUPTED = 130
POLITE_S = 5.0  # for a command to end after SIGTERM


@dataclass(frozen=True, slots=True)
class RunOptions:
    board: str = "qemu"
    image: Path | None = None
    bootargs: str = ""
    wire: str = "auto"
    host_port: int = 0
    seed: int = 0
    board_config: str | None = None
    serial: str | None = None
    baud: int | None = None
    host_iface: str | None = None
    board_ip: str | None = None
    place: str | None = None
    coordinator: str | None = None
    place_wait: float = 0.0
    raw: bool = False
    seconds: float | None = None
    command: tuple[str, ...] = ()


def run_board(wanted: RunOptions) -> int:
    check_board(wanted.board)
    option = partial(getattr, wanted)
    if wanted.board == borrowing.LABGRID:
        interrupts.install()  # whatever ends it, the board is given back
    with borrowing.rack(wanted.board, option) as lent:
        own = bench_of(wanted.board, wanted.board_config, option)
        return _run_on(wanted, lent.first if lent else own)


def _run_on(wanted: RunOptions, bench: BenchConfig | None) -> int:
    image = images.find(wanted.image)
    wire = wire_for(bench, wanted.wire, wanted.host_port)
    choice = BoardChoice(wanted.board, image, wanted.bootargs, wanted.seed, bench)
    session = assemble(choice, wire)
    show = _Show(session, raw=wanted.raw)
    with powered(session), contextlib.closing(wire):
        try:
            verdict = session.boot()
            if verdict is None:
                _say(_how_to_reach(session, wire.name, wire.why))
                _say_how_to_look(session, image)
            show.new_lines()
            if verdict is None:
                verdict, status = _attend(session, show, wanted)
                if verdict is None:
                    return status
        except KeyboardInterrupt:
            return INTERRUPTED
        except RigError as fault:
            verdict = inconclusive(session.clock.now(), str(fault))
        show.new_lines()
    _say(headline(verdict))
    return verdict.exit_status


def _attend(session: Session, show: _Show, wanted: RunOptions) -> tuple[Verdict | None, int]:
    """Until the command, the time or the board has ended: (verdict, status when there is none)."""
    child = _start(session, wanted.command) if wanted.command else None
    ends = time.monotonic() + wanted.seconds if wanted.seconds else None
    try:
        listening = child is None
        while session.verdict is None:
            session.pump(0.05)
            show.new_lines()
            if listening:
                listening = _forward_line(session, show)
            if child is not None and child.poll() is not None:
                break
            if ends is not None and time.monotonic() > ends:
                break
    finally:
        if child is not None:
            _end(child)
    verdict = session.settle() if session.verdict is None else session.verdict
    if verdict.exit_status:
        return verdict, verdict.exit_status
    return None, _status(child.returncode) if child is not None else 0


def _status(returncode: int) -> int:
    """As a shell tells it of a command that a signal has ended: a negative one has no meaning."""
    return returncode if returncode >= 0 else 128 - returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """It may pass over what it is asked politely; nobody watches the board meanwhile."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(POLITE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


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


def _say_how_to_look(session: Session, image: Path) -> None:
    where = session.board.debugger() if isinstance(session.board, Debuggable) else ""
    if where:
        _say(f"from outside: kyu inspect; or gdb-multiarch {image} -ex 'target remote {where}'")


def _say(text: str) -> None:
    print(f"-- {text}", file=sys.stderr, flush=True)


class _Show:
    """Prints the console's lines as they come; a traceback gets file and line at once."""

    def __init__(self, session: Session, *, raw: bool) -> None:
        self._symbols: Symbols = session.symbols
        self._tail = session.tail
        self._raw = raw
        self._shown: TimedLine | None = None
        self._at_prompt = False
        self._echo: str | None = None
        self._exact = False

    def new_lines(self) -> None:
        lines = list(self._tail)
        if self._shown is not None:
            marks = [i for i, line in enumerate(lines) if line is self._shown]
            lines = lines[marks[0] + 1 :] if marks else lines
        for line in lines:
            self._shown = line
            self._line(line.text)
        sys.stdout.flush()

    def typed(self, text: str) -> None:
        """The board will echo this; on the terminal it stands already."""
        self._echo = text

    def _line(self, text: str) -> None:
        parsed = grammar.parse(text)
        if isinstance(parsed, grammar.Earlier):
            parsed = parsed.line
        if isinstance(parsed, grammar.Frame) and not self._raw:
            return
        if text == grammar.PROMPT:
            print(text, end="")
            self._at_prompt = True
            return
        if self._at_prompt and not text and self._echo != "" and not self._raw:
            return  # the board leaves its prompt's line for one that is not shown
        echo, self._echo = self._echo, None
        at_prompt, self._at_prompt = self._at_prompt, False
        if at_prompt and text == echo:
            return
        where = self._where(parsed)
        said = escaped(text.expandtabs(8))
        print(("\n" if at_prompt else "") + said + (f"   {where}" if where else ""))

    def _where(self, parsed: grammar.Spoken) -> str:
        """File, line and what was inlined, of a line of a traceback."""
        match parsed:
            case grammar.FaultLine():
                self._exact = True  # the place of the fault comes first, then return addresses
            case grammar.CalledFrom(pc=pc):
                chain = self._symbols.chain(pc) if self._exact else self._symbols.call_chain(pc)
                self._exact = False
                return where_text(chain)
        return ""


def _forward_line(session: Session, show: _Show) -> bool:
    """Standard input to the board. False when it has ended."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        return True
    keys = os.read(sys.stdin.fileno(), 1024)
    if keys:
        if sys.stdin.isatty():
            show.typed(keys.decode(errors="replace").rstrip("\n"))
        session.board.console.write(keys.replace(b"\n", b"\r"))
    return bool(keys)
