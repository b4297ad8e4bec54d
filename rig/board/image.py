"""Where the images are, and what they are.

Rules     one that is built here wins over the one that came with the package (`make wheel`).
"""

from __future__ import annotations

from pathlib import Path

from rig.errors import UserError

RELEASE = Path("build/board/kyu.elf")
DEFECTS = Path("build/defects/kyu.elf")
#: What --image may say instead of a path.
NAMED = {"release": RELEASE, "defects": DEFECTS}
_PACKAGE = Path(__file__).resolve().parents[1]


def find(given: Path | None, default: Path = RELEASE) -> Path:
    """`given` as it is, or one of NAMED when there is no such file. Without it the default: under
    this directory, in the rig's own repository, or as it was packed with the rig.

    Raises UserError when there is none, or when it is no ELF file.
    """
    if given is not None and str(given) in NAMED and not given.exists():
        given, default = None, NAMED[str(given)]
    if given is not None:
        image = given
    else:
        here = (Path.cwd() / default, _PACKAGE.parent / default, _packed(default))
        image = next((path for path in here if path.is_file()), here[0])
    try:
        with image.open("rb") as file:
            magic = file.read(4)
    except IsADirectoryError:
        raise UserError(f"{image} is a directory", where="--image") from None
    except FileNotFoundError:
        if given is not None:
            raise UserError(f"{given} does not exist", where="--image") from None
        raise UserError(f"{default} is not built", mend="run make firmware") from None
    except OSError as error:
        raise UserError(f"cannot read {image}: {error.strerror}", where="--image") from None
    if magic != b"\x7fELF":
        raise UserError(f"{image} is not an ELF file", where="--image")
    return image.resolve()


def _packed(default: Path) -> Path:
    """build/board/kyu.elf is images/board/kyu.elf in a wheel."""
    return _PACKAGE / "images" / default.relative_to("build")
