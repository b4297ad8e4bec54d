"""The board's tracebacks call functions what people call them, where they really are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.symtab import SymbolTableError, assembly, functions, main, short_name


@pytest.mark.parametrize(
    ("demangled", "name"),
    [
        ("memcpy", "memcpy"),
        ("kyu::net::tcp_output(kyu::net::LockedNet&, kyu::net::Tcpcb&)", "tcp_output"),
        ("kyu::wangdoodle::(anonymous namespace)::big_wangdoodle(int)", "big_wangdoodle"),
        ("kyu::net::MbufPool::allocate()", "MbufPool::allocate"),
        ("kyu::net::Mbuf::~Mbuf()", "Mbuf::~Mbuf"),
        ("kyu::Ring<char, 64u>::push(char const&)", "Ring::push"),
        ("kyu::ChunkBuffers::Loan::bytes() const", "ChunkBuffers::Loan::bytes"),
        ("void kyu::print<unsigned int>(kyu::TextSink&, std::span<int>)", "print"),
        ("bool kyu::Ring<int, 4u>::push_all<int>(std::span<int>)", "Ring::push_all"),
        ("kyu::net::Mbuf::operator=(kyu::net::Mbuf&&)", "Mbuf::operator="),
        ("kyu::operator<(kyu::Instant, kyu::Instant)", "operator<"),
        ("kyu::Thing::operator()(int)", "Thing::operator()"),
        ("kyu::app::run()::{lambda(kyu::IrqContext&)#1}::operator()(kyu::IrqContext&) const",
         "run::lambda"),
        ("kyu::A::A(int)::{lambda(void*)#2}::_FUN(void*)", "A::lambda"),
        ("void kyu::T<kyu::X>::each<kyu::f(int)::{lambda(int&)#1}>(int&&)", "T::each"),
        ("kyu::L<kyu::S>::remove(kyu::S&) [clone .part.0]", "L::remove"),
        ("_GLOBAL__sub_I__ZN3kyu3app10board_initEv", "static_init"),
        ("", "?"),
        (">>>(((", "?"),
    ],
)  # fmt: skip
def test_a_function_is_called_what_people_call_it(demangled: str, name: str) -> None:
    assert short_name(demangled) == name


NM = [
    "40008000 T _start",
    "40008100 t kyu::(anonymous namespace)::spin(int)",
    "40008200 W kyu::A::A(int)",
    "40008200 W kyu::A::A(int)",
    "40008300 t kyu::f() [clone .isra.0]",
    "40008300 T kyu::g()",
    "40008380 T kyu_irq_frame_begin",
    "40009000 R __text_end",
    "40009004 T not_code_any_more",
    "40010000 D kyu::state",
    "         U undefined",
    "no symbol at all",
]


def test_functions_are_sorted_and_one_an_address() -> None:
    found, end = functions(NM)
    assert [(f.address, f.name) for f in found] == [
        (0x40008000, "_start"),
        (0x40008100, "spin"),
        (0x40008200, "A::A"),
        (0x40008300, "g"),
    ]
    assert end == 0x40009000


def test_an_image_without_an_end_is_refused() -> None:
    with pytest.raises(SymbolTableError, match="__text_end"):
        functions(["40008000 T _start"])


def test_equal_names_share_their_text() -> None:
    found, end = functions(
        [
            "40008000 t a::put()",
            "40008010 t b::put()",
            "40008020 T c::get()",
            "40009000 T __text_end",
        ]
    )
    text = assembly(found, end)
    assert text.count('.asciz "put"') == 1
    assert "kyu_symbol_count: .word 3" in text
    assert "kyu_symbol_text_bytes: .word 8" in text


def test_each_function_says_in_which_state_it_runs_and_how_far_the_next_one_is() -> None:
    found, end = functions(
        [
            "40008000 t $a",
            "40008000 T _start",
            "40008100 T kyu::cold()",
            "40008100 t $t",
            "40008120 t $d",
            "40008124 T kyu::colder()",
            "40008140 t $a.3",
            "40008140 T kyu::hot()",
            "40009000 R __text_end",
        ]
    )
    assert [f.thumb for f in found] == [False, True, True, False]
    assert [f.address for f in found] == [0x40008000, 0x40008100, 0x40008124, 0x40008140]
    lines = [line.strip() for line in assembly(found, end).splitlines()]
    assert "kyu_symbol_begin: .word 0x40008000" in lines
    at = lines.index("kyu_symbol_steps:")
    steps = [0x100, 0x24 | 1, 0x1C | 1, 0xEC0]
    assert lines[at + 1 : at + 5] == [f".hword {step}" for step in steps]


def test_what_has_no_room_in_the_table_is_refused() -> None:
    found, end = functions(["40008000 T huge", "40018000 T next", "40019000 T __text_end"])
    with pytest.raises(SymbolTableError, match="64 KiB"):
        assembly(found, end)


def fake_nm(tmp_path: Path, output: str) -> str:
    script = tmp_path / "nm"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    script.chmod(0o755)
    return str(script)


def test_a_link_that_moved_a_function_is_found(tmp_path: Path) -> None:
    table = tmp_path / "symbols.S"
    before = fake_nm(tmp_path, "40008000 T a\n40009000 T __text_end")
    arguments = ["--nm", before, "--image", "kyu.elf"]
    assert main([*arguments, "--output", str(table)]) == 0
    assert main([*arguments, "--verify", str(table)]) == 0
    fake_nm(tmp_path, "40008010 T a\n40009000 T __text_end")
    assert main([*arguments, "--verify", str(table)]) == 1


def test_a_tool_that_fails_is_one_line_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "nm"
    script.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    script.chmod(0o755)
    assert main(["--nm", str(script), "--image", "kyu.elf"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
