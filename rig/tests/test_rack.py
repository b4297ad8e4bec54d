"""Places of labgrid: what is borrowed is given back, and one line says what is wrong with one."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig import interrupts
from rig.board.bench import BenchBoard
from rig.board.bench_config import BenchConfig, Power
from rig.cli import run as kyu
from rig.errors import RigError, UserError
from rig.rack import client as clients
from rig.rack import mapping
from rig.rack.borrowing import Lent
from rig.rack.campaign import campaign
from rig.rack.client import LabgridClient
from rig.rack.rack import Place, Rack, Resource
from rig.report.summary import Summary, Tally
from rig.verdict import Cause, Verdict, failed, inconclusive, passed
from rig.wire.host_interface import HostInterface

pytestmark = pytest.mark.usefixtures("ctrl_c")

#: A labgrid-client that writes down what it is asked, and does what FILE says to a command.
FAKE = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
for word in "$@"; do [ ! -f "do-$word" ] || . "./do-$word"; done
"""


class Fake:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / clients.PROGRAM
        program.write_text(FAKE)
        program.chmod(0o755)

    def does(self, command: str, script: str) -> None:
        (self._folder / f"do-{command}").write_text(script)

    def asked(self) -> list[str]:
        """Without where the coordinator is."""
        file = self._folder / "asked"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.removeprefix("-x here:1 ") for line in lines]

    def rack(self, asked: str, say: Callable[[str], None] = print) -> Rack:
        return Rack(LabgridClient("here:1"), asked, say)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake(tmp_path)
    monkeypatch.setenv(clients.VARIABLE, str(tmp_path / clients.PROGRAM))
    fake.does("acquire", "echo acquired place one")
    fake.does("reserve", "echo 'token: T1'; echo 'state: allocated'; echo '  main: one'")
    return fake


#: What a command does meanwhile: it begins, and ends once Ctrl-C has been pressed.
DURING = "touch {go}; while [ ! -e {go}.pressed ]; do sleep 0.02; done"


def press(go: Path) -> None:
    """Ctrl-C for the main thread, as soon as that file is there."""
    while not go.exists():
        time.sleep(0.01)
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)
    go.with_name(f"{go.name}.pressed").touch()


def test_what_was_borrowed_is_given_back_after_a_failure(fake: Fake) -> None:
    def fail(place: Place) -> None:
        raise ZeroDivisionError(place.name)

    with pytest.raises(ZeroDivisionError, match="one"), fake.rack("kind=pi") as rack:
        fail(rack.borrow())
    assert fake.asked()[-2:] == ["-p one release", "cancel-reservation T1"]


def test_ctrl_c_while_a_place_becomes_ours_gives_it_back(fake: Fake, tmp_path: Path) -> None:
    go = tmp_path / "go"
    fake.does("acquire", DURING.format(go=go) + "; echo acquired place one")
    presses = threading.Thread(target=press, args=[go])
    presses.start()
    with pytest.raises(KeyboardInterrupt), fake.rack("one") as rack:
        rack.borrow()
    presses.join()
    interrupts.taken()
    assert fake.asked() == ["-p one acquire", "-p one release"]


def test_an_impatient_second_ctrl_c_leaves_nothing_borrowed(fake: Fake, tmp_path: Path) -> None:
    go = tmp_path / "go"
    fake.does("release", DURING.format(go=go))
    with fake.rack("kind=pi") as rack:
        rack.borrow()
        presses = threading.Thread(target=press, args=[go])
        presses.start()
    presses.join()
    interrupts.taken()
    assert fake.asked()[-2:] == ["-p one release", "cancel-reservation T1"]


def test_what_cannot_be_given_back_is_told_and_the_rest_is_given_back(fake: Fake) -> None:
    fake.does("release", "echo 'Server error: Error: no such session' >&2; exit 1")
    told: list[str] = []
    with fake.rack("kind=pi", told.append) as rack:
        rack.borrow()
    assert told == ["place one could not be given back: no such session"]
    assert fake.asked()[-1] == "cancel-reservation T1"


def test_a_place_without_its_exporter_is_passed_over(fake: Fake) -> None:
    names = "n=$(grep -c reserve asked); echo token: T$n; echo state: allocated; echo main: p$n"
    fake.does("reserve", names)
    fake.does("+T1", "echo 'labgrid-client: Error: Match x has no remote resource' >&2; exit 1")
    fake.does("+T2", "echo acquired place p2; exit")
    told: list[str] = []
    with fake.rack("kind=pi", told.append) as rack:
        assert rack.borrow().name == "p2"
    assert told == ["place p1 is passed over: labgrid: Match x has no remote resource"]
    assert fake.asked()[-2:] == ["cancel-reservation T2", "cancel-reservation T1"]


def test_one_place_that_is_free_and_never_to_be_had_is_not_asked_for_without_end(
    fake: Fake,
) -> None:
    fake.does("acquire", "echo 'labgrid-client: Error: Match x has no remote resource' >&2; exit 1")
    told: list[str] = []
    with (
        fake.rack("kind=pi", told.append) as rack,
        pytest.raises(RigError, match="of kind=pi only one is free, and it is not to be had"),
    ):
        rack.borrow()
    assert len(told) == 1
    assert fake.asked()[-2:] == ["cancel-reservation T1", "cancel-reservation T1"]


def test_a_place_whose_exporter_went_away_is_not_taken(fake: Fake) -> None:
    fake.does("show", "echo \"Orphaned resource 'x' (room/one/NetworkSerialPort/x)\"")
    with fake.rack("one") as rack, pytest.raises(RigError, match="the exporter of room/one"):
        rack.borrow()
    assert fake.asked()[-1] == "-p one release"


SHOWN = """cat <<'END'
Place 'one':
  matches:
    room/one/*
Acquired resource 'NetworkService' (room/one/NetworkService/NetworkService):
  {'acquired': 'one',
   'avail': True,
   'cls': 'NetworkService',
   'params': {'address': '127.0.0.9', 'extra': {'proxy_required': False}}}
Acquired resource 'uart' (room/one/NetworkSerialPort/uart):
  {'acquired': 'one', 'avail': False, 'cls': 'NetworkSerialPort', 'params': {}}
END
"""


def test_the_resources_of_a_place_are_read(fake: Fake) -> None:
    fake.does("show", SHOWN)
    with fake.rack("one") as rack:
        service, serial = rack.borrow().resources
    assert (service.cls, service.params["address"]) == ("NetworkService", "127.0.0.9")
    assert serial == Resource("NetworkSerialPort", {}, available=False)


# ---- A place as a board on the bench ---------------------------------------------------------

SERIAL = Resource("NetworkSerialPort", {"host": "room", "port": 4001, "speed": 9600}, True)
POWER = Resource("PDUDaemonPort", {"host": "pdu", "index": 3}, True)
SERVICE = Resource("NetworkService", {"address": "127.0.0.9"}, True)


def bench(*resources: Resource, config: Path | None = None, **options: str) -> BenchConfig:
    return mapping.bench(Place("one", resources), LabgridClient("here:1"), config, options.get)


@pytest.mark.usefixtures("fake")
def test_a_place_is_a_board_on_the_bench(tmp_path: Path) -> None:
    file = tmp_path / "board.toml"
    file.write_text('serial_lost_s = 5\n[power]\noff_s = 4\n[boot]\nload = "serial"\n')
    board = bench(SERIAL, POWER, SERVICE, config=file)
    program = str(tmp_path / clients.PROGRAM)
    assert board.serial == "rfc2217://room:4001"
    assert (board.baud, str(board.board_ip), board.host_iface) == (9600, "127.0.0.9", "lo")
    assert (board.place, board.serial_lost_s, board.boot.load) == ("one", 5, "serial")
    cycle = (program, "-x", "here:1", "-p", "one", "power", "cycle", "--delay", "4")
    assert board.power == Power(cycle=cycle, off=(*cycle[:6], "off"), off_s=4)


@pytest.mark.usefixtures("fake")
def test_options_and_interfaces_of_this_host_win() -> None:
    here = Resource("RemoteNetworkInterface", {"host": "127.0.0.1", "ifname": "eth7"}, True)
    away = Resource("RemoteNetworkInterface", {"host": "192.0.2.1", "ifname": "eth8"}, True)
    raw = replace(SERIAL, params={"host": "room", "port": 1, "protocol": "raw"})
    board = bench(raw, POWER, SERVICE, here, away, board_ip="127.0.0.7")
    assert (board.serial, board.host_iface) == ("socket://room:1", "eth7")
    assert str(board.board_ip) == "127.0.0.7"
    assert bench(SERIAL, POWER, SERVICE, away, host_iface="eth9").host_iface == "eth9"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ((POWER,), "place one has no NetworkSerialPort"),
        ((SERIAL,), "place one has no NetworkPowerPort"),
        ((SERIAL, SERIAL, POWER), "more than one to choose from"),
        ((replace(SERIAL, available=False), POWER), "its NetworkSerialPort is not available"),
        ((replace(SERIAL, params={"host": "room", "port": None}), POWER), "nothing listens"),
        (
            (replace(SERIAL, params={"extra": {"proxy_required": True}}), POWER),
            "reached through ssh alone",
        ),
    ],
)
def test_a_place_that_is_no_board_is_one_line(resources: tuple[Resource, ...], told: str) -> None:
    with pytest.raises(UserError, match=told) as refused:
        bench(*resources)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("fake")
def test_a_borrowed_board_that_nobody_can_talk_to_is_the_rigs_failure() -> None:
    dead = bench(replace(SERIAL, params={"host": "127.0.0.1", "port": 1}), POWER, SERVICE)
    from ipaddress import IPv4Address, IPv4Interface

    wire = HostInterface("lo", IPv4Interface("127.0.0.1/8"), IPv4Address("127.0.0.9"))
    with pytest.raises(RigError, match=r"the serial line rfc2217://127.0.0.1:1 cannot be opened"):
        BenchBoard(dead, b"", 0, wire).power_on()


# ---- A campaign ------------------------------------------------------------------------------


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("asked", "verdicts", "places", "outcome"),
    [
        ("kind=pi", [inconclusive(1, "no power"), passed(2)], ["no power", ""], passed(2)),
        ("kind=pi", [failed(Cause.PANIC, 1, "oh")], [""], failed(Cause.PANIC, 1, "oh")),
        ("kind=pi", [inconclusive(1, "a")] * 3, ["a", "a", "a"], inconclusive(1, "a")),
        ("one", [inconclusive(1, "no power")], ["no power"], inconclusive(1, "no power")),
    ],
)
def test_only_a_board_that_the_rig_lost_is_changed_for_another(
    fake: Fake, asked: str, verdicts: list[Verdict], places: list[str], outcome: Verdict
) -> None:
    left, free = list(verdicts), ["two", "three"]

    def run(_board: BenchConfig, _others: bool) -> Summary:
        return Summary(left.pop(0), Tally(), 0.0)

    def another() -> BenchConfig:
        if not free:
            raise RigError("none is free")
        return first.model_copy(update={"place": free.pop(0)})

    first = bench(SERIAL, POWER, SERVICE)
    summary = campaign(fake.rack(asked), first, another, run, print)
    assert summary.verdict == outcome
    assert [place["trouble"] for place in summary.facts["places"]] == places
    assert not left


#: `show` of places that differ: $4 is the name of one.
SHOWS = """[ "$4" = p2 ] && serial=Odd || serial=NetworkSerialPort
[ "$4" = p3 ] && at=192.0.2.9 || at=127.0.0.9
show() {
    echo "Acquired resource 'x' (room/$1):"
    echo "  {'avail': True, 'cls': '$1', 'params': {$2}}"
}
show $serial "'host': 'room', 'port': 1"
show NetworkPowerPort ''
show NetworkService "'address': '$at'"
"""


def test_a_place_that_is_set_up_wrongly_is_passed_over_in_a_campaign(fake: Fake) -> None:
    """One without a serial line, one whose interface is not there, and then one that is well."""
    count = "n=$(grep -c reserve asked); "
    fake.does("reserve", f"{count} echo token: T$n; echo state: allocated; echo main: p$n")
    fake.does("acquire", f"{count} echo acquired place p$n")
    fake.does("show", SHOWS)
    boards: list[str] = []
    told: list[str] = []

    def run(board: BenchConfig, _others: bool) -> Summary:
        boards.append(board.place)
        return Summary(passed(1) if len(boards) == 2 else inconclusive(1, "dead"), Tally(), 0.0)

    options = {"host_iface": "lo"}
    with fake.rack("kind=pi") as rack:
        Lent(rack, options.get).campaign(run, told.append)
    assert boards == ["p1", "p4"]
    assert told[1].startswith("passed over: --place: place p2 has no NetworkSerialPort")
    assert told[2].startswith("passed over: --host-iface: lo has no address beside 192.0.2.9")


# ---- The command line ------------------------------------------------------------------------


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--place", "kind=,x=1"], "--place: 'kind=' is no TAG=VALUE"),
        (["--board", "labgrid"], "--place: which place?"),
        (["--board", "bench", "--place", "one"], "--place: a bench board has none"),
        (["--place", "one", "--coordinator", "a b"], "--coordinator: 'a b' is no HOST[:PORT]"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LG_PLACE", raising=False)
    assert kyu(["soak", *words, "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kyu: {told}")
    assert not (tmp_path / "run").exists()


def test_without_labgrid_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clients, "OWN", tmp_path / "none")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(clients.VARIABLE, raising=False)
    assert kyu(["soak", "--place", "one"]) == 2
    assert capsys.readouterr().err == (
        "kyu: labgrid: labgrid-client is not there; "
        "pipx install labgrid, or name it in KYU_LABGRID_CLIENT\n"
    )


@pytest.mark.usefixtures("fake")
def test_kyu_run_borrows_and_gives_back_too(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert kyu(["run", "--place", "one", "--coordinator", "here:1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "kyu: --place: place one has no NetworkSerialPort"
    assert fake.asked() == ["-p one acquire", "-p one show", "-p one release"]
