"""A kernel read from outside: what is whole is told as it is, damage costs only what it damaged."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.console.crash import CrashRecord
from rig.errors import RigError, UserError
from rig.inspect import core, record
from rig.inspect import kernel as kernels
from rig.inspect.findings import findings
from rig.inspect.image import Image
from rig.inspect.layout import View
from rig.inspect.memory import Pieces, Span
from rig.inspect.unwind import FRAMES_MAX, Unwinder
from rig.tests.forge import BLOCK, BLOCK_BYTES, Forge, compiled

NOBODY = (0,) * 17
WORDS = st.integers(0, 0xFFFF_FFFF)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return compiled(tmp_path_factory.mktemp("forged"))


@pytest.fixture
def forge(image: Image) -> Forge:
    return Forge(image)


def told(forge: Forge) -> CrashRecord:
    return record.build(forge.image, forge.memory, NOBODY, "halted from outside").record


def names(found: CrashRecord) -> list[str]:
    return [thread.text("name") for thread in found.of_kind("crash-thread")]


def notes(found: CrashRecord) -> str:
    return "\n".join(note.text("text") for note in found.of_kind("crash-note"))


def three(forge: Forge) -> tuple[View, View, View]:
    return forge.thread(b"shell", 1), forge.thread(b"net", 2), forge.thread(b"wang-0", 3)


def test_threads_are_told_in_their_order_with_what_is_known_of_them(forge: Forge) -> None:
    _, net, _ = three(forge)
    forge.put(net["priority_"]["level"], 7)
    forge.put(forge.kernel["current_"], net.address)
    found = told(forge)
    assert names(found) == ["shell", "net", "wang-0"]
    assert found.thread == "net"
    second = found.of_kind("crash-thread")[1]
    assert (second.text("prio"), second.text("state"), second.text("used")) == (
        "7",
        "waiting",
        "64",
    )
    assert not notes(found)


def test_two_threads_that_want_each_others_lock_are_a_ring(forge: Forge) -> None:
    shell, net, _ = three(forge)
    a, b = forge.mutex(b"a", shell), forge.mutex(b"b", net)
    forge.waits(shell, b)
    forge.waits(net, a)
    (said,) = findings(told(forge))
    assert "shell waits for b, held by net" in said
    assert "net waits for a, held by shell" in said


def test_a_lock_whose_owner_sleeps_is_told_with_those_who_want_it(forge: Forge) -> None:
    shell, net, wang = three(forge)
    lock = forge.mutex(b"net-lock", net)
    forge.put(net["waiting_in_"], forge.kernel["sleepers_"].address)
    forge.put(forge.kernel["sleepers_"]["kind_"], forge.text(b"sleep"))
    forge.put(forge.kernel["sleepers_"]["name_"], forge.text(b""))
    forge.waits(shell, lock)
    forge.waits(wang, lock)
    said = findings(told(forge))
    assert said == ("net-lock is held by net, which waits in sleep, wanted by shell wang-0",)


def test_a_circle_in_the_list_of_threads_ends_the_walk(forge: Forge) -> None:
    first, _, last = three(forge)
    threads = forge.kernel["threads_"]
    back_to = forge.link(threads, first)
    forge.put(forge.link(threads, last)["next_"], back_to.address)
    found = told(forge)
    assert names(found) == ["shell", "net", "wang-0"]
    assert "does not lead back" in notes(found) or "circle" in notes(found)


def test_a_list_that_leads_into_itself_is_not_walked_twice(forge: Forge) -> None:
    first, _, _ = three(forge)
    link = forge.link(forge.kernel["threads_"], first)
    for member in ("next_", "prev_"):
        forge.put(link[member], link.address)
    found = told(forge)
    assert names(found) == ["shell"]
    assert "circle" in notes(found)


@pytest.mark.parametrize("wild", [0, 4, 0x01C2_8000, 0xFFFF_FFFC, BLOCK + BLOCK_BYTES - 2])
def test_a_wild_pointer_in_the_list_leaves_the_threads_before_it(forge: Forge, wild: int) -> None:
    _, second, _ = three(forge)
    forge.put(forge.link(forge.kernel["threads_"], second)["next_"], wild)
    found = told(forge)
    assert names(found) == ["shell", "net"]
    assert "nothing can be read" in notes(found)


def test_a_pointer_to_something_else_makes_no_thread(forge: Forge) -> None:
    _, second, _ = three(forge)
    ghost, something = forge.text(b"ghost"), forge.take(512)
    for at in range(something, something + 512, 4):
        forge.put(at, ghost)  # what looks like links and a name
    forge.put(forge.link(forge.kernel["threads_"], second)["next_"], something + 64)
    found = told(forge)
    assert names(found) == ["shell", "net"]
    assert "does not lead back" in notes(found)


def test_a_thread_that_is_just_being_put_in_hides_nobody(forge: Forge) -> None:
    _, second, third = three(forge)
    threads = forge.kernel["threads_"]
    # Halted before the third was told who comes before it.
    forge.put(
        forge.link(threads, third)["prev_"], forge.link(threads, forge.kernel["idle_"]).address
    )
    found = told(forge)
    assert names(found) == ["shell", "net", "wang-0"]
    assert "does not lead back" in notes(found)
    assert second.address


@pytest.mark.parametrize("name", [b"\xff\xfe", b"tab\there", b"\x1b[31mred", b"x" * 200])
def test_a_name_that_is_no_text_is_shown_by_its_address(forge: Forge, name: bytes) -> None:
    thread = forge.thread(name, 1)
    assert names(told(forge)) == [f"?{thread['name_'].unsigned():08x}"]


def test_a_thread_whose_name_cannot_be_read_is_left_out_and_told(forge: Forge) -> None:
    first, _, _ = three(forge)
    forge.put(first["name_"], 0x01C2_8000)
    found = told(forge)
    assert names(found) == ["net", "wang-0"]
    assert "01c28000" in notes(found)


def test_a_stack_that_is_nowhere_costs_only_its_own_measure(forge: Forge) -> None:
    first, _, _ = three(forge)
    forge.put(first["stack_"]["_M_ptr"], 0xFFFF_F000)
    forge.put(first["stack_"]["_M_extent"]["_M_extent_value"], 0xFFFF_FFFF)
    found = told(forge)
    assert names(found) == ["shell", "net", "wang-0"]
    assert "stack" in notes(found)


def test_a_state_that_is_none_is_its_number(forge: Forge) -> None:
    forge.thread(b"odd", 1, state=77)
    (thread,) = told(forge).of_kind("crash-thread")
    assert thread.text("state") == "77"


@pytest.mark.parametrize("member", ["turn_began_", "events_", "pools_", "started_"])
def test_a_member_that_another_image_lacks_costs_only_itself(image: Image, member: str) -> None:
    other = Forge(Image(image.path))
    three(other)
    del other.kernel_type.members[member]
    kernel = kernels.read(View(other.memory, other.kernel_type, other.kernel.address))
    assert len(kernel.threads) == 3
    assert any(member in trouble for trouble in kernel.troubles)


def test_an_empty_kernel_is_told_as_one(forge: Forge) -> None:
    found = told(forge)
    assert (found.thread, names(found)) == ("-", [])
    assert found.lines_missing == 0


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.data())
def test_no_damage_stops_the_telling(forge: Forge, data: st.DataObject) -> None:
    spoilt = Forge(forge.image)
    shell, net, _ = three(spoilt)
    spoilt.waits(shell, spoilt.mutex(b"a", net))
    spoilt.put(spoilt.kernel["current_"], net.address)
    begins = [each.address for each in (shell, net, spoilt.kernel)]
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.sampled_from(begins)) + 4 * data.draw(st.integers(0, 120))
        target = st.one_of(WORDS, st.sampled_from(begins), st.integers(BLOCK, BLOCK + BLOCK_BYTES))
        spoilt.put(at, data.draw(target))
    registers = tuple(data.draw(st.lists(WORDS, min_size=17, max_size=17)))
    found = record.build(spoilt.image, spoilt.memory, registers, "x")
    assert found.record.complete
    assert core.content(found, spoilt.memory, registers, "kyu.elf")


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(stack=st.lists(WORDS, min_size=64, max_size=64), data=st.data())
def test_a_walk_through_a_smashed_stack_ends(
    image: Image, stack: list[int], data: st.DataObject
) -> None:
    text = st.integers(image.text.start // 4, image.text.end // 4 - 1).map(lambda word: word * 4)
    for at in data.draw(st.lists(st.integers(0, 63), max_size=8)):
        stack[at] = data.draw(text)
    base = BLOCK + BLOCK_BYTES
    memory = Pieces({base: b"".join(word.to_bytes(4, "little") for word in stack)})
    registers = [base + 4 * data.draw(st.integers(0, 64)) for _ in range(15)]
    registers += [data.draw(text), 0]
    frames = Unwinder(image).walk(
        registers, memory, [Span(base, base + 4 * len(stack))], exact=data.draw(st.booleans())
    )
    assert 1 <= len(frames) <= FRAMES_MAX
    assert all(one.sp <= other.sp for one, other in pairwise(frames))


def test_a_frame_that_is_its_own_caller_ends_the_walk(image: Image) -> None:
    base, size = BLOCK + BLOCK_BYTES, 512
    middle, unwinder = base + size // 2, Unwinder(image)
    for pc in range(image.text.start, image.text.end, 4):
        # Wherever a frame is looked for, there it is: this pc, and this frame pointer.
        words = [pc if at % 8 == 4 else middle for at in range(0, size, 4)]
        memory = Pieces({base: b"".join(word.to_bytes(4, "little") for word in words)})
        registers = [middle + 4] * 14 + [pc, pc, 0]
        frames = unwinder.walk(registers, memory, [Span(base, base + size)], exact=False)
        assert all(one.sp < other.sp for one, other in pairwise(frames)), f"{pc:08x}"


def test_a_core_is_read_back_as_it_was_written(
    forge: Forge, tmp_path_factory: pytest.TempPathFactory
) -> None:
    three(forge)
    found = record.build(forge.image, forge.memory, tuple(range(17)), "by a test")
    path = tmp_path_factory.mktemp("core") / "core"
    path.write_bytes(core.content(found, forge.memory, tuple(range(17)), "kyu.elf"))
    saved = core.load(path)
    assert saved.registers == tuple(range(17))
    assert saved.build == forge.image.build_id
    assert record.build(forge.image, saved.memory, saved.registers, saved.why) == found


def test_a_core_that_was_cut_off_is_told_in_one_line(forge: Forge, tmp_path: Path) -> None:
    found = record.build(forge.image, forge.memory, NOBODY, "by a test")
    raw = core.content(found, Pieces({BLOCK: bytes(64)}), NOBODY, "kyu.elf")
    for size in range(1, 700):
        (tmp_path / "cut").write_bytes(raw[:size])
        with suppress(UserError):
            core.load(tmp_path / "cut")


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_damaged_core_is_one_line_or_none(
    forge: Forge, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    found = record.build(forge.image, forge.memory, NOBODY, "by a test")
    raw = bytearray(core.content(found, Pieces({BLOCK: bytes(64)}), NOBODY, "kyu.elf"))
    places = st.lists(st.tuples(st.integers(0, 799), st.integers(0, 255)), max_size=8)
    for at, byte in data.draw(places):
        raw[at] = byte
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with suppress(UserError):
        core.load(path)


def test_an_image_without_a_kernel_is_told(image: Image) -> None:
    other = Image(image.path)
    other.symbols.clear()
    with pytest.raises((RigError, UserError)):
        record.build(other, Pieces({}), NOBODY, "x")
