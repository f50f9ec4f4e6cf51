"""Foreign token files: what they are, by content alone, and the grant inside. Nothing is executed."""
