"""Test videos made worse: how, by how much, which ones, and what becomes of scores."""
