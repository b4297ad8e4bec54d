"""Foreign judges of the stack: packetdrill and the scripts that others wrote for it."""
