"""Where the images are, and what they are."""

from __future__ import annotations

from pathlib import Path

from rig.errors import UserError

RELEASE = Path("build/board/kyu.elf")
DEFECTS = Path("build/defects/kyu.elf")


def find(given: Path | None, default: Path = RELEASE) -> Path:
    """`given` as it is; else the default, under this directory or the rig's own repository.

    Raises UserError when there is none, or when it is no ELF file.
    """
    if given is not None:
        image = given
    else:
        here = (Path.cwd() / default, Path(__file__).resolve().parents[2] / default)
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
