"""The symbol table that the board prints tracebacks with, made from the linked image.

Rules     The first link has an empty table (`--empty`), the second has the table of the first.
          `--verify` proves afterwards that the second link moved no function: otherwise every
          traceback would lie.
          Input is what `arm-none-eabi-nm -C -n --special-syms IMAGE` prints. Only the standard
          library is used.
Table     Where the first function begins; for each function a half word, how far it is to the next
          one, with bit 0 set when it is Thumb code, and a half word, where its name begins.
Names     As a person says them: no arguments, no namespaces, but the class: `tcp_output`,
          `MbufPool::allocate`, `Ring::push`. Clones of a function (.part.0 and the like) carry
          its plain name.
Usage     python3 ci/symtab.py --empty > symbols.S
          python3 ci/symtab.py --nm NM --image ELF > symbols.S
          python3 ci/symtab.py --nm NM --image ELF --verify symbols.S
"""

from __future__ import annotations

import argparse
import bisect
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NM_LINE = re.compile(r"^([0-9a-f]{8}) ([A-Za-z]) (.+)$")
CODE = frozenset("tTwWvV")
TEXT_END = "__text_end"
NAME_MAX = 63
# Labels inside functions, and of the linker script.
NOT_FUNCTIONS = ("__text", "$", "kyu_irq_frame_")
# From here on it is ARM code, or Thumb code (ARM IHI 0044, mapping symbols).
STATES = {"$a": 0, "$t": 1}
HALF_WORD = 1 << 16


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the image: where it begins, and what people call it."""

    address: int
    name: str
    thumb: bool = False


class SymbolTableError(Exception):
    """The image cannot be described, or does not agree with its table."""


def without_groups(text: str) -> str:
    """`text` without what stands in balanced <>, (), [] or {}; operators keep their own signs."""
    result: list[str] = []
    depth = 0
    at = 0
    while at < len(text):
        operator = re.compile(r"operator\s*(\(\)|\[\]|<=>|<<=?|>>=?|->\*?|<=?|>=?)").match(text, at)
        if operator and depth == 0:
            result.append("operator" + operator.group(1))
            at = operator.end()
            continue
        char = text[at]
        at += 1
        if char in "<([{":
            depth += 1
        elif char in ">)]}":
            depth = max(0, depth - 1)
        elif depth == 0:
            result.append(char)
    return "".join(result)


def short_name(demangled: str) -> str:
    """What a traceback calls a function: `kyu::net::Ring<int>::push(int)` is `Ring::push`."""
    text = demangled.replace("(anonymous namespace)::", "")
    text = re.sub(r"\{lambda\([^{}]*\)#\d+\}(::operator\(\)|::_FUN)?", "lambda", text)
    text = without_groups(re.sub(r"\{[^{}]*\}", "", text))
    text = re.sub(r"\b(const|volatile|noexcept)\b", " ", text).strip(" &*")
    text = text.split(" [clone", 1)[0].strip()
    if "operator" not in text:
        text = text.rsplit(" ", 1)[-1]  # a template's return type stands before its name
        text = "static_init" if text.startswith("_GLOBAL__sub_I") else text
        text = text.split(".", 1)[0] or text  # .part.0, .constprop.0, .isra.0, .cold
    else:
        head, _, tail = text.partition("operator")
        text = head.rsplit(" ", 1)[-1] + "operator" + tail
    parts = [part for part in text.split("::") if part]
    # Types are CamelCase, namespaces are not: a name keeps its types, and the function around a
    # lambda.
    kept = [
        part
        for i, part in enumerate(parts)
        if i == len(parts) - 1 or part[:1].isupper() or parts[-1].startswith("lambda")
    ]
    if kept and kept[-1].startswith("lambda"):
        kept = kept[-2:]
    return "::".join(kept)[:NAME_MAX] or "?"


def functions(nm_output: Iterable[str]) -> tuple[list[Function], int]:
    """The functions in order of address, and the end of the text."""
    best: dict[int, tuple[int, str]] = {}
    states: dict[int, int] = {}
    end = None
    for line in nm_output:
        match = NM_LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        address, kind, name = int(match.group(1), 16), match.group(2), match.group(3)
        if name == TEXT_END:
            end = address
        if name[:2] in STATES:
            states[address] = STATES[name[:2]]
        if kind not in CODE or name.startswith(NOT_FUNCTIONS):
            continue
        # Of several names for one address the plain and global one is what people know.
        rank = (kind in "TWV") * 2 + (".part." not in name and "clone" not in name)
        rank -= 4 * name.startswith("__")
        if address not in best or rank > best[address][0]:
            best[address] = (rank, name)
    if end is None:
        msg = f"no symbol {TEXT_END} in the image"
        raise SymbolTableError(msg)
    found = []
    changes = sorted(states.items())
    for address, (_, name) in sorted(best.items()):
        if address < end:
            at = bisect.bisect_right(changes, (address, 1)) - 1
            thumb = at >= 0 and changes[at][1] == 1
            found.append(Function(address & ~1, short_name(name), thumb))
    return found, end


def assembly(found: list[Function], end: int) -> str:
    """The table as assembly, in the section that kyu.ld puts behind everything else."""
    offsets: dict[str, int] = {}
    blob: list[str] = []
    size = 0
    for function in found:
        if function.name not in offsets:
            offsets[function.name] = size
            blob.append(function.name)
            size += len(function.name.encode()) + 1
    nexts = [function.address for function in found[1:]] + [end]
    steps = [after - one.address for one, after in zip(found, nexts, strict=True)] if found else []
    if size > HALF_WORD or any(step >= HALF_WORD for step in steps):
        msg = "a function or all names together of more than 64 KiB have no room in the table"
        raise SymbolTableError(msg)
    lines = [
        "@ Made by ci/symtab.py from the linked image.",
        '    .section .kyu_symbols, "a", %progbits',
        "    .balign 4",
        "    .global kyu_symbol_count",
        "    .global kyu_symbol_text_bytes",
        "    .global kyu_symbol_begin",
        "    .global kyu_symbol_steps",
        "    .global kyu_symbol_names",
        "    .global kyu_symbol_text",
        f"kyu_symbol_count: .word {len(found)}",
        f"kyu_symbol_text_bytes: .word {size}",
        f"kyu_symbol_begin: .word 0x{found[0].address if found else 0:08x}",
        "kyu_symbol_steps:",
        *(f"    .hword {step | one.thumb}" for one, step in zip(found, steps, strict=True)),
        "kyu_symbol_names:",
        *(f"    .hword {offsets[function.name]}" for function in found),
        "kyu_symbol_text:",
        *(f'    .asciz "{name}"' for name in blob),
        "    .byte 0",
        "    .balign 4",
    ]
    return "\n".join(lines) + "\n"


def run_nm(nm: str, image: Path) -> list[str]:
    """What nm says of the image, names demangled."""
    command = [nm, "-C", "-n", "--special-syms", str(image)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        msg = f"{nm} {image}: {done.stderr.strip()}"
        raise SymbolTableError(msg)
    return done.stdout.splitlines()


def main(arguments: list[str] | None = None) -> int:
    """Writes or verifies a table; 1 with one line of explanation when that cannot be done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--empty", action="store_true", help="the table of the first link")
    parser.add_argument("--nm", default="arm-none-eabi-nm")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--verify", type=Path, metavar="TABLE", help="compare, write nothing")
    parser.add_argument("--output", type=Path, help="instead of the standard output")
    options = parser.parse_args(arguments)
    try:
        if options.empty:
            text = assembly([], 0)
        elif options.image is None:
            parser.error("--image or --empty is needed")
        else:
            text = assembly(*functions(run_nm(options.nm, options.image)))
        if options.verify is not None:
            if options.verify.read_text() != text:
                msg = f"{options.image}: the last link moved functions; its symbol table is wrong"
                raise SymbolTableError(msg)
        elif options.output is not None:
            options.output.write_text(text)
        else:
            sys.stdout.write(text)
    except (SymbolTableError, OSError) as error:
        print(f"symtab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
