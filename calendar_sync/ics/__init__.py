"""ICS files: RFC 5545 with RFC 7986 properties, written as a stream, read back by no one here."""
