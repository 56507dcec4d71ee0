"""Patroni replaces primaries under load, as docs/high-availability.md has it; what was acknowledged is counted."""
