"""kyu: the command line. Parses, hands over, and turns errors into one line and an exit status.

0 passed · 1 the board failed · 2 wrong usage or configuration · 3 the rig failed · 130 interrupted
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rig import __version__, arguments, help_text, outlet
from rig.bench.commands import bench
from rig.campaign.commands import bisect, history, selftest
from rig.conformance.command import packetdrill
from rig.errors import RigError, UserError
from rig.report.text import escaped, several
from rig.sim.commands import sim

USAGE, RIG, INTERRUPTED = 2, 3, 130


def main() -> None:
    """The entry point: never a traceback for what a user can mend."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """The whole program, but for leaving the process."""
    outlet.provide()
    if "_KYU_COMPLETE" in os.environ:
        kyu.main(words, prog_name="kyu")  # a shell that asks; it leaves when that is told
    with outlet.checked():
        return _checked(words)


def _checked(words: list[str]) -> int:
    try:
        return _command(words)
    except click.ClickException as error:
        where = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "kyu"
        )
        message = " ".join(error.format_message().split())
        return _say(f"{message.rstrip('.')} (see {where} --help)", USAGE)
    except UserError as error:
        return _say(str(error), USAGE)
    except RigError as error:
        return _say(f"the rig failed: {error}", RIG)
    except (KeyboardInterrupt, click.Abort):
        return _say("", INTERRUPTED, prefix="")  # ends the terminal's line with ^C
    except outlet.UnheardError as error:
        if error.gone:  # say nothing more, as others do in `kyu … | head`
            return INTERRUPTED
        return _say(f"the rig failed: what it prints cannot be written: {error.strerror}", RIG)
    except Exception as error:
        return _fault(error)


def _command(words: list[str]) -> int:
    """As click's main() does it; but that takes a reader who has gone for a failure, status 1."""
    try:
        with kyu.make_context("kyu", list(words)) as context:
            status = kyu.invoke(context)
    except click.exceptions.Exit as left:
        status = left.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = USAGE
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def _fault(error: Exception) -> int:
    """Whoever reports it needs to know where it was."""
    told = " ".join(f"{type(error).__name__}: {error}".split())
    with contextlib.suppress(OSError):
        click.echo(several("".join(traceback.format_exception(error)).rstrip()), err=True)
    return _say(f"a fault of the rig itself: {told}", RIG)


def _say(line: str, status: int, *, prefix: str = "kyu: ") -> int:
    with contextlib.suppress(OSError):  # then the status has to say it
        click.echo(f"{prefix}{escaped(line)}", err=True)
    return status


_PATH = click.Path(path_type=Path)
_BOARD = click.option(
    "--board", default="qemu", show_default=True, help="qemu, bench, labgrid or sim."
)


def _bench(command: Callable[..., int]) -> Callable[..., int]:
    """The options of a board on the bench."""
    for name, told in (
        ("--board-ip", "bench: the board's address. [default: 192.168.0.73]"),
        ("--host-iface", "bench: the interface that leads to it, never changed."),
        ("--baud", "bench: of the serial line. [default: 115200]"),
        ("--serial", "bench: its serial line: a device, socket:// or rfc2217://."),
        ("--board-config", "bench: board.toml (docs/bench-setup.md)."),
    ):
        kind = click.IntRange(min=300) if name == "--baud" else None
        command = click.option(name, help=told, type=kind)(command)
    return command


def _rack(command: Callable[..., int]) -> Callable[..., int]:
    """The options of boards that are borrowed from labgrid."""
    for name, told, metavar in (
        ("--place-wait", "labgrid: so long one of a kind is waited for. [default: 0]", "SECONDS"),
        ("--coordinator", "labgrid: where. [default: $LG_COORDINATOR, or this host]", "ADDRESS"),
        ("--place", "labgrid: the board, or any of a kind (docs/rack.md).", "NAME|TAG=VALUE[,…]"),
    ):
        wait = name == "--place-wait"
        kind = arguments.Finite(min=0) if wait else None
        default = 0.0 if wait else None
        command = click.option(name, help=told, type=kind, metavar=metavar, default=default)(
            command
        )
    return command


_IMAGE = click.option(
    "--image", type=_PATH, help="The firmware, or: defects. [default: build/board/kyu.elf]"
)
_BOOTARGS = click.option(
    "--bootargs", default="", metavar="TEXT", help="Boot arguments, KEY=VALUE …."
)
_WIRE = click.option("--wire", default="auto", show_default=True, help="auto, tap or slirp.")


def _scenarios_like(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    from rig.scenarios.mixes import MIXES

    return [name for name in MIXES if name.startswith(begun)]


_HISTORY = click.option(
    "--history",
    type=_PATH,
    envvar="KYU_HISTORY",
    help="The file of all runs. [default: history.sqlite beside the run folders]",
)
_HOST_PORT = click.option(
    "--host-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="slirp: where wangdoodle appears on 127.0.0.1. [default: a free port]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kyu")
def kyu() -> None:
    """Boots the Kyu firmware, soaks it over the network and says what happened.

    Exit status: 0 passed, 1 the board failed, 2 wrong usage or configuration, 3 the rig failed,
    130 interrupted.
    """


kyu.add_command(sim)
kyu.add_command(bench)
kyu.add_command(packetdrill)
kyu.add_command(history)
kyu.add_command(bisect)
kyu.add_command(selftest)


@kyu.command()
@click.argument("scenario", nargs=-1, shell_complete=_scenarios_like)
@_BOARD
@click.option("--transfers", type=click.IntRange(min=1), help="How many. [default: 200]")
@click.option("--hours", type=arguments.Finite(min=0, min_open=True), help="Instead: for how long.")
@click.option("--parallel", type=click.IntRange(1, 256), help="Clients at once.")
@click.option(
    "--bytes", "size", type=click.IntRange(0, 1 << 40), help="A seeded stream of this size."
)
@click.option(
    "--chunk", type=click.IntRange(1, 1 << 20), help="The board writes it in such pieces."
)
@_IMAGE
@_BOOTARGS
@_WIRE
@_bench
@_rack
@_HOST_PORT
@click.option(
    "--faults",
    default="",
    metavar="PLAN",
    help="What the wire does to frames: 'loss=1% delay=2ms', or a .toml file (docs/faults.md).",
)
@click.option(
    "--seed", type=click.IntRange(0, (1 << 64) - 1), default=0, help="Of all that is random."
)
@click.option("--out", type=_PATH, help="The run folder. [default: runs/UTC-SCENARIO]")
@click.option(
    "--resume",
    "resume_dir",
    type=_PATH,
    help="Go on with this run; its own options hold, whatever is not said anew.",
)
@click.option("--keep-going", is_flag=True, help="After a failure restart the board and go on.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but the verdict.")
@click.option(
    "--metrics",
    default="",
    metavar="[ADDRESS:]PORT",
    help="Answer Prometheus there while it runs; on 127.0.0.1 without ADDRESS.",
)
@_HISTORY
def soak(
    scenario: tuple[str, ...],
    out: Path | None,
    resume_dir: Path | None,
    *,
    quiet: bool,
    history: Path | None,
    metrics: str,
    **rest: Any,
) -> int:
    """Transfer after transfer, every byte compared, the console watched. See kyu scenarios."""
    from rig import soak_command
    from rig.options import CALM, SoakOptions
    from rig.wire import choose

    given = arguments.given()
    if resume_dir is not None:
        arguments.check_resume(given)
        return soak_command.resume(
            resume_dir,
            transfers=rest["transfers"],
            hours=rest["hours"],
            keep_going=rest["keep_going"],
            quiet=quiet,
            history=history,
            metrics=metrics,
        )
    image = rest.pop("image")
    arguments.lend(given, rest)
    arguments.check_board(given, rest["board"])
    choose.check(rest["wire"], rest["host_port"], faulty=rest["faults"] not in ("", CALM))
    options = SoakOptions(
        scenarios=scenario or ("soak",), image=None if image is None else str(image), **rest
    )
    return soak_command.soak(options, out, quiet=quiet, history=history, metrics=metrics)


@kyu.command("run", context_settings={"ignore_unknown_options": True})
@_BOARD
@_IMAGE
@_BOOTARGS
@_WIRE
@_bench
@_rack
@_HOST_PORT
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), default=0)
@click.option("--raw", is_flag=True, help="Show the lines for programs too.")
@click.option("--seconds", type=arguments.Finite(min=0, min_open=True), help="Stop after so long.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run_board(**rest: Any) -> int:
    """Boot, and talk to the console; end with Ctrl-C.

    With a COMMAND (after --), run it beside the board, on its network, and then stop:
    kyu run -- ping -c 3 192.168.0.73
    """
    from rig import run_command
    from rig.wire import choose

    given = arguments.given()
    arguments.lend(given, rest)
    arguments.check_board(given, rest["board"])
    choose.check(rest["wire"], rest["host_port"])
    return run_command.run_board(run_command.RunOptions(**rest))


@kyu.command()
@click.argument("card", type=_PATH, default=Path("build/sdcard.img"), metavar="[FILE]")
@_IMAGE
@_BOOTARGS
@click.option("--uboot", type=_PATH, help="u-boot-sunxi-with-spl.bin. [default: Debian's]")
def sdcard(card: Path, image: Path | None, bootargs: str, uboot: Path | None) -> None:
    """Write the image of an SD card that boots by itself; say how it comes to a card."""
    from rig.board import bootargs as boot
    from rig.board import image as images
    from rig.board import sdcard as cards

    loader = uboot or cards.uboot()
    if loader is None:
        raise UserError("there is no U-Boot here", where="--uboot", mend="ci/uboot fetches it")
    cards.write(card, images.find(image), boot.merge({}, bootargs), loader)
    click.echo(cards.told(card))


@kyu.command()
@click.argument("saved", type=_PATH, metavar="LOG|RUN")
@_IMAGE
@click.option("--full", is_flag=True, help="Every thread with all its frames.")
def explain(saved: Path, image: Path | None, *, full: bool) -> int:
    """A saved serial log or run folder: verdict, traceback, who waits for whom.

    The log may be packed by gzip.
    """
    from rig import explain as explaining
    from rig.explain_text import render

    symbols = explaining.SymbolsByBuild(saved, image)
    found = explaining.load(saved)
    click.echo(render(found, symbols, full=full))
    return explaining.exit_status(found)


@kyu.command()
@click.argument("target", default="", metavar="[CORE|SOCKET|HOST:PORT]")
@click.option("--image", type=_PATH, help="The firmware. [default: the one of make firmware]")
@click.option("--core", type=_PATH, metavar="FILE", help="Save the board as an ELF core for gdb.")
@click.option("--frames", type=_PATH, metavar="FILE", help="Save its last frames as pcapng.")
@click.option(
    "--form",
    type=click.Choice(["text", "record", "json"]),
    default="text",
    show_default=True,
    help="For people, as the board would print it, or for programs.",
)
@click.option("--leave-halted", is_flag=True, help="Do not let the board go on.")
def inspect(**rest: Any) -> int:
    """Halt a board and tell its threads, locks and pools from its memory, or from a saved core.

    The board is not asked: it may be mute. Without a TARGET it is the one that runs in the
    emulator (kyu run, kyu soak). Any gdb server will do: for a real board OpenOCD's, as in
    kyu inspect 127.0.0.1:3333.
    """
    from rig import inspect_command

    return inspect_command.inspect(inspect_command.InspectOptions(**rest))


@kyu.command()
@click.argument("folder", type=_PATH, metavar="RUN")
def report(folder: Path) -> None:
    """Tell a run, finished or killed; write report.html, junit.xml and metrics.prom into it."""
    from rig.report import files, told
    from rig.report.material import load

    material = load(folder)
    click.echo(told.summary_text(material))
    files.write(folder, material)
    click.echo(f"\nwritten: {', '.join(str(folder / name) for name in files.NAMES)}")


@kyu.command()
@click.argument("before", type=_PATH, metavar="OLD")
@click.argument("after", type=_PATH, metavar="NEW")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def compare(before: Path, after: Path, *, as_json: bool) -> None:
    """Two runs: is it fixed, worse, the same, or not known yet?

    OLD and NEW are run folders. May be asked while a run still goes on, as often as you like.
    """
    from rig.report import compare as comparing
    from rig.report import told
    from rig.report.material import load

    old, new = load(before), load(after)
    found = comparing.compare(
        *(comparing.Rate(one.figures.failed, one.figures.transfers_attempted) for one in (old, new))
    )
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo("\n".join([comparing.render(found), *told.beside(old, new)]))


@kyu.command()
@click.argument("files", nargs=-1, type=_PATH, metavar="[FILE.py …]")
def scenarios(files: tuple[Path, ...]) -> None:
    """What can be run; or those in files of your own (docs/writing-a-scenario.md)."""
    from rig.scenarios.mixes import MIXES, in_file

    for file in files:
        for body, mix in in_file(file).items():
            click.echo(escaped(f"{file}::{body.__name__}  {mix.described}"))
    if not files:
        for mix in MIXES.values():
            click.echo(f"{mix.name:<11} {mix.described}")


@kyu.command()
def defects() -> None:
    """What can be planted in build/defects/kyu.elf by --bootargs defect=NAME[:ARG]."""
    from rig.defects import DEFECTS
    from rig.story import STORY_BUGS

    for defect in DEFECTS:
        click.echo(f"{defect.spelling:<18} {defect.what:<52} found as {defect.cause.value}")
    click.echo(
        "\nand the bugs of the story, which kyu sim find looks for (docs/planted-bugs.md):\n"
    )
    for bug in STORY_BUGS:
        click.echo(f"{bug.name:<18} {bug.what:<52} found as {bug.found_as}")


@kyu.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Prints what makes a SHELL complete commands and options of kyu.

    \b
    bash   echo 'eval "$(kyu completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(kyu completion zsh)"' >> ~/.zshrc
    fish   kyu completion fish > ~/.config/fish/completions/kyu.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, "one of the three that click knows"
    click.echo(kind(kyu, {}, "kyu", "_KYU_COMPLETE").source())


@kyu.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> int:
    """What this host lacks, why it is needed, and the command that mends it."""
    from rig import doctor as doctors

    status: int = doctors.main(as_json=as_json)
    return status


help_text.apply(kyu)

if __name__ == "__main__":
    main()
