"""Hostile frames: one table of what must not harm a board, for the simulator and for the wire."""
