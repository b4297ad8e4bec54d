"""kyu explain from its edge: what is handed to it, whose symbols it takes, what it prints."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
import threading
import tracemalloc
from functools import cached_property
from pathlib import Path

import pytest

from rig import cli
from rig.board import image as images
from rig.console.crash import NO_CRASH, CrashRecord, add
from rig.console.grammar import parse
from rig.console.symbols import Place, Symbols
from rig.crash_hints import hints
from rig.crash_text import name_list, wait_lines, where_text
from rig.errors import UserError
from rig.explain import SymbolsByBuild, exit_status, load
from rig.explain_text import render
from rig.run_command import _Show
from rig.tests.make_corpus import HERE
from rig.tests.records import BUILD, OTHER_BUILD, Crash, Lock, Thread

PANIC = HERE / "real-panic.log"


def of(crash: Crash) -> CrashRecord:
    record = NO_CRASH
    for line in crash.lines():
        record = add(record, parse(line))
    return record


class FakeSymbols(Symbols):
    """One inlined function in one that is not, wherever one asks."""

    def __init__(self, build: str) -> None:
        super().__init__(Path("some.elf"))
        self._build = build

    @cached_property
    def build_id(self) -> str:
        return self._build

    def chain(self, pc: int) -> tuple[Place, ...]:
        return (
            Place("kyu::inner", 0, "firmware/a.hpp", pc & 0xFF),
            Place("kyu::Outer<kyu::Many<int>>::outer", 4, "firmware/b.cpp", 7),
        )

    def call_chain(self, return_address: int) -> tuple[Place, ...]:
        return self.chain(return_address - 4)

    def source(self, return_address: int) -> str:
        return f"firmware/a.hpp:{return_address & 0xFF}"


# What is handed to it

#: In its constants every image has what a board says when it panics.
CORE = b"\x7fELF\x01\x01\x01" + bytes(99) + b"\nPANIC: {}\nCurrent thread is {}\n"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "cannot read"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.mkdir(), "is a directory without events.jsonl and console.log"),
        (lambda path: path.write_bytes(b"\x1f\x8b garbage"), "cannot read"),
        (lambda path: path.write_bytes(gzip.compress(os.urandom(4000))[:-900]), "damaged"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a file"),
        (lambda path: path.symlink_to(path), "cannot read"),
        (lambda path: path.write_bytes(CORE), "an image or a core, and no log; kyu inspect tells"),
        (lambda path: path.write_bytes(gzip.compress(CORE)), "an image or a core, and no log"),
    ],
    ids=["missing", "empty", "directory", "no-gzip", "torn-gzip", "device", "loop", "elf", "gz"],
)
def test_what_cannot_be_read_is_one_line(
    make: object, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "some.log"
    assert callable(make)
    make(path)
    assert cli.run(["explain", str(path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1, said


def test_a_file_that_may_not_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is played."""

    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    path = tmp_path / "some.log"
    path.write_text("x")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"cannot read .*: Permission denied"):
        load(path)


def test_a_run_without_events_is_told_from_its_console(tmp_path: Path) -> None:
    shutil.copy(PANIC, tmp_path / "console.log")
    assert render(load(tmp_path), lambda _: Symbols(None)) == render(
        load(PANIC), lambda _: Symbols(None)
    )


def test_a_run_with_damaged_events_is_told_as_far_as_they_go(tmp_path: Path) -> None:
    events = (HERE / "real-stall.jsonl").read_bytes()
    torn = events.replace(b'"hb', b'"\xff', 1) + b"\0" * 100_000 + b"\n{"
    (tmp_path / "events.jsonl").write_bytes(torn)
    (found,) = load(tmp_path)
    assert found.verdict is not None
    assert found.verdict.cause == "stall"


def test_events_that_never_end_a_line_are_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes((HERE / "real-stall.jsonl").read_bytes() + b"x" * (20 << 20))
    tracemalloc.start()
    (found,) = load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.verdict is not None
    assert peak < 10 << 20


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(PANIC.read_bytes()))
    writer.start()
    (found,) = load(pipe)
    writer.join()
    assert found.verdict is not None


def test_the_exit_status_is_that_of_the_worst_boot() -> None:
    assert exit_status(load(HERE / "real-healthy.log")) == 0
    assert exit_status(load(HERE / "nothing.log")) == 3
    assert exit_status(load(HERE / "crash-in-the-second-of-three.log")) == 1
    assert exit_status(load(HERE / "last-crash.log")) == 0, "it was no crash of this boot"


def test_a_run_that_never_heard_its_board_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"kind": "power-on", "at": 0}')
    with pytest.raises(UserError, match="holds nothing that a board said"):
        load(tmp_path)


# Whose symbols


def test_an_image_of_another_build_is_said_to_be_so_and_its_names_are_not_believed() -> None:
    text = render(load(PANIC), lambda _: FakeSymbols(OTHER_BUILD))
    assert "MIND: THE IMAGE IS OF ANOTHER BUILD and is not used" in text
    assert "#0  40022e1c  planted_panic+14" in text
    assert "firmware/a.hpp" not in text
    assert text.index("MIND") < text.index("traceback"), "before anything that it spoils"
    assert "the log is of 58dd9275a492, the image is 0ddba110ddba" in text


def test_an_image_without_a_build_id_proves_nothing() -> None:
    assert "the image has no build id" in render(load(PANIC), lambda _: FakeSymbols(""))


def test_a_log_that_does_not_tell_its_build_is_said_to_be_so() -> None:
    text = render(load(HERE / "mission.log"), lambda _: FakeSymbols(BUILD))
    assert "MIND: the log does not tell its build" in text


def test_each_crash_gets_the_symbols_of_its_own_build() -> None:
    asked: list[str] = []

    def symbols_of(build: str) -> Symbols:
        asked.append(build)
        return Symbols(None)

    render(load(HERE / "last-crash-of-another-build.log"), symbols_of)
    assert asked == [OTHER_BUILD]


def test_an_image_that_was_not_given_is_only_taken_when_it_is_of_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "find", lambda *_: _elf(tmp_path))
    ours = Symbols(_elf(tmp_path)).build_id
    assert ours
    source = SymbolsByBuild(tmp_path / "x.log", None)
    assert source(ours).build_id == ours
    assert source(ours[:12]).build_id == ours
    assert source(OTHER_BUILD).build_id == ""
    assert source("").build_id == "", "no build id fits every image"


# What it prints


def test_inlined_frames_stand_above_their_function() -> None:
    lines = render(load(PANIC), lambda build: FakeSymbols(build)).splitlines()
    at = lines.index("traceback of wang-0")
    assert lines[at + 1].split() == ["#0", "40022e1c", "inner", "(inlined)", "firmware/a.hpp:24"]
    assert lines[at + 2].split()[:2] == ["Outer<…>::outer", "firmware/b.cpp:7"]
    assert "(the board says planted_panic)" in lines[at + 2]


def test_kyu_run_shows_where_a_call_was_inlined(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Show.__new__(_Show)
    show._symbols, show._raw, show._exact = FakeSymbols(BUILD), False, False
    show._echo, show._at_prompt = None, False
    show._line("FAULT: data abort at 40001010")
    show._line("Called from f+0 -- 40001010")
    show._line("Called from g+4 -- 40001020")
    _, first, second = capsys.readouterr().out.splitlines()
    assert "firmware/a.hpp:16, in inner, inlined at firmware/b.cpp:7" in first, "exact at a fault"
    assert "firmware/a.hpp:28, in inner, inlined at firmware/b.cpp:7" in second, "a return address"


def test_a_last_crash_is_symbolised_live_too(capsys: pytest.CaptureFixture[str]) -> None:
    show = _Show.__new__(_Show)
    show._symbols, show._raw, show._exact = FakeSymbols(BUILD), False, False
    show._echo, show._at_prompt = None, False
    for line in Crash().kept():
        show._line(line)
    said = capsys.readouterr().out
    assert "last crash: Called from planted_panic+14 -- 40011d18   firmware/a.hpp:20" in said
    assert "@kyu crash-" not in said


def test_every_thread_is_shown_in_full_when_asked_for() -> None:
    found = load(PANIC)
    brief = render(found, lambda _: Symbols(None))
    full = render(found, lambda _: Symbols(None), full=True)
    assert "context_switch+c" in full
    assert "context_switch+c" not in brief
    assert "wang-1, wang-2, wang-3, wang-4, wang-5" in full


def test_runs_of_names_are_told_by_their_ends() -> None:
    assert name_list(["wang-1", "wang-2", "wang-3", "echo", "a-9", "a-10"]) == (
        "wang-1 to wang-3, echo, a-9, a-10"
    )
    assert name_list([f"t{n}x" for n in range(40)]).endswith("and 28 more")


def test_a_chain_of_locks_is_followed_to_what_the_last_one_waits_for() -> None:
    crash = Crash(
        locks=(Lock("net_lock", "tcp_timer", "wang-8"), Lock("arp", "idler", "tcp_timer"))
    )
    crash = crash.with_threads(
        Thread(10, "wang-8", "waiting", "mutex net_lock"),
        Thread(11, "tcp_timer", "waiting", "mutex arp"),
        Thread(12, "idler", "waiting", "semaphore disconnect"),
    )
    assert wait_lines(of(crash)) == [
        "  wang-8 waits for net_lock, held by tcp_timer, which waits for arp, held by idler,"
        " which waits for semaphore disconnect"
    ]


def test_the_end_of_a_chain_is_told_also_when_it_runs_or_is_unknown() -> None:
    locks = (Lock("a", "wang-0", "wang-8"), Lock("b", "gone", "wang-9"), Lock("c", "-", "wang-10"))
    threads = [Thread(n, f"wang-{n - 2}", "waiting") for n in (10, 11, 12)]
    assert wait_lines(of(Crash(locks=locks).with_threads(*threads))) == [
        "  wang-8 waits for a, held by wang-0, which is running",
        "  wang-9 waits for b, held by gone, of which the record says nothing",
        "  wang-10 waits for c, held by nobody",
    ]


def test_a_place_without_a_line_is_not_invented() -> None:
    assert where_text(()) == ""
    assert where_text((Place("f", 4),)) == ""


@pytest.mark.parametrize(
    ("status", "address", "words"),
    [
        (0x005, 0x0, "a read of address 00000000: a null pointer"),
        (0x805, 0xFFC, "a write to address 00000ffc: a null pointer, 4092 bytes beyond it"),
        (0x801, 0x1001, "a misaligned write to 00001001"),
    ],
)
def test_a_data_abort_is_read_from_its_status(status: int, address: int, words: str) -> None:
    crash = Crash(kind="fault", fault=("data-abort", address, status))
    assert hints(of(crash)) == [words]


def test_an_abort_at_an_address_like_any_other_is_not_explained_away() -> None:
    assert hints(of(Crash(kind="fault", fault=("data-abort", 0x4123_4560, 0x005)))) == []


def test_a_log_without_an_alarm_gets_no_verdict() -> None:
    for name in ("real-healthy.log", "real-stall.log"):
        assert [one.verdict for one in load(HERE / name)] == [None]


SOURCE = """
static volatile int sink;
static inline __attribute__((always_inline)) void inner(int x) {
    sink = x / sink;
}
namespace deep {
static inline __attribute__((always_inline)) void middle(int x) {
    inner(x + 1);
}
__attribute__((noinline)) void outer(int x) {
    middle(x);
}
}
int main(int n, char**) {
    deep::outer(n);
    return 0;
}
"""


def _elf(folder: Path) -> Path:
    """A program for the host whose code is all inlined into one function."""
    image = folder / "inlined.elf"
    if not image.exists():
        source = folder / "inlined.cpp"
        source.write_text(SOURCE.lstrip("\n"))
        command = ["g++", "-O2", "-g", "-no-pie", "-Wl,--build-id", "-o", str(image), str(source)]
        subprocess.run(command, check=True)
    return image


def test_inlined_calls_are_read_from_dwarf_as_binutils_reads_them(tmp_path: Path) -> None:
    image = _elf(tmp_path)
    symbols = Symbols(image)
    start = next(s for s in symbols._functions if "outer" in s.name)
    chains = [symbols.chain(pc) for pc in range(start.start, start.start + start.size)]
    deepest = max(chains, key=len)
    assert [(p.function, p.line) for p in deepest] == [
        ("inner", 3),
        ("deep::middle", 7),
        ("deep::outer", 10),
    ]
    pcs = [hex(pc) for pc in range(start.start, start.start + start.size)]
    said = subprocess.run(
        ["addr2line", "-iaCfe", str(image), *pcs], check=True, capture_output=True, text=True
    ).stdout
    theirs = [part.splitlines()[1:] for part in said.split("0x")[1:]]
    assert [len(chain) for chain in chains] == [len(part) // 2 for part in theirs]
