"""A kernel made of bytes: memory as a board's would be, laid out by the compiler, filled by tests.

Context   never shipped. The real headers are compiled, with the board's own compiler, into a small
          image; objects are then put into a block of memory by the offsets that its DWARF tells.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from rig.inspect import kernel as kernels
from rig.inspect.image import Image
from rig.inspect.layout import View
from rig.inspect.memory import Pieces

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
SOURCE = """
#include "kernel/kernel.hpp"
void* __dso_handle;
namespace kyu {
namespace { Kernel the_kernel; }
Kernel& keep() { return the_kernel; }
}
extern "C" { alignas(16) char forge_heap[1 << 20]; }
"""
FLAGS = """
-std=c++20 -O2 -g -mcpu=cortex-a7 -marm -mfloat-abi=soft -fno-exceptions -fno-rtti
-fno-omit-frame-pointer -funwind-tables -fno-use-cxa-atexit -fno-threadsafe-statics -Wno-psabi
-nostdlib -Wl,--unresolved-symbols=ignore-all -Wl,--build-id=sha1 -Wl,-e,0x40008000
-Wl,-Ttext=0x40008000 -Wl,-Tdata=0x40100000 -Wl,--section-start=.note.gnu.build-id=0x40004000
"""
BLOCK, BLOCK_BYTES = 0x4000_0000, 0x0030_0000
STACK_BYTES = 0x400


def compiled(folder: Path) -> Image:
    """The image. Takes a second or two."""
    source, result = folder / "forged.cpp", folder / "forged.elf"
    source.write_text(SOURCE)
    files = [str(source), str(FIRMWARE / "kernel" / "kernel.cpp")]
    command = ["arm-none-eabi-g++", *FLAGS.split(), f"-I{FIRMWARE}", "-o", str(result), *files]
    subprocess.run(command, check=True, capture_output=True)
    return Image(result)


@dataclass
class Forge:
    """`kernel` and all that hangs on it. Lists are closed circles from the beginning."""

    image: Image
    raw: bytearray = field(default_factory=lambda: bytearray(BLOCK_BYTES))
    _free: int = 0

    def __post_init__(self) -> None:
        for part in self.image.elf.iter_segments("PT_LOAD"):
            where = part["p_vaddr"] - BLOCK
            self.raw[where : where + part["p_filesz"]] = part.data()
        self._free = self.image.symbol("forge_heap")
        self.kernel = kernels.find(self.image, self)
        self.kernel_type = self.kernel.type
        for each in (self.kernel["threads_"], self.kernel["pools_"]["pools_"]):
            self.empty(each)

    def read(self, address: int, size: int) -> bytes:
        return self.memory.read(address, size)

    @property
    def memory(self) -> Pieces:
        return Pieces({BLOCK: bytes(self.raw)})

    def put(self, at: View | int, value: int, size: int = 4) -> None:
        address, size = (at.address, at.type.size) if isinstance(at, View) else (at, size)
        where = address - BLOCK
        self.raw[where : where + size] = value.to_bytes(size, "little")

    def take(self, size: int) -> int:
        address = self._free
        self._free += -(-size // 16) * 16
        return address

    def text(self, value: bytes) -> int:
        address = self.take(len(value) + 1)
        self.raw[address - BLOCK : address - BLOCK + len(value)] = value
        return address

    def empty(self, of: View) -> None:
        for member in ("next_", "prev_"):
            self.put(of["head_"][member], of["head_"].address)

    def append(self, of: View, member: View) -> None:
        """At the end of an IntrusiveList."""
        link = self.link(of, member)
        head = of["head_"]
        last = head["prev_"].target()
        assert last is not None
        self.put(link["prev_"], last.address)
        self.put(link["next_"], head.address)
        self.put(last["next_"], link.address)
        self.put(head["prev_"], link.address)

    def link(self, of: View, member: View) -> View:
        (_, kind), *_ = of["head_"].type.bases
        offset = next(offset for offset, base in member.type.bases if base is kind)
        return View(self, kind, member.address + offset)

    def thread(self, name: bytes, number: int, state: int = 3) -> View:
        """A thread that waits, at the end of the kernel's list."""
        kind = self.kernel["current_"].type.element
        thread = View(self, kind, self.take(kind.size))
        self.put(thread["name_"], self.text(name))
        self.put(thread["id_"], number)
        self.put(thread["state_"], state)
        stack = self.take(STACK_BYTES)
        self.raw[stack - BLOCK : stack - BLOCK + STACK_BYTES - 64] = b"\xa5" * (STACK_BYTES - 64)
        self.put(thread["stack_"]["_M_ptr"], stack)
        self.put(thread["stack_"]["_M_extent"]["_M_extent_value"], STACK_BYTES)
        self.empty(thread["held_"])
        self.append(self.kernel["threads_"], thread)
        return thread

    def mutex(self, name: bytes, owner: View) -> View:
        kind = owner["waiting_for_"].type.element
        mutex = View(self, kind, self.take(kind.size))
        self.put(mutex["owner_"], owner.address)
        self.put(mutex["waiters_"]["kind_"], self.text(b"mutex"))
        self.put(mutex["waiters_"]["name_"], self.text(name))
        self.append(owner["held_"], mutex)
        return mutex

    def waits(self, thread: View, mutex: View) -> None:
        self.put(thread["waiting_in_"], mutex["waiters_"].address)
        self.put(thread["waiting_for_"], mutex.address)
