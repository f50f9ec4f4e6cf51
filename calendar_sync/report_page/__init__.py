"""`report`: one HTML page about a home. Self-contained, without scripts, safe with any title."""
