"""The rig as a package: installed elsewhere, it runs the image that it brought along."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.board import image as images
from rig.console.symbols import symbols_of

ROOT = Path(__file__).resolve().parents[2]
Kyu = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "ci" / "wheel").exists():
        pytest.skip("this is the package itself: only a repository can pack it")
    images.find(None, images.DEFECTS)
    to = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [ROOT / "ci" / "wheel", to], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    (found,) = to.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def kyu(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Kyu:
    """`kyu` of an environment of its own, which borrows nothing but the libraries."""
    place = tmp_path_factory.mktemp("elsewhere")
    venv.create(place / "venv", symlinks=True)
    python = place / "venv" / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = place / "venv" / "lib" / version / "site-packages" / "libraries.pth"
    libraries.write_text(sysconfig.get_path("purelib") + "\n")
    command = ["-m", "pip", "--quiet", "--python", str(python), "install", "--no-deps"]
    subprocess.run([sys.executable, *command, "--no-index", str(wheel)], check=True, timeout=100)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [place / "venv" / "bin" / "kyu", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=place,
            timeout=100,
        )

    return run


def test_the_wheel_holds_both_images_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"rig/images/board/kyu.elf", "rig/images/defects/kyu.elf"} <= {*names}
    assert [name for name in names if name.startswith("rig/tests/")] == []


def test_a_soak_runs_the_image_that_came_along(kyu: Kyu) -> None:
    done = kyu("soak", "--transfers", "20", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "20 good of 20" in done.stdout
    assert symbols_of(images.find(None)).build_id.startswith(_build(done.stdout))


def test_so_does_the_image_with_planted_failures(kyu: Kyu) -> None:
    done = kyu("soak", "--image", "defects", "--transfers", "3", "--out", "planted")
    assert done.returncode == 0, done.stderr
    assert symbols_of(images.find(None, images.DEFECTS)).build_id.startswith(_build(done.stdout))


def test_the_doctor_asks_for_no_compiler(kyu: Kyu) -> None:
    done = kyu("doctor")
    assert done.returncode == 0, done.stdout
    assert "qemu-system-arm" in done.stdout
    assert "gcc" not in done.stdout


def _build(said: str) -> str:
    return said.partition("build ")[2].split()[0]
