"""kyu run: what stands on the terminal, and with what it ends."""

from __future__ import annotations

import pytest

from rig import run_command
from rig.campaign.session import Session, powered
from rig.console.grammar import PROMPT, make_frame
from rig.console.symbols import Symbols
from rig.run_command import RunOptions, _attend, _Show
from rig.tests.fake import FakeBoard


def test_kyu_run_keeps_its_prompt_beside_what_is_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show = _Show(Session(FakeBoard(), Symbols(None)), raw=False)
    for line in (PROMPT, "", make_frame("hb", seq=0, up_ms=57)):
        show._line(line)
    show.typed("up")
    for line in ("up", "up 1.932 s", PROMPT):
        show._line(line)
    show.typed("")
    for line in ("", PROMPT, "", "PANIC: no mbuf"):
        show._line(line)
    told = f"{PROMPT}up 1.932 s\n{PROMPT}{PROMPT}\nPANIC: no mbuf\n"
    assert capsys.readouterr().out == told, "the terminal itself shows what is typed"


@pytest.mark.parametrize(
    ("command", "status"),
    [("exit 7", 7), ("kill -9 $$", 137), ("trap '' TERM; sleep 60 & wait", 137)],
)
def test_kyu_run_ends_with_the_commands_status_as_a_shell_would_tell_it(
    monkeypatch: pytest.MonkeyPatch, command: str, status: int
) -> None:
    monkeypatch.setattr(run_command, "POLITE_S", 0.1)
    session = Session(FakeBoard(), Symbols(None))
    with powered(session):
        session.boot()
        wanted = RunOptions(command=("sh", "-c", command), seconds=1.0)
        verdict, told = _attend(session, _Show(session, raw=False), wanted)
    assert (verdict, told) == (None, status)
