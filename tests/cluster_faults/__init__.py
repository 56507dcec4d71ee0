"""Nodes of a Citus cluster fail and move under load, as docs/citus.md has it; what was acknowledged is counted."""
