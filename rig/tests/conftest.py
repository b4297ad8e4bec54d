"""No test of the rig depends on how fast the machine is."""

from hypothesis import settings

settings.register_profile("kyu", deadline=None)
settings.load_profile("kyu")
