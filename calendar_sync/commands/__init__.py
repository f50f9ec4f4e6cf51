"""The verbs, by subject. Each module is imported when one of its verbs is used."""
