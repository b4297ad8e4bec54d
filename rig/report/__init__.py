"""Reports render; they never judge."""
