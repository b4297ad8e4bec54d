"""Tests of the rig itself; no board is needed."""
