"""kyu sim: bugs looked for, found, shrunk and replayed in the simulator."""
