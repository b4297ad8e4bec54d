"""The boot arguments page: one 4 KiB page at 0x40002000."""

from __future__ import annotations

from rig.errors import UserError

PAGE_ADDRESS = 0x4000_2000
PAGE_BYTES = 4096
_MAGIC = "KYUARGS1"


def merge(defaults: dict[str, str], extra: str) -> str:
    """`extra` is TEXT of --bootargs: blank-separated key=value; it wins over the defaults."""
    args = dict(defaults)
    for word in extra.split():
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UserError(
                f"{word!r} is not KEY=VALUE", where="--bootargs", mend="as in 'defect=panic:3'"
            )
        args[key] = value
    return " ".join(f"{key}={value}" for key, value in args.items())


def page(text: str) -> bytes:
    """The page as the board finds it: NUL-ended ASCII, padded."""
    if not (text.isascii() and text.isprintable()):  # a control character ends them on the board
        raise UserError("boot arguments must be printable ASCII", where="--bootargs")
    raw = f"{_MAGIC} {text}".encode("ascii") + b"\0"
    if len(raw) > PAGE_BYTES:
        raise UserError(f"boot arguments take more than {PAGE_BYTES} bytes", where="--bootargs")
    return raw.ljust(PAGE_BYTES, b"\0")
