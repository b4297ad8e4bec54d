"""Whatever stands in a file or on a command line: it is taken whole, or refused in one clear line.

What a serial log or a board's memory can do to the rig is in test_hostile_logs and
test_inspect_damage.
"""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig import explain, journal, options
from rig.board import bootargs
from rig.console import events as ev
from rig.errors import UserError
from rig.report import material, page
from rig.sim import faults, plan
from rig.wire import faults as wire_faults

SOME = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def refused(error: UserError) -> None:
    """One line, of a length that people read."""
    assert "\n" not in str(error)
    assert 0 < len(str(error)) < 1000


# --- Lines that people give ---------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "seed=1", "seed=-1", "seed=99999999999999999999", "loss=0.5", "loss=nan", "loss=1e999",
        "delay_us=5", "flaps=1-2", "flaps=2-1", "fates=a1:drop", "fates=a1:drop,a1:late5",
        "choices=random:1:2", "choices=41:s2,77:t30", "bug=lost-wakeup", "bug=", "size=0",
        "clients=64", "=", "seed", "seed=1 seed=2", "chunk=0x10", "noise=٣", "size=1_0",
    ]
)  # fmt: skip
LINES = st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=5).map(" ".join)
FAULTS = st.lists(
    st.one_of(
        st.from_regex(r"[ab]\d{1,8}:(drop|(late\d{1,10})?\+?(bit\d{1,6})?\+?(cut\d{1,5})?)"),
        st.text(max_size=8),
    ),
    max_size=4,
).map(",".join)


@SOME
@given(LINES)
def test_a_plan_is_read_whole_or_refused(line: str) -> None:
    try:
        read = plan.parse(line)
    except UserError as error:
        refused(error)
        return
    assert plan.parse(str(read)) == read
    assert read.flap_list() is not None
    assert read.fault_list() is not None
    assert all(math.isfinite(getattr(read, name)) for name in plan.CHANCES)


@SOME
@given(FAULTS)
def test_fates_are_read_whole_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert faults.to_text(faults.parse(text)) == text


LANES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "loss=1%", "loss=nan", "loss=-1%", "loss=1e400%", "delay=2ms", "delay=1e999s",
                "delay=9999999h", "to_board.loss=100%", "to_host.corrupt=0.5", "both.loss=1%",
                "loss=%", "rate=1", "rate=0", "=", "seed=1", "\0.toml", "x.toml", "after=1s",
            ]
        ),
        st.text(max_size=12),
    ),
    max_size=4,
).map(" ".join)  # fmt: skip
TOML = b"""seed = 1
[both]
loss = "1%"
[[then]]
after = "5s"
to_board = { delay = "2ms" }
"""


@SOME
@given(LANES)
def test_faults_of_a_wire_are_read_whole_or_refused(text: str) -> None:
    try:
        read = wire_faults.parse(text)
    except UserError as error:
        refused(error)
        return
    if str(read) != "clear":
        assert wire_faults.parse(str(read)) == read


ARGUMENTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.from_regex(r"[a-z]{1,3}=[\x00-\x7f]{0,4}", fullmatch=True), max_size=3).map(
        " ".join
    ),
    st.integers(4000, 5000).map(lambda n: "a=" + "x" * n),
)


@SOME
@given(ARGUMENTS)
def test_boot_arguments_reach_the_board_as_they_were_given_or_not_at_all(text: str) -> None:
    try:
        merged = bootargs.merge({"ip": "dhcp"}, text)
        page_bytes = bootargs.page(merged)
    except UserError as error:
        refused(error)
        return
    assert len(page_bytes) == bootargs.PAGE_BYTES
    # The board's own reading: firmware/board/orangepi-pc/boot_args.cpp.
    found = page_bytes.removeprefix(b"KYUARGS1 ")
    end = next(i for i, byte in enumerate(found) if byte < 0x20 or byte == 0x7F)
    assert found[:end].decode() == merged


# --- Files of a run -------------------------------------------------------------------------------

TRANSFER = b'{"n":1,"start":0.5,"ms":12.5,"bytes":200000,"ok":true,"cause":"","detail":""}\n'
EVENT = b'{"at":0.5,"text":"PANIC: x","kind":"line"}\n'
RUN: dict[str, Any] = {
    "started": "2026-01-01T00:00:00+00:00",
    "options": {"scenarios": ["soak"], "transfers": 5, "seed": 3},
    "image": {"path": "build/board/kyu.elf", "build_id": "0123456789"},
    "host": {},
    "versions": {"kyu": "1"},
}
DEEP = b"[" * 5_000
NUMBERS = st.sampled_from([b"1e999", b"-1", b"NaN", b"Infinity", b"9" * 5000, b"0", b"1.5e308"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file as it was, some of it cut out, written over or doubled; or something else."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 30))
        match draw(st.sampled_from(["cut", "write", "double", "number", "deep"])):
            case "cut":
                del data[at : at + length]
            case "write":
                data[at : at + length] = draw(st.binary(max_size=length))
            case "double":
                data[at:at] = data[at : at + length]
            case "number":
                data[at:at] = draw(NUMBERS)
            case "deep":
                data[at:at] = DEEP
    return bytes(data)


@st.composite
def documents(draw: st.DrawFn, whole: dict[str, Any]) -> bytes:
    """A document with parts of it replaced by values of any kind."""
    document = dict(whole)
    for name in draw(st.lists(st.sampled_from([*whole, "more"]), max_size=3)):
        document[name] = draw(VALUES)
    return json.dumps(document).encode()


@pytest.mark.parametrize("text", ["\0.toml", "loss=" + "9" * 5000, "loss=" + "x" * 5000])
def test_faults_that_no_words_make_are_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        wire_faults.parse(text)
    refused(caught.value)


@pytest.mark.parametrize(
    "content", [b"a = " + b"[" * 5000, b"seed = " + b"9" * 6000, b"9" * 5000 + b"=1", b"\xff"]
)
def test_faults_that_no_file_holds_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        wire_faults.parse(str(path))
    refused(caught.value)


@SOME
@given(damaged(TOML))
def test_a_damaged_file_of_faults_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_bytes(content)
    try:
        assert str(wire_faults.parse(str(path)))
    except UserError as error:
        refused(error)


def write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@SOME
@given(
    run=st.one_of(documents(RUN), damaged(json.dumps(RUN).encode())),
    transfers=damaged(TRANSFER * 3),
    summary=st.one_of(st.none(), damaged(b'{"verdict":"passed","transfers_ok":3}')),
    proof=damaged(b'{"cause":"panic","detail":"x","function":"f"}'),
)
def test_a_damaged_run_folder_is_reported_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    run: bytes,
    transfers: bytes,
    summary: bytes | None,
    proof: bytes,
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, journal.RUN, run)
    write(folder, journal.TRANSFERS, transfers)
    if summary is not None:
        write(folder, journal.SUMMARY, summary)
    write(folder, f"{journal.FAILURES}/001-panic/verdict.json", proof)
    try:
        assert page.render(material.load(folder))
    except UserError as error:
        refused(error)


@SOME
@given(events=damaged(EVENT * 3), run=st.one_of(documents(RUN), damaged(json.dumps(RUN).encode())))
def test_a_damaged_run_folder_is_explained_or_refused(
    tmp_path_factory: pytest.TempPathFactory, events: bytes, run: bytes
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, journal.EVENTS, events)
    write(folder, journal.RUN, run)
    write(folder, journal.CONSOLE, b"@kyu boot\r\n")
    try:
        found = explain.load(folder)
        explain.SymbolsByBuild(folder, None)("0123456789")
    except UserError as error:
        refused(error)
        return
    assert found


@SOME
@given(st.one_of(documents(RUN), damaged(json.dumps(RUN).encode())))
def test_a_damaged_run_is_resumed_as_it_was_or_refused(
    tmp_path_factory: pytest.TempPathFactory, run: bytes
) -> None:
    folder = tmp_path_factory.mktemp("run")
    write(folder, journal.RUN, run)
    write(folder, journal.TRANSFERS, TRANSFER)
    try:
        document = journal.read_json(folder / journal.RUN)
        options.from_json(document.get("options", {}), folder / journal.RUN)
    except UserError as error:
        refused(error)


OPTIONS: dict[str, Any] = {
    "scenarios": ["soak"], "transfers": 5, "hours": None, "parallel": None, "size": None,
    "chunk": None, "seed": 3,
}  # fmt: skip
SIZES = st.one_of(st.none(), st.integers(), st.floats(), st.sampled_from([0, -1, 1 << 70]))


@SOME
@given(st.fixed_dictionaries(dict.fromkeys(OPTIONS, SIZES) | {"scenarios": st.just(["soak"])}))
def test_options_of_a_run_are_such_as_the_command_line_takes(content: dict[str, Any]) -> None:
    try:
        made = options.plan(options.from_json(content, Path("run.json")))
    except UserError as error:
        refused(error)
        return
    assert 1 <= made.parallel <= options.PARALLEL_MAX
    assert made.transfers is None or made.transfers >= 1
    assert made.deadline_s is None or 0 < made.deadline_s < math.inf
    assert made.request(1) is not None


@SOME
@given(damaged(EVENT))
def test_a_line_of_events_is_an_event_or_nothing(line: bytes) -> None:
    event = ev.from_json(line)
    assert event is None or ev.from_json(json.dumps(ev.to_json(event))) == event or _nan(event)


def _nan(event: ev.Event) -> bool:
    return not math.isfinite(event.at)
