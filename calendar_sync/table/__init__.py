"""The CSV: the wide table, its presets, and a sort that needs little memory."""
