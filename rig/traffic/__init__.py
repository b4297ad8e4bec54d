"""What is asked of the board over TCP, and the comparison of what comes back."""
