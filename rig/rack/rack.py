"""Places of a labgrid coordinator: borrowed by name or by kind, and all of them given back.

Context   the main thread; a context manager, so that whatever happens the places are given back.
Rules     what was borrowed is written down the moment it is ours, also when Ctrl-C comes then.
          A place that is given up stays borrowed until the end: nobody else of the same kind gets
          it meanwhile, and neither do we.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rig.errors import RigError, UserError
from rig.rack.client import LabgridClient, Refused, TooLate

Say = Callable[[str], None]
WHERE = "--place"

_ACQUIRED = re.compile(r"^acquired place (\S+)$", re.MULTILINE)
_FIELD = re.compile(r"^\s*(token|state|main): (\S+)$", re.MULTILINE)
_RESOURCE = re.compile(
    r"^Acquired resource '(?P<name>[^']*)' \([^)]*\):\n(?P<dict>(?:^\s+.*\n?)+)", re.MULTILINE
)
_ORPHAN = re.compile(r"^Orphaned resource '[^']*' \((?P<path>[^)]*)\)", re.MULTILINE)
_TAG = re.compile(r"[a-z][a-z0-9_]*=[\w.-]+")


@dataclass(frozen=True, slots=True)
class Resource:
    """`params` as the exporter tells them; `extra` is what it says of itself."""

    cls: str
    params: dict[str, Any]
    available: bool


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    resources: tuple[Resource, ...]


class Rack:
    def __init__(self, client: LabgridClient, asked: str, say: Say, *, wait_s: float = 0.0) -> None:
        """`asked`: a name, or the tags of a kind, `kind=orangepi-pc[,room=…]`. `wait_s`: so long
        one waits for a place of that kind. Raises UserError.
        """
        if not asked:
            raise UserError(
                "which place?", where=WHERE, mend="NAME, or TAG=VALUE for any of a kind"
            )
        self.client, self.asked, self._say, self._wait_s = client, asked, say, wait_s
        self._tags = asked.split(",") if "=" in asked else []
        if wrong := [tag for tag in self._tags if not _TAG.fullmatch(tag)]:
            raise UserError(f"{wrong[0]!r} is no TAG=VALUE", where=WHERE)
        self._ours: list[str] = []
        self._tokens: list[str] = []

    @property
    def of_a_kind(self) -> bool:
        return bool(self._tags)

    def __enter__(self) -> Rack:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever cannot be given back is told, and the rest is given back all the same."""
        while self._ours:
            self._return("place", self._ours[-1], "release")
            self._ours.pop()
        while self._tokens:
            self._return("reservation", "", "cancel-reservation", self._tokens[-1])
            self._tokens.pop()

    def _return(self, what: str, name: str, *command: str) -> None:
        try:
            self.client.run(name, *command)
        except KeyboardInterrupt:
            pass  # it was done all the same, and the others are still to be given back
        except (Refused, RigError) as why:
            self._say(f"{what} {name or command[-1]} could not be given back: {why}")

    def borrow(self) -> Place:
        """A place that we have not had yet.

        Raises UserError when there is none of that name, RigError when it is not to be had now.
        """
        if not self.of_a_kind:
            return self._look(self._acquire(self.asked))
        refused: list[str] = []
        while True:
            token, name = self._reserve()
            if name in refused:
                raise RigError(f"of {self.asked} only {name} is free, and it is not to be had")
            try:
                return self._look(self._acquire(f"+{token}"))
            except RigError as why:
                self._say(f"place {name} is passed over: {why}")
                refused.append(name)

    def _reserve(self) -> tuple[str, str]:
        """(token, name) of a place that the coordinator has chosen for us."""
        try:
            said = self.client.run("", "reserve", *self._tags, then=self._reserved)
            found = dict(_FIELD.findall(said))
            if found.get("state") == "waiting" and self._wait_s > 0:
                self._say(f"waits for a place with {self.asked}")
                with contextlib.suppress(TooLate):
                    said = self.client.run("", "wait", found["token"], seconds=self._wait_s)
                    found |= dict(_FIELD.findall(said.rpartition("token:")[2]))
        except Refused as no:
            raise RigError(f"labgrid: {no}") from None
        if found.get("state") != "allocated":
            raise RigError(f"no place with {self.asked} is free at {self.client.address}")
        # Of a reservation: `main: TAGS` of its filters comes first, `main: PLACE` is the last.
        return found["token"], found["main"]

    def _reserved(self, said: str) -> None:
        self._tokens.append(dict(_FIELD.findall(said))["token"])

    def _acquire(self, pattern: str) -> str:
        try:
            self.client.run(pattern, "acquire", then=self._acquired)
        except Refused as no:
            words = str(no)
            if "matches nothing" in words or "matches multiple" in words:
                raise UserError(f"{words} at {self.client.address}", where=WHERE) from None
            raise RigError(f"labgrid: {words}") from None
        return self._ours[-1]

    def _acquired(self, said: str) -> None:
        found = _ACQUIRED.search(said)
        if found is None:
            raise RigError(f"labgrid-client acquire says {said.strip()[:80]!r}")
        self._ours.append(found[1])

    def _look(self, name: str) -> Place:
        try:
            said = self.client.run(name, "show")
        except Refused as no:
            raise RigError(f"labgrid: {no}") from None
        if orphan := _ORPHAN.search(said):
            raise RigError(f"place {name}: the exporter of {orphan['path']} is gone")
        return Place(name, tuple(_resources(said)))


def _resources(said: str) -> Iterator[Resource]:
    for found in _RESOURCE.finditer(said):
        try:
            content = ast.literal_eval(found["dict"].strip())
            yield Resource(content["cls"], content["params"], bool(content["avail"]))
        except (ValueError, SyntaxError, KeyError, TypeError):
            raise RigError(
                f"labgrid-client show says of {found['name']} what is not read"
            ) from None
