"""The rig: boots the firmware, drives traffic, watches the console and says what happened."""

__version__ = "0.1.0"
