"""The network between the rig and the board."""
