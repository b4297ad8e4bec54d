"""From serial bytes to events."""
