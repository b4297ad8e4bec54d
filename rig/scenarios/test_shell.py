"""The shell on the real image: every answer is followed by a prompt, and the board still serves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from rig.console.grammar import Frame, parse
from rig.pytest_plugin import ConsoleView, Keeper, Wang

#: What QEMU has no model of, beside the two that must be confirmed.
NOT_IN_QEMU = {"i-gpio", "i-watchdog", "i-thermal", "i-button", "i-led", "i-i2c"}
UNCONFIRMED = {"i-fault", "i-zero-divide"}


@pytest.fixture(autouse=True)
def _still_serving(console: ConsoleView, wang: Wang) -> Iterator[None]:
    """Whatever was typed: the prompt comes back, and a transfer passes."""
    yield
    assert console.ask("") == []
    (result,) = wang.big()
    assert result.received == 200_000


def results(lines: list[str]) -> list[tuple[str, str]]:
    """Name and result of each `@kyu test` frame."""
    frames = (parse(line) for line in lines)
    return [
        (frame.text("name"), frame.text("result"))
        for frame in frames
        if isinstance(frame, Frame) and frame.kind == "test"
    ]


def test_help_and_list(console: ConsoleView) -> None:
    assert {line.split()[0] for line in console.ask("h")} >= set("luvdxkihR")
    threads = console.ask("l")
    assert any(re.search(r"\bnet\b.*semaphore net work", line) for line in threads)


def test_a_thread_shows_its_traceback(console: ConsoleView) -> None:
    lines = console.ask("u net")
    assert "waits for semaphore net work" in lines[1]
    assert any(line.startswith("Called from Net::run+") for line in lines)
    assert any(line.startswith("Called from Kernel::thread_main+") for line in lines)


def test_the_shell_shows_its_own_traceback(console: ConsoleView) -> None:
    lines = console.ask("u shell")
    assert any(line.startswith("Called from Shell::run+") for line in lines)


def test_top_finds_a_quiet_board_idle(console: ConsoleView) -> None:
    first, second, *_ = console.ask("top 2")
    assert re.fullmatch(r"\d+ ms: idle \d+ %, \d+ interrupts/s, \d+ switches/s", first)
    assert second.startswith("idle ")


def test_every_kernel_test_passes_three_times(console: ConsoleView) -> None:
    said = results(console.ask("k 0 3", 60))
    assert len(said) == 3 * 18
    assert {result for _, result in said} == {"ok"}, said


def test_every_io_test_passes_or_says_what_this_board_lacks(
    console: ConsoleView, boards: Keeper
) -> None:
    said = dict(results(console.ask("i 0", 60)))
    assert not [name for name, result in said.items() if result == "failed"]
    skipped = {name for name, result in said.items() if result == "skipped"}
    assert skipped >= UNCONFIRMED
    if boards.choice.board == "qemu":
        assert skipped - UNCONFIRMED <= NOT_IN_QEMU
        assert {"i-cores", "i-uart", "i-clock", "i-call", "i-traceback"} <= said.keys() - skipped


def test_kernel_tests_pass_while_the_board_serves(console: ConsoleView, wang: Wang) -> None:
    console.type("k 0 5")
    for result in wang.big(20, parallel=4):
        assert result.received == 200_000
    console.wait_for("90 tests: 90 ok, 0 failed", 60)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("d 0", "00000000: not mapped"),
        ("dw 00100000", "00100000: not mapped"),
        ("d 80000000 4096", "80000000: not mapped"),
        ("dw fffffffc", "fffffffc: not mapped"),
        ("db 01c20000", "01c20000: registers are read by words: dw"),
        ("dw 01c28000", "01c28000: a device that may change when it is read"),
        ("dw 01c50000", "01c50000: a device that may change when it is read"),
        ("d nowhere", "nowhere: neither an address in hex nor a function"),
        ("x nothing", "nothing: no function of that name"),
        ("x x_sum 1 2 three", "three: not a number of 32 bits"),
        ("x x_sum 1 2 3 4", "x_sum returned 0x0000000a (10)"),
        ("u nobody", "nobody: no such thread; l lists them"),
        ("v shell", "shell is this shell: it stays"),
        ("block idle", "idle: cannot be blocked"),
        ("k 19", "19: no such test; k lists them"),
        ("frobnicate now", "frobnicate: no such command; h lists them"),
    ],
)
def test_a_question_has_one_answer(console: ConsoleView, line: str, answer: str) -> None:
    assert console.ask(line) == [answer]


def test_memory_is_shown_with_its_functions(console: ConsoleView) -> None:
    first, second = console.ask("di x_sum 2")
    assert first.endswith("  x_sum+0")
    assert second.endswith("  x_sum+4")
    start = first.split()[0]
    assert console.ask(f"d {start} 4096")[-1].startswith(f"{int(start, 16) + 4080:08x}  ")


def test_no_guard_page_and_no_stack_end_faults(console: ConsoleView) -> None:
    bounds = next(line for line in console.ask("u net") if "stack" in line)
    low, high = re.findall(r"[0-9a-f]{8}", bounds)[:2]
    for address in (int(low, 16) - 4096, int(low, 16) - 64, int(high, 16) - 64):
        assert console.ask(f"dw {address:x} 512")


def test_a_blocked_thread_serves_again(console: ConsoleView) -> None:
    assert "does not listen to kill" in console.ask("v pirate-0")[0]
    assert any("blocked" in line for line in console.ask("l") if "pirate-0" in line)
    assert console.ask("unblock pirate-0") == ["pirate-0: goes on"]


def test_junk_at_the_prompt_is_answered_or_swallowed(console: ConsoleView) -> None:
    ends_a_line = (0x03, 0x0A, 0x0D)
    junk = bytes(c for c in range(256) if c not in ends_a_line)
    console.session.board.console.write(junk + b"\x15")
    assert console.ask("x" * 600)[-1].endswith("x: no such command; h lists them")
    console.session.board.console.write(b"\x1b[A\x1b[1;5C\x00\xff\x03")
    console.wait_for("Kyu, ready>")
    assert console.ask("a b c d e f g h i") == ["more than 8 words"]


def test_interrupts_are_counted_by_number(console: ConsoleView, wang: Wang) -> None:
    def count(name: str) -> int:
        rows = [line for line in console.ask("q") if name in line]
        return int(rows[0].split()[-1]) if rows else 0

    before = count("emac")
    wang.big()
    assert count("emac") > before
    assert count("virtual timer") > 0
