"""kyu bench …: the command line of what is measured."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.group()
def bench() -> None:
    """What the firmware costs, measured on the emulated board."""


@bench.command()
@click.option("--image", type=_PATH, help="The firmware. [default: build/board/kyu.elf]")
@click.option("--json", "file", type=_PATH, help="Write the table here too.")
def kernel(image: Path | None, file: Path | None) -> None:
    """Guest instructions of a thread switch, a semaphore's hand-over and a lock."""
    from rig.bench import kernel as measuring
    from rig.board import image as images
    from rig.wire.choose import choose

    with contextlib.closing(choose("slirp")) as wire:
        costs = measuring.measure(images.find(image), wire)
    for cost in costs:
        click.echo(f"{measuring.LABELS.get(cost.what, cost.what):<46} {cost.instructions:8.1f}")
    if file is not None:
        table = {"unit": "guest instructions", "kernel": [asdict(cost) for cost in costs]}
        file.write_text(json.dumps(table, indent=2) + "\n")
