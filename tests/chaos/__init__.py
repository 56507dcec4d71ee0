"""Breaks what Ringfence stands on, for real and under load, and counts what is left."""
