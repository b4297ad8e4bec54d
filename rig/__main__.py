"""python -m rig: the same as kyu."""

from rig.cli import main

main()
