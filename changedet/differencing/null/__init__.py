"""Null models: how often quiet ground looks changed, and the thresholds that follow."""
