"""Checks of the house: layout, arrows, must-not-compile cases, and the driver of `make test`."""
