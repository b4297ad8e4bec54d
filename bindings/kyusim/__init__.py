"""The hosted firmware as a Python package, and what the rig shares with the firmware."""

from kyusim import native

__all__ = ["native"]
