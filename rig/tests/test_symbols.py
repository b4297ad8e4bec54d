"""Addresses to places: an address that is none of the program's has none."""

from __future__ import annotations

import gc
import subprocess
import weakref

import pytest

from rig.console.symbols import Place, Symbols

SOURCE = """
int dropped(int a) { return a * 3; }
int kept(int a) { return a + 1; }
int main(void) { return kept(2); }
"""


@pytest.fixture(scope="module")
def symbols(tmp_path_factory: pytest.TempPathFactory) -> Symbols:
    """A program out of which the linker has thrown a function, but not its DWARF."""
    folder = tmp_path_factory.mktemp("image")
    source, image = folder / "some.c", folder / "some.elf"
    source.write_text(SOURCE.lstrip("\n"))
    command = ["gcc", "-g", "-O0", "-ffunction-sections", "-nostdlib", "-static", "-no-pie"]
    command += ["-Wl,--gc-sections", "-Wl,-e,main", "-o", str(image), str(source)]
    subprocess.run(command, check=True)
    return Symbols(image)


def test_a_jump_to_null_is_in_no_line_although_dropped_code_claims_it(symbols: Symbols) -> None:
    claims = [(low, high) for low, high, _ in symbols._units if low == 0]
    assert claims, "the linker has dropped the DWARF, too: this image proves nothing"
    for pc in range(claims[0][1]):
        assert symbols.place(pc) == Place()
        assert symbols.chain(pc) == ()
        assert symbols.call_chain(pc) == ()
        assert symbols.source(pc) == symbols.exact_source(pc) == ""


def test_an_address_beyond_the_code_is_in_no_line(symbols: Symbols) -> None:
    end = max(high for _, high in symbols._code)
    for pc in (end, end + 4, 0xFFFF_FFFC, -4):
        assert symbols.chain(pc) == ()
        assert symbols.place(pc) == Place()


def test_an_address_of_the_code_is_told_by_its_line(symbols: Symbols) -> None:
    start = next(s.start for s in symbols._functions if s.name == "kept")
    (place,) = symbols.chain(start)
    assert (place.function, place.line) == ("kept", 2)


def test_what_was_read_of_an_image_goes_with_it(symbols: Symbols) -> None:
    assert symbols.image is not None
    another = Symbols(symbols.image)
    start = next(s.start for s in another._functions if s.name == "kept")
    assert another.place(start).line == 2
    gone = weakref.ref(another)
    del another
    gc.collect()
    assert gone() is None, "a bisection reads an image a commit, each a hundred megabytes"
