"""Measurements of dfhpc, each a module that prints figures and one JSON line."""
