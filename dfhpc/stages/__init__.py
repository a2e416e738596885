"""Stages: each reads the run directory, does one thing, and marks it done there."""
