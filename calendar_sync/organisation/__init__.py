"""Many users read by one service account: who they are (`members`), one's run, and the run of all."""
