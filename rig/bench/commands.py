"""kyu bench …: the command line of what is measured."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path

import click

from rig.arguments import json_option, write_json

_PATH = click.Path(path_type=Path)
_IMAGE = click.option("--image", type=_PATH, help="The firmware. [default: build/board/kyu.elf]")
_JSON = json_option("Write the table here too.")
_AT_LEAST_ONE = click.IntRange(1)


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """What the firmware does and costs, measured on the emulated board.

    Without a command: the network's table. Compare it with a peer in the same run: docs/bench.md.
    """
    if context.invoked_subcommand is None:
        context.invoke(network)


@bench.command()
@_IMAGE
@_JSON
def kernel(image: Path | None, json_file: Path | None) -> None:
    """Guest instructions of a thread switch, a semaphore's hand-over and a lock."""
    from rig.bench import kernel as measuring
    from rig.board import image as images
    from rig.wire.choose import choose

    with contextlib.closing(choose("slirp")) as wire:
        costs = measuring.measure(images.find(image), wire)
    for cost in costs:
        click.echo(f"{measuring.LABELS.get(cost.what, cost.what):<46} {cost.instructions:8.1f}")
    table = {"unit": "guest instructions", "kernel": [asdict(cost) for cost in costs]}
    write_json(json_file, table)


@bench.command()
@_IMAGE
@_JSON
@click.option("--transfers", type=_AT_LEAST_ONE, default=300, show_default=True)
@click.option(
    "--stream", type=_AT_LEAST_ONE, default=50_000_000, show_default=True, metavar="BYTES"
)
@click.option("--wire", default="auto", show_default=True, help="auto, tap or slirp.")
def network(
    image: Path | None, json_file: Path | None, transfers: int, stream: int, wire: str
) -> None:
    """Transfers a second, streams both ways, boot to the first connection, instructions a byte."""
    from rig.bench import network as measuring
    from rig.board import image as images
    from rig.wire.choose import choose

    load = measuring.Load(transfers, stream)
    with contextlib.closing(choose(wire)) as one_wire:
        figures = measuring.measure(images.find(image), one_wire, load)
    for one in figures:
        click.echo(f"{one.what:<34} {one.value:10.3f} {one.unit}")
    write_json(json_file, {"load": asdict(load), "network": [asdict(one) for one in figures]})


@bench.command()
@_IMAGE
@_JSON
@click.option("--transfers", type=_AT_LEAST_ONE, default=4000, show_default=True, help="A turn.")
@click.option("--rounds", type=_AT_LEAST_ONE, default=5, show_default=True)
@click.option("--wire", default="auto", show_default=True, help="auto, tap or slirp.")
def rig(image: Path | None, json_file: Path | None, transfers: int, rounds: int, wire: str) -> None:
    """The rig's own speed, every byte compared, beside a plain C client that compares nothing."""
    from rig.bench import beside
    from rig.board import image as images
    from rig.wire.choose import choose

    click.echo(f"{rounds} rounds of 2 x {transfers:,} transfers", err=True)
    with contextlib.closing(choose(wire)) as one_wire:
        found = beside.measure(images.find(image), one_wire, transfers=transfers, rounds=rounds)
    for name, turns in (("the rig", found.rig), ("plain C", found.plain)):
        each = "  ".join(f"{one:7.1f}" for one in turns)
        click.echo(f"{name}   {each}   transfers a second")
    click.echo(f"ratio of the medians   {found.ratio:.2f}")
    write_json(json_file, {**asdict(found), "ratio": found.ratio})
