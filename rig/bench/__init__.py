"""What the firmware costs, measured on the emulated board."""
