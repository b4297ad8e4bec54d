"""What stands beside and below the help of each command: a line for the list, and examples.

Rules     an example is a command line that works as it stands; the words behind it say what for.
"""

from __future__ import annotations

import click

#: Fits on a line of 80 columns beside the name.
BRIEF = {
    "bench": "What the firmware does and costs, measured.",
    "bisect": "Which commit brought a failure that comes now and then.",
    "compare": "Two runs: fixed, worse, the same, or not known yet.",
    "completion": "Makes a shell complete commands and options.",
    "defects": "What can be planted in the defects image.",
    "doctor": "What this host lacks, and the command that mends it.",
    "explain": "A saved log or run: verdict, traceback, who waits.",
    "history": "All nights: runs, failures, how often each image fails.",
    "inspect": "A board or a core from outside: threads, locks, pools.",
    "packetdrill": "Scripts of others against the hosted stack.",
    "report": "Tells a run again: text, HTML, JUnit XML, OpenMetrics.",
    "run": "Boots, and talks to the console.",
    "scenarios": "What can be run.",
    "sdcard": "An SD card's image that boots a real board.",
    "selftest": "Does the rig find what is planted, and nothing else?",
    "sim": "Looks for bugs in the simulator, and replays them.",
    "soak": "Transfer after transfer, judged.",
}
EXAMPLES = {
    "soak": """
        kyu soak                                       200 transfers, about a second
        kyu soak overnight --keep-going                a night of everything
        kyu soak churn abandon --hours 1 --seed 7      two scenarios, and chance repeated
        kyu soak --faults 'loss=1% delay=2ms'          on a bad wire
        kyu soak loss --board sim                      in virtual time, without a board
        kyu soak --board bench --board-config board.toml    a real board
        kyu soak --resume runs/NAME --transfers 5000   goes on, until there are so many""",
    "run": """
        kyu run                                        a console; Ctrl-C ends it
        kyu run --image defects --bootargs defect=abba
        kyu run -- ping -c 3 192.168.0.73              a command on the board's network""",
    "explain": """
        kyu explain console.log                        of any board, from anywhere
        kyu explain runs/NAME --full                   every thread, every frame""",
    "inspect": """
        kyu inspect runs/NAME/failures/001-hang/core   a saved core
        kyu inspect 127.0.0.1:3333                     OpenOCD's gdb server, a board that hangs""",
    "report": """
        kyu report runs/NAME                           also of a run that was killed""",
    "compare": """
        kyu compare runs/monday runs/tuesday""",
    "history": """
        kyu history --last 14                          two weeks
        kyu history add /mnt/other/runs/NAME           a run of another machine""",
    "bisect": """
        kyu bisect v0.1 HEAD --scenario churn          which commit, and how sure that is""",
    "sdcard": """
        kyu sdcard --bootargs ip=192.168.0.73/24       then dd, as it says""",
    "selftest": """
        kyu selftest --minutes 60 --busy               an hour, the host kept at work""",
    "sim": """
        kyu sim find mcopym                            a bug of the story, from fresh seeds
        kyu sim explore --seconds 600                  whatever there is to find""",
    "defects": """
        kyu soak --image defects --bootargs defect=panic:3""",
    "scenarios": """
        kyu scenarios                                  those that come along
        kyu scenarios test_mine.py                     and your own""",
}
ENVIRONMENT = "KYU_HISTORY names the file of all runs, where --history does not."


def apply(group: click.Group) -> None:
    """Gives every command of `group` its line and its examples."""
    for name, command in group.commands.items():
        command.short_help = BRIEF[name]
        if name in EXAMPLES:
            lines = [line.strip() for line in EXAMPLES[name].strip().splitlines()]
            command.epilog = "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
        if name in ("soak", "history", "bisect"):
            command.epilog = f"{command.epilog}\n\n{ENVIRONMENT}"
