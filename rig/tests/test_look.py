"""A board that hangs without a word: what the rig says of it, and what it keeps."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyusim import native
from rig import cli, evidence
from rig.campaign.session import Session
from rig.campaign.soak import Soak
from rig.console.symbols import Symbols
from rig.inspect.image import Image
from rig.inspect.packets import Packet, Splitter, frame
from rig.journal import RunFolder
from rig.report.progress import PlainDisplay
from rig.report.summary import Summary
from rig.tests.fake import FakeBoard, Script, crash_lines
from rig.tests.forge import BLOCK, Forge, compiled
from rig.tests.test_soak import FAST, HASTY, _stall, big
from rig.verdict import Cause


class Debugger:
    """A gdb server on a Unix socket, for a forged kernel. Serves one after the other."""

    def __init__(self, forge: Forge, where: Path) -> None:
        self.forge, self.where = forge, where
        self.resumed = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(where))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                splitter = Splitter()
                with sock, contextlib.suppress(OSError):
                    while data := sock.recv(4096):
                        for one in splitter.feed(data):
                            if isinstance(one, Packet):
                                self._one(sock, one.body)

    def _one(self, sock: socket.socket, command: bytes) -> None:
        if command == b"c":
            self.resumed += 1  # before it is acknowledged: a test looks at once
            sock.sendall(b"+")
        else:
            sock.sendall(b"+" + frame(self._answer(command)))

    def _answer(self, command: bytes) -> bytes:
        if command == b"?":
            return b"T05thread:01;"
        if command == b"g":
            return bytes(168).hex().encode()
        if command.startswith(b"m"):
            address, size = (int(number, 16) for number in command[1:].split(b","))
            there = address >= BLOCK and address + size <= BLOCK + len(self.forge.raw)
            at = address - BLOCK
            return self.forge.raw[at : at + size].hex().encode() if there else b"E14"
        return b"PacketSize=4000" if command.startswith(b"qSupported") else b""


class DebuggedBoard(FakeBoard):
    """Goes silent in its second transfer. Satisfies Debuggable, too."""

    def __init__(self, where: str, *last_words: str) -> None:
        script = Script(2, _stall, lambda board: board.say(*last_words), silent_after=True)
        super().__init__(script)
        self.answers = False
        self._where = where

    def debugger(self) -> str:
        return self._where


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return compiled(tmp_path_factory.mktemp("forged"))


@pytest.fixture
def debugger(image: Image, tmp_path: Path) -> Iterator[Debugger]:
    """Of a board where shell and net hold each other's lock."""
    forge = Forge(image)
    shell, net = forge.thread(b"shell", 1), forge.thread(b"net", 2)
    forge.waits(shell, forge.mutex(b"net-lock", net))
    forge.waits(net, forge.mutex(b"shell-lock", shell))
    forge.put(forge.kernel["current_"], net.address)
    server = Debugger(forge, tmp_path / "gdb")
    yield server
    server.close()


def hang(tmp_path: Path, where: str, image: Path, *last_words: str) -> tuple[Summary, Path]:
    folder = RunFolder(tmp_path / "run")
    board = DebuggedBoard(where, *last_words)
    board.build = Symbols(image).build_id
    session = Session(board, Symbols(image), folder=folder, limits=FAST, patience=HASTY)
    summary = Soak(session, folder, big(5), native, PlainDisplay(io.StringIO())).run()
    folder.close()
    assert summary.verdict.cause is not None
    return summary, folder.path / "failures" / f"001-{summary.verdict.cause.value}"


def test_a_hang_is_told_with_its_thread_and_the_ring_of_waits(
    debugger: Debugger, tmp_path: Path
) -> None:
    summary, _ = hang(tmp_path, str(debugger.where), debugger.forge.image.path)
    assert summary.verdict.cause is Cause.HANG
    assert "thread net;" in summary.verdict.detail
    assert "net waits for shell-lock, held by shell" in summary.verdict.detail


def test_a_hangs_evidence_is_the_record_from_outside_and_a_core(
    debugger: Debugger, tmp_path: Path
) -> None:
    _, found = hang(tmp_path, str(debugger.where), debugger.forge.image.path)
    crash = json.loads((found / "crash.json").read_text())
    assert (crash["from"], crash["thread"], crash["complete"]) == ("outside", "net", True)
    for name in ("traceback.txt", "threads.txt"):
        assert (found / name).read_text().startswith("halted from outside: the board is silent")
        assert all(word in (found / name).read_text() for word in ("net-lock", "shell-lock"))
    assert (found / "core").read_bytes().startswith(b"\x7fELF")
    assert "'net'" in (found / "core.gdb").read_text()


def test_a_record_that_the_board_did_not_finish_is_told_from_outside(
    debugger: Debugger, tmp_path: Path
) -> None:
    crash = debugger.forge.kernel["crash_"]
    debugger.forge.put(crash["depth"], 1)
    reason = b"m_copym 3"
    for at, byte in enumerate(reason):
        debugger.forge.put(crash["reason"]["data_"].address + at, byte, 1)
    debugger.forge.put(crash["reason"]["size_"], len(reason))
    words = crash_lines()[:7]
    summary, found = hang(tmp_path, str(debugger.where), debugger.forge.image.path, *words)
    assert summary.verdict.cause is Cause.PANIC
    assert "the crash record is incomplete" in summary.verdict.detail
    assert (found / "traceback.txt").read_text().startswith("panic: m_copym 3 (told from outside)")
    assert "net: waiting" in (found / "threads.txt").read_text()


def test_a_debugger_that_is_not_there_does_not_change_the_verdict(
    image: Image, tmp_path: Path
) -> None:
    summary, found = hang(tmp_path, str(tmp_path / "nothing"), image.path)
    assert summary.verdict.cause is Cause.HANG
    assert "no look from outside: " in summary.verdict.detail
    assert not (found / "crash.json").exists()


def test_a_board_that_runs_another_image_is_not_explained_by_this_one(
    debugger: Debugger, tmp_path: Path
) -> None:
    note, content = debugger.forge.image.section(".note.gnu.build-id")
    debugger.forge.put(note + len(content) - 4, 0)
    summary, found = hang(tmp_path, str(debugger.where), debugger.forge.image.path)
    assert "does not run" in summary.verdict.detail
    assert not (found / "crash.json").exists()


def test_a_night_of_failures_keeps_its_first_cores(
    debugger: Debugger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "CORES_MAX", 0)
    _, found = hang(tmp_path, str(debugger.where), debugger.forge.image.path)
    assert (found / "crash.json").exists()
    assert not (found / "core").exists()


def inspect(*arguments: str | Path) -> int:
    return cli.run(["inspect", *map(str, arguments)])


def test_inspect_tells_a_board_and_lets_it_go_on(
    debugger: Debugger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inspect(debugger.where, "--image", debugger.forge.image.path) == 0
    said = capsys.readouterr().out
    assert said.startswith("halted from outside\nthread net")
    assert "in a ring" in said or "a ring of waits" in said
    assert "net-lock held by net since" in said
    assert debugger.resumed == 1


def test_inspect_leaves_a_board_halted_only_when_told_to(debugger: Debugger) -> None:
    assert inspect(debugger.where, "--image", debugger.forge.image.path, "--leave-halted") == 0
    assert debugger.resumed == 0


def test_a_wrong_image_does_not_leave_the_board_halted(
    debugger: Debugger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.elf"
    raw = debugger.forge.image.path.read_bytes()
    identity = bytes.fromhex(debugger.forge.image.build_id)
    other.write_bytes(raw.replace(identity, bytes(len(identity))))
    assert inspect(debugger.where, "--image", other) == 2
    assert "does not run" in capsys.readouterr().err
    assert debugger.resumed == 1


def test_a_saved_core_tells_the_same_as_the_board(
    debugger: Debugger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, saved = debugger.forge.image.path, tmp_path / "saved"
    assert inspect(debugger.where, "--image", image, "--form", "record", "--core", saved) == 0
    board = capsys.readouterr().out
    assert inspect(saved, "--image", image, "--form", "record") == 0
    assert capsys.readouterr().out == board
    assert board.startswith("@kyu crash-begin v=1 ")
    assert f"{saved}" in (tmp_path / "saved.gdb").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such/place"], "no socket of a debugger server"),
        (["127.0.0.1:1"], "no debugger server answers"),
        (["/etc/passwd"], "no core file of the rig"),
        (["--form", "poem"], "--form"),
    ],
)
def test_what_inspect_cannot_do_is_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inspect(*arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert words in said
