"""Models trained out of core, one file each, and what they have in common."""
