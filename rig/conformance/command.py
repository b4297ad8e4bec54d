"""kyu packetdrill: the command line of the foreign judge."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from rig.arguments import Finite, json_option, write_json
from rig.errors import UserError

_PATH = click.Path(path_type=Path)
ADAPTER = Path("build/host/firmware/port/packetdrill/libkyu-packetdrill.so")


@click.command("packetdrill")
@click.option("--packetdrill", "program", type=_PATH, help="The program. [default: on PATH]")
@click.option("--scripts", type=_PATH, required=True, help="A checkout, a folder or one script.")
@click.option("--adapter", type=_PATH, default=ADAPTER, show_default=True, help="The stack.")
@click.option(
    "--system",
    type=click.Choice(["auto", "freebsd", "linux"]),
    default="auto",
    show_default=True,
    help="Whose settings and order of options the scripts expect.",
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Scripts at once. [default: processors]")
@click.option(
    "--at-least",
    type=Finite(0, 100),
    default=95.0,
    show_default=True,
    metavar="PERCENT",
    help="Of the claimed scripts, choices left out, so many must pass.",
)
@json_option("Write every result here too.")
def packetdrill(
    program: Path | None,
    scripts: Path,
    adapter: Path,
    system: str,
    jobs: int | None,
    at_least: float,
    json_file: Path | None,
) -> int:
    """Runs packetdrill scripts of others against the hosted stack. See docs/conformance.md."""
    from rig.conformance import report, runs

    bench_program = _program(program)
    if not adapter.is_file():
        raise UserError("no adapter", where=str(adapter), mend="build it: cmake --preset host && "
                        "cmake --build --preset host --target kyu-packetdrill")  # fmt: skip
    if not scripts.exists():
        raise UserError("no such folder or script", where=str(scripts))
    found = runs.find_scripts(scripts.resolve())
    whose = runs.system_of(found) if system == "auto" else system
    bench = runs.Bench(bench_program, adapter.resolve(), whose)
    results = list(runs.run(bench, scripts.resolve(), found, jobs or os.cpu_count() or 1))
    for line in [*report.failures(results), *report.reasons(results), *report.table(results)]:
        click.echo(line)
    share = report.percent(results)
    whole = report.percent(results, with_choices=True)
    click.echo(
        f"{share:.1f} % of the claimed scripts passed, {whole:.1f} % with those that expect "
        "another system's choice"
    )
    write_json(json_file, report.as_json(results))
    return 0 if share >= at_least else 1


def _program(given: Path | None) -> Path:
    if given is not None:
        if not given.is_file() or not os.access(given, os.X_OK):
            raise UserError("no such program", where=str(given))
        return given.resolve()
    found = shutil.which("packetdrill")
    if found is None:
        raise UserError("packetdrill is not on PATH", mend="build it, and name it: --packetdrill")
    return Path(found)
