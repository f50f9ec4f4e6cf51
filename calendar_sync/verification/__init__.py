"""What a file says, what the mirror says, and where the two differ. Shares nothing with the writers."""
