"""What is run against a board: soak mixes (mixes.py) and pytest files."""
