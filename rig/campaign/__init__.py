"""Long runs: one board under watch, many transfers."""
