"""An include that points up is found, wherever it hides; one that points down is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.arrows import check_text, check_tree


def findings(path: str, *includes: str) -> list[str]:
    text = "".join(f'#include "{include}"\n' for include in includes)
    return [finding.text for finding in check_text(Path(path), text)]


@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("firmware/base/ring.hpp", "kernel/thread.hpp"),
        ("firmware/kernel/mutex.cpp", "net/net.hpp"),
        ("firmware/kernel/mutex.cpp", "arch/armv7a/context.hpp"),
        ("firmware/net/tcp/input.cpp", "services/shell/shell.hpp"),
        ("firmware/net/tcp/input.cpp", "port/host/world.hpp"),
        ("firmware/net/tcp/input.cpp", "drivers/emac/ring.hpp"),
        ("firmware/services/echo.cpp", "apps/testserver/main.hpp"),
        ("firmware/drivers/emac/driver.cpp", "net/tcp/input.hpp"),
        ("firmware/drivers/emac/driver.cpp", "port/host/world.hpp"),
        ("firmware/board/orangepi-pc/memory_map.hpp", "kernel/thread.hpp"),
        ("firmware/apps/testserver/main.cpp", "port/host/world.hpp"),
        ("bindings/module.cpp", "drivers/emac/ring.hpp"),
    ],
)
def test_an_arrow_that_points_up_or_across_is_found(path: str, include: str) -> None:
    assert findings(path, "base/result.hpp", include) == [
        f'"{include}": {Path(path).parts[path.startswith("firmware")]} may not include this',
    ]


def test_arrows_that_point_down_are_silent() -> None:
    assert not findings("firmware/services/echo.cpp", "net/net.hpp", "kernel/thread.hpp")
    assert not findings("firmware/drivers/emac/driver.cpp", "net/link.hpp", "base/ring.hpp")
    assert not findings("firmware/apps/testserver/main.cpp", "drivers/emac/driver.hpp")


def test_a_unit_test_may_stand_on_the_hosted_kernel() -> None:
    assert not findings("firmware/net/tcp/input_test.cpp", "port/host/world.hpp")
    assert findings("firmware/net/tcp/input_test.cpp", "drivers/emac/ring.hpp")


def test_an_include_beside_the_file_is_refused() -> None:
    assert findings("firmware/net/net.cpp", "net.hpp") == [
        '"net.hpp": name it relative to firmware/'
    ]
    assert findings("firmware/net/net.cpp", "../base/ring.hpp")


def test_a_planted_include_is_found_in_a_tree(tmp_path: Path) -> None:
    source = tmp_path / "firmware" / "kernel" / "bad.cpp"
    source.parent.mkdir(parents=True)
    source.write_text('// Planted.\n#include "kernel/bad.hpp"\n  #  include "services/x.hpp"\n')
    assert [str(finding) for finding in check_tree(tmp_path)] == [
        'firmware/kernel/bad.cpp:3: "services/x.hpp": kernel may not include this',
    ]
