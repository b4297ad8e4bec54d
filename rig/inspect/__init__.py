"""The board looked at from outside: halted, its memory read, its own code not asked."""
