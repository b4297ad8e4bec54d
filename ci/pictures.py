"""What ci/pictures does: docs/pictures/report.png and docs/pictures/terminal.svg from a run folder.

Rules     both show what is really there: the page as a browser paints it, the display as rich does.
          Neither may be large; nothing in them names a place on a network.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from rig import journal
from rig.console import grammar
from rig.report import files
from rig.report.material import Material, load
from rig.report.progress import BarDisplay, BoardNow, Goal
from rig.report.summary import Tally

PICTURES, RUN = Path("docs/pictures"), Path("build/pictures/run")
REPORT_MAX, TERMINAL_MAX = 250_000, 100_000
#: The page is taller: the picture shows its beginning, as far as REPORT_MAX allows.
SIZE, SCALE = (1000, 2300), 0.8
COLUMNS = 88
PANIC_AFTER, PLANNED = 38_000, 60_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: rich names fonts on other machines; the picture makes do with those of this one.
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


def main(arguments: list[str]) -> int:
    run = Path(arguments[0]) if arguments else _soak()
    PICTURES.mkdir(parents=True, exist_ok=True)
    material = load(run)
    files.make(run)
    svg = terminal(run, material)
    _keep(PICTURES / "terminal.svg", svg.encode(), TERMINAL_MAX)
    _report(run / files.HTML)
    return 0


def _soak() -> Path:
    """A board that panics once, after it has been well for so long that drift is judged."""
    shutil.rmtree(RUN, ignore_errors=True)
    subprocess.run(
        [
            ".venv/bin/kyu", "soak", "soak", "--image", "build/defects/kyu.elf", "--out", str(RUN),
            "--bootargs", f"defect=panic:{PANIC_AFTER}", "--transfers", str(PLANNED),
        ],
        check=False,
    )  # fmt: skip
    return RUN


def terminal(run: Path, material: Material) -> str:
    """The display in the middle of that run, with the board's first words as its last ones."""
    lines = material.journal
    seconds = lines.seconds / 2
    before, done = (sum(end <= at for end in lines.ends) for at in (seconds - 1, seconds))
    time = [0.0]
    out = io.StringIO()
    console = Console(file=out, width=COLUMNS, force_terminal=True, highlight=False, record=True)
    display = BarDisplay(out, Goal(PLANNED), console, lambda: time[0])
    said = _said(run / journal.CONSOLE)
    display.see(lambda: BoardNow(f"up {seconds:.0f} s", said))
    for tally, time[0] in (
        (Tally(), 0.1),
        (_tally(material, before), seconds - 1),
        (_tally(material, done), seconds),
    ):
        display.update(tally, now=True)
    why = f" ({material.run.why})" if material.run.why else ""
    board = material.run.option("board")
    console.export_text()  # what was painted until now
    console.print("$ kyu soak soak --transfers", PLANNED, markup=False)
    console.print(f"board {board}, wire {material.run.wire}{why}, run runs/{material.name}")
    console.print(f"ready after {material.figures.boot_seconds or 0:.2f} s, build "
                  f"{material.figures.build[:12]}")  # fmt: skip
    console.print(display.picture(_tally(material, done)))
    svg = console.export_svg(title="kyu soak", theme=MONOKAI)
    return _COMMENT.sub("", _FONTS.sub("", svg))


def _said(console: Path) -> list[str]:
    """By the board, to people, until its prompt."""
    lines = console.read_text(encoding="utf-8", errors="replace").splitlines()
    plain = [one.rstrip() for one in lines if one.strip() and not one.startswith(grammar.MARK)]
    prompt = next((n for n, one in enumerate(plain) if one.startswith(grammar.PROMPT.strip())), 0)
    return plain[: prompt + 1]


def _tally(material: Material, done: int) -> Tally:
    tally, lines = Tally(), material.journal
    for ms, size in zip(lines.milliseconds[:done], lines.sizes[:done], strict=True):
        tally.attempted += 1
        tally.add_ok(ms, int(size))
    return tally


def _report(page: Path) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        print("pictures: no browser here: docs/pictures/report.png stays as it is")
        return
    width, height = SIZE
    with tempfile.TemporaryDirectory(prefix="kyu-pictures-") as place:
        while True:
            shot = Path(place) / "report.png"
            subprocess.run(
                [
                    browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={place}/profile", f"--window-size={width},{height}",
                    f"--force-device-scale-factor={SCALE}",
                    f"--screenshot={shot}", page.resolve().as_uri(),
                ],
                check=True,
                capture_output=True,
            )  # fmt: skip
            if shot.stat().st_size <= REPORT_MAX:
                break
            height -= 100
        _keep(PICTURES / "report.png", shot.read_bytes(), REPORT_MAX)


def _keep(path: Path, content: bytes, most: int) -> None:
    if len(content) > most:
        sys.exit(f"pictures: {path} would have {len(content):,} bytes, more than {most:,}")
    path.write_bytes(content)
    print(f"pictures: {path}, {len(content):,} bytes")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
