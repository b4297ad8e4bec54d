"""Walks base/intrusive_list.hpp in memory that may be damaged.

Rules     a walk always ends: at the head, at a link that was seen already, at one that cannot be
          read or that nothing leads back to, after `limit` members. What was found until then
          counts, and what was wrong is said. A board may have been halted in the middle of putting
          a member in: one link that does not lead back is no reason to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rig.inspect.layout import LayoutError, View
from rig.inspect.memory import UnreadableError


def members(of: View, limit: int, complain: Callable[[str], None]) -> Iterator[View]:
    """The members of an IntrusiveList<T, Tag>, front to back."""
    kind = of.type.parameter("T")
    (_, link), *_ = of["head_"].type.bases
    shift = next((offset for offset, base in kind.bases if base is link), None)
    if shift is None:
        raise LayoutError(f"{kind.name} is no member of {of.type.name}")
    head = of["head_"].address
    at, before = View(of.memory, link, head), head
    seen = {head}
    while True:
        try:
            following = at["next_"].unsigned()
            if following == head:
                return
            at = View(of.memory, link, following)
            leads_back = at["prev_"].unsigned() == before
            if not leads_back:
                complain(f"list of {kind.name}: {following:08x} does not lead back to {before:08x}")
            after = View(of.memory, link, at["next_"].unsigned())
            if not leads_back and after["prev_"].unsigned() != following:
                return
        except UnreadableError as error:
            return complain(f"list of {kind.name}: {error}")
        if following in seen:
            return complain(f"list of {kind.name}: it leads in a circle at {following:08x}")
        if len(seen) > limit:
            return complain(f"list of {kind.name}: more than {limit} members")
        yield View(of.memory, kind, following - shift)
        seen.add(following)
        before = following
