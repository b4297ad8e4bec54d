"""What a packetdrill script claims, how it is run, and how a run is told. The judge is a fake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rig import cli
from rig.conformance import report, runs, shims
from rig.conformance.choices import choice_of
from rig.conformance.claims import OFFERED, REFUSED, UNKNOWN, claim, mtu_of, settings_of, standard
from rig.conformance.runs import Outcome, Result

PLAIN = """// A comment with TCP_FASTOPEN in it.
--tolerance_usecs=1000
0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0.00 listen(3, 1) = 0
+0.00 < S 0:0(0) win 1000
+0.00 > S. 0:0(0) ack 1 <...>
"""


def judge(name: str, value: str) -> int:
    """Knows one setting, and offers it with one value."""
    if name != "net.inet.tcp.sack.enable":
        return UNKNOWN
    return OFFERED if value == "1" else REFUSED


def test_a_plain_script_counts_and_comments_do_not() -> None:
    assert claim(PLAIN, judge).counts


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("--ip_version=ipv6", "IPv6"),
        ("+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0", "TCP Fast Open"),
        ("--udp_encapsulation=tcp", "TCP in UDP"),
        ("+0 %{ assert tcpi_snd_cwnd == 10 }%", "assertions on Linux' inner figures (tcp_info)"),
        ("+0 `dd of=somewhere`", "a command that changes this host"),
        ("+0 `sysctl -w net.inet.tcp.sack.enable=0`", "setting net.inet.tcp.sack.enable=0"),
        ("+0 `sysctl -q net.x.y=7`", "unknown setting net.x.y=7"),
    ],
)
def test_a_script_that_does_not_count_says_why(line: str, reason: str) -> None:
    assert claim(f"{PLAIN}{line}\n", judge) == claim(f"{PLAIN}{line}\n", judge)
    assert claim(f"{PLAIN}{line}\n", judge).reason == reason


def test_a_setting_that_is_offered_does_not_matter() -> None:
    assert claim(f"{PLAIN}+0 `sysctl -w net.inet.tcp.sack.enable=1`\n", judge).counts


def test_segments_for_a_socket_that_was_only_bound_cannot_be_told() -> None:
    text = "0 socket(..., SOCK_STREAM, 0) = 3\n+0 bind(3, ..., ...) = 0\n+0 < S 0:0(0) win 1\n"
    assert "bound" in claim(text, judge).reason


def test_the_branch_of_the_standard_is_taken() -> None:
    text = "#ifdef STANDARD\n+0 > . 1:1(0)\n#endif\n#ifdef FreeBSD\n+0 > R 1:1(0)\n#endif\n+0 x\n"
    assert standard(text) == "+0 > . 1:1(0)\n+0 x\n"


def test_nothing_is_written_to_the_settings_of_this_host() -> None:
    text = (
        "`../common/set_sysctls.py /proc/sys/net/ipv4/tcp_ecn=0 \\\n"
        '  /proc/sys/net/ipv4/tcp_wmem="1 2 3"`\n`echo 1 > /proc/sys/net/ipv4/tcp_sack`\n'
        "`/tmp/sysctl_restore_${PPID}.sh`\n"
    )
    told = standard(text)
    assert "/proc/sys" not in told
    assert "restore" not in told
    assert [str(s) for s in settings_of(told)] == [
        "net.ipv4.tcp_ecn=0",
        "net.ipv4.tcp_wmem=1 2 3",
        "net.ipv4.tcp_sack=1",
    ]


def test_the_mtu_is_the_scripts() -> None:
    assert mtu_of(PLAIN) == 1500
    assert mtu_of(f"--mtu=9000\n{PLAIN}") == 9000


FAKE = """#!{python}
import os, subprocess, sys
script = open(sys.argv[-1]).read()
if "FAILS" in script:
    print("s.pkt:7: not what was expected", file=sys.stderr)
    sys.exit(1)
flags = dict(f.split("=") for a in sys.argv if a.startswith("--so_flags=")
             for f in a[len("--so_flags="):].split())
subprocess.run("sysctl -w a.b=1; tcpdrop -s TIME_WAIT", shell=True, check=True)
assert open(flags["control"]).read() == "set a.b=1\\ndrop TIME_WAIT\\n"
open(flags["states"], "w").write("tcp4 SYN_RCVD\\n")
subprocess.run("sockstat -4 | grep -c SYN_RCVD | grep 1", shell=True, check=True)
subprocess.run(["python", "-c", "assert TCPI_SYN_RECEIVED == 3"], check=True)
assert flags["system"] == "linux" and "SECRET" not in os.environ
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A fake packetdrill, and a folder of scripts."""
    program = tmp_path / "packetdrill"
    program.write_text(FAKE.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    scripts = tmp_path / "scripts"
    (scripts / "one").mkdir(parents=True)
    (scripts / "one" / "good.pkt").write_text(PLAIN, encoding="utf-8")
    (scripts / "one" / "bad.pkt").write_text(f"{PLAIN}// FAILS\n", encoding="utf-8")
    (scripts / "one" / "user_timeout.pkt").write_text(f"{PLAIN}// FAILS\n", encoding="utf-8")
    (scripts / "six.pkt").write_text(f"--ip_version=ipv6\n{PLAIN}", encoding="utf-8")
    (tmp_path / "adapter.so").touch()
    monkeypatch.setattr(runs, "judge_of", lambda _adapter: judge)
    monkeypatch.setenv("SECRET", "not for scripts")
    # The fake is no C program: nothing can be preloaded into it.
    plain = shims.environment

    def without_preload(*folders: Path) -> dict[str, str]:
        return {k: v for k, v in plain(*folders).items() if k != "LD_PRELOAD"}

    monkeypatch.setattr(shims, "environment", without_preload)
    return program, scripts


def test_scripts_are_run_with_commands_of_ours_and_counted_by_folder(
    bench: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, scripts = bench
    told = tmp_path / "told.json"
    options = ["--packetdrill", str(program), "--scripts", str(scripts), "--json", str(told)]
    options += ["--adapter", str(tmp_path / "adapter.so")]
    assert cli.run(["packetdrill", *options]) == 1, "half of what is claimed is not 95 %"
    assert cli.run(["packetdrill", *options, "--at-least", "50"]) == 0
    text = capsys.readouterr().out
    assert "failed  one/bad.pkt: s.pkt:7: not what was expected" in text
    assert "choice  one/user_timeout.pkt" in text
    assert "1  not claimed: IPv6" in text
    outcomes = {r["script"]: r["outcome"] for r in json.loads(told.read_text())["scripts"]}
    assert outcomes == {
        "one/bad.pkt": "failed",
        "one/user_timeout.pkt": "another system's choice",
        "one/good.pkt": "passed",
        "six.pkt": "not claimed",
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scripts", "nowhere"], "no such folder"),
        (["--packetdrill", "nowhere", "--scripts", "."], "no such program"),
        (["--adapter", "nowhere", "--scripts", "."], "no adapter"),
    ],
)
def test_wrong_usage_is_one_line(
    bench: tuple[Path, Path],
    tmp_path: Path,
    options: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usual = ["--packetdrill", str(bench[0]), "--adapter", str(tmp_path / "adapter.so")]
    assert cli.run(["packetdrill", *usual, *options]) == 2
    assert says in capsys.readouterr().err


def test_a_folder_without_scripts_is_wrong_usage(bench: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    usual = ["--packetdrill", str(bench[0]), "--adapter", str(tmp_path / "adapter.so")]
    assert cli.run(["packetdrill", *usual, "--scripts", str(tmp_path / "empty")]) == 2


def test_choices_are_told_apart_from_faults() -> None:
    results = [Result("a", ".", Outcome.PASSED), Result("b", ".", Outcome.CHOICE, "why")]
    assert report.percent(results) == 100.0
    assert report.percent(results, with_choices=True) == 50.0
    assert choice_of("rcv-syn-ack-with-data-listen-ipv4.pkt")
    assert not choice_of("rcv-rst-established-left-edge-secure-ipv4.pkt")
