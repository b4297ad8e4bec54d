"""What `kyu soak` can run: the scenarios of this folder by name, and a user's own by file.

Rules     the request of a number depends on the number and the seed alone, so that a run can be
          resumed and repeated.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rig import scenario
from rig.errors import UserError, looked_for, told
from rig.scenario import Body
from rig.scenarios import test_clients, test_night, test_transfers, test_wire
from rig.traffic.pool import Work
from rig.traffic.request import Request
from rig.traffic.visit import Visit

#: In the order of `kyu scenarios`.
MODULES = (test_transfers, test_clients, test_wire, test_night)
_MARK = "::"


@dataclass(frozen=True, slots=True)
class Mix:
    """`parallel` is the default number of clients; the rest too can be changed by options."""

    name: str
    what: str
    request: Callable[[int, int], Work]
    transfers: int = 200
    parallel: int = 1
    faults: str = ""  # what its wire does, unless --faults says otherwise
    hours: float | None = None  # instead of a number of transfers
    needs: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """One line for people."""
        length = f"{self.transfers} transfers" if self.hours is None else f"{self.hours:g} hours"
        name = Path(self.faults).name if self.faults.endswith(".toml") else self.faults
        wire = f"; wire: {name}" if self.faults else ""
        needs = f"; needs {', '.join(self.needs)}" if self.needs else ""
        return f"{self.what} ({length}, {self.parallel} at once{wire}{needs})"


def of(body: Body) -> Mix:
    terms = scenario.terms_of(body)
    return Mix(
        scenario.name_of(body),
        scenario.what(body),
        lambda number, seed: Visit(body, seed, number),
        terms.transfers,
        terms.parallel,
        terms.faults,
        terms.hours,
        terms.needs,
    )


def bodies(module: ModuleType) -> Iterator[Body]:
    """Every test of a module that takes `guest` and nothing else, in their order."""
    for name, found in list(vars(module).items()):
        own = inspect.isfunction(found) and found.__module__ == module.__name__
        if own and name.startswith("test_") and [*inspect.signature(found).parameters] == ["guest"]:
            yield found


MIXES = {mix.name: mix for module in MODULES for mix in map(of, bodies(module))}


def find(name: str) -> Mix:
    """By a name of `kyu scenarios`, or `FILE.py::test_name`. Raises UserError that lists them."""
    plain = name.replace("-", "")  # `halfclose` is half-close: so it is called in older runs
    for mix in MIXES.values():
        if mix.name.replace("-", "") == plain:
            return mix
    path, mark, wanted = name.partition(_MARK)
    if not path.endswith(".py"):
        raise UserError(f"no scenario is named {name!r}", mend=f"there are {', '.join(MIXES)}")
    found = in_file(Path(path))
    chosen = [mix for body, mix in found.items() if not mark or body.__name__ == wanted]
    if len(chosen) != 1:
        names = ", ".join(f"{path}{_MARK}{body.__name__}" for body in found)
        what = f"no scenario is named {wanted!r}" if mark else f"it holds {len(found)} scenarios"
        if hasattr(sys.modules[_module_name(Path(path))], wanted or "-"):
            what = f"{wanted} is no scenario: that is a function which takes guest and nothing else"
        raise UserError(what, where=path, mend=f"there are {names}" if names else "write one")
    return chosen[0]


def in_file(path: Path) -> dict[Body, Mix]:
    """The scenarios of a user's own file. Raises UserError when it cannot be imported."""
    with looked_for(path):
        known = sys.modules.get(_module_name(path))
        if known is None and not path.is_file():
            raise UserError(f"no file {path}")
    known = known or _imported(path)
    return {body: of(body) for body in bodies(known)}


def _module_name(path: Path) -> str:
    """Its own, within the packages that the file is in: what it imports from them is found."""
    own = f"kyu_scenarios_of_{abs(hash(path.resolve())):x}"
    return ".".join([*_packages(path)[1], own])


def _packages(path: Path) -> tuple[Path, list[str]]:
    """The folder that pytest puts on the path for this file, and the packages from there down."""
    folder, names = path.resolve().parent, list[str]()
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, names


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_module_name(path), path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    folder = str(_packages(path)[0])
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # pytest.skip() and an exit are no Exceptions
        del sys.modules[spec.name]
        raise UserError(told(error), where=str(path)) from None
    return module


def generated(size: int, chunk: int) -> Callable[[int, int], Work]:
    """--bytes and --chunk: `gen` instead of what a scenario asks."""

    def request(number: int, seed: int) -> Request:
        return Request("gen", size, scenario.dice(number, seed).getrandbits(31), chunk)

    return request
