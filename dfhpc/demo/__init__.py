"""The demo: clips painted by code, and the whole way to verdicts on them.

The clips prove the pipeline, not the science: invented people, invented forgeries.
"""
