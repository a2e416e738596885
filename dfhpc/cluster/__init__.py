"""Where work is done: a rolling window of units over workers, and how it stops."""
