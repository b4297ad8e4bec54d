"""Text from a board or a run folder, made fit to be shown. Pure.

Rules     a board, or whoever made the folder, chose these characters. Whatever would steer a
          terminal, turn the reading direction or be no XML is shown as its escape.
"""

from __future__ import annotations

LINE_MAX = 500


def line(text: str) -> str:
    """One line, at most LINE_MAX characters."""
    return _cut(escaped(text[: LINE_MAX + 1]))


def escaped(text: str) -> str:
    """One line, however long."""
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def several(text: str) -> str:
    """Several lines, however long; tabs become spaces."""
    return "\n".join(escaped(one.expandtabs(8)) for one in text.split("\n"))


def block(text: str) -> str:
    """Several lines, each at most LINE_MAX characters; tabs become spaces."""
    return "\n".join(line(one.expandtabs(8)) for one in text.splitlines())


def _cut(text: str) -> str:
    return text if len(text) <= LINE_MAX else text[: LINE_MAX - 1] + "…"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
