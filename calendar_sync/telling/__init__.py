"""Telling someone how a run went: pings, notices, hooks, metrics. None of it can fail a run.

Addresses are secrets: they live in files or variables that `[tell]` names, and are never printed,
logged or put into the text of an error.
"""
