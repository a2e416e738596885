"""Rows of the store in the formats of other tools, a block at a time."""
