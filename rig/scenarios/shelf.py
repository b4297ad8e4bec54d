"""A room with boards in a rack: emulated ones, behind a real labgrid coordinator and exporter.

Rules     what labgrid sees of a board is what it would see of a real one: a serial server
          (RFC 2217), a relay by HTTP, an interface of this host, an address. The boards boot by
          themselves, as from a card, so that a power cycle is quick.
Context   a board's QEMU ends with the thread that switched it on: that of the relay, which is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from rig.board import bootargs
from rig.rack.client import OWN
from rig.scenarios import desk
from rig.scenarios.desk import Desk
from rig.scenarios.rfc2217 import SerialServer

KIND = "kind=orangepi-pc"
READY_S = 30.0
HTTP = "http" + "://"


class Shelf(Desk):
    """A board and its serial server. Its host has .1, the board .73 of 192.168.(77 + number)."""

    def __init__(self, folder: Path, image: Path, number: int) -> None:
        self.name, self.device = f"shelf-{number}", f"kyushelf{number}"
        self.host, self.board = (f"192.168.{77 + number}.{n}" for n in (1, 73))
        (folder / self.name).mkdir()
        self._page = folder / self.name / "args"
        self._page.write_bytes(bootargs.page(f"ip={self.board}/24"))
        desk.interface(self.device, self.host)
        super().__init__(folder / self.name, image, self.device)
        self.server = SerialServer(str(self.serial)).__enter__()
        self.serves = True

    def _boots_from(self, image: Path) -> list[str]:
        at = f"addr={bootargs.PAGE_ADDRESS:#x},force-raw=on"
        return ["-kernel", str(image), "-device", f"loader,file={self._page},{at}"]

    @property
    def on(self) -> bool:
        return self._child is not None

    def switch(self, *, on: bool) -> None:
        with self._lock:
            if on:
                self._cycle()
            else:
                self._off()

    def die(self) -> None:
        """No supply, and nobody at its serial line."""
        self.switch(on=False)
        self._end_serving()

    def _end_serving(self) -> None:
        if self.serves:
            self.server.__exit__(None, None, None)
            self.serves = False

    def close(self) -> None:
        self._end_serving()
        super().close()


class Room:
    """Shelves, a relay for each, and what labgrid runs: all of it ends with close()."""

    def __init__(self, folder: Path, image: Path, shelves: int) -> None:
        self._folder = folder
        self._children: list[subprocess.Popen[bytes]] = []
        self.shelves = [Shelf(folder, image, number) for number in range(1, shelves + 1)]
        self._relay = HTTPServer(("127.0.0.1", 0), _relay(self.shelves))
        threading.Thread(target=self._relay.serve_forever, daemon=True).start()
        places = {shelf.name: _place(shelf.name) for shelf in self.shelves}
        (folder / "places.yaml").write_text(json.dumps(places))  # JSON is YAML
        said = self._start("coordinator", "-l", "127.0.0.1:0", until=r"listening on (\S+)")
        self.coordinator = said[1]
        exported = {shelf.name: self._resources(shelf) for shelf in self.shelves}
        (folder / "exported.yaml").write_text(json.dumps(exported))
        words = ("-c", self.coordinator, "-n", "room", "--hostname", "127.0.0.1")
        self._start("exporter", *words, "exported.yaml", until="connected to coordinator")
        self._wait_for_resources()

    def _resources(self, shelf: Shelf) -> dict[str, object]:
        number = self.shelves.index(shelf)
        relay = f"{HTTP}127.0.0.1:{self._relay.server_port}/{{index}}/{{value}}"
        return {
            "NetworkSerialPort": {"host": "127.0.0.1", "port": shelf.server.port},
            "NetworkPowerPort": {"model": "simplerest", "host": relay, "index": number},
            "NetworkService": {"address": shelf.board, "username": "nobody"},
            "NetworkInterface": {"ifname": shelf.device},
        }

    def _start(self, what: str, *words: str, until: str) -> re.Match[str]:
        """A program of labgrid's, until it says so."""
        log = self._folder / f"{what}.log"
        with log.open("wb") as out:
            child = subprocess.Popen(
                [OWN.with_name(f"labgrid-{what}"), *words],
                cwd=self._folder,
                stdout=out,
                stderr=out,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self._children.append(child)
        ends = time.monotonic() + READY_S
        while (found := re.search(until, log.read_text())) is None:
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.02)
        return found

    def _wait_for_resources(self) -> None:
        ends = time.monotonic() + READY_S
        while self.labgrid("resources").count("NetworkService") < len(self.shelves):
            assert time.monotonic() < ends

    def labgrid(self, *words: str) -> str:
        return subprocess.run(
            [OWN, "-x", self.coordinator, *words], capture_output=True, text=True, check=True
        ).stdout

    def close(self) -> None:
        for child in reversed(self._children):
            child.kill()
            child.wait()
        self._relay.shutdown()
        self._relay.server_close()
        for shelf in self.shelves:
            shelf.close()


def _place(name: str) -> dict[str, object]:
    every = {"exporter": "room", "group": name, "cls": "*", "name": None, "rename": None}
    key, _, value = KIND.partition("=")
    return {"tags": {key: value}, "matches": [every]}


def _relay(shelves: list[Shelf]) -> type[BaseHTTPRequestHandler]:
    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, number, value = self.path.split("/")
            shelves[int(number)].switch(on=value == "1")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  likewise
            del format, args

    return Relay


def lacking() -> str:
    """Why there can be no such room here; empty when there can."""
    if not OWN.exists():
        return "labgrid is not installed in build/labgrid: ci/setup test does that"
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/net/tun", os.O_RDWR))
        return ""
    return "no /dev/net/tun here"
