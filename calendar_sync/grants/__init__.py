"""The grant: whose client asks, what was given, where it is kept, how it is renewed and ended."""
