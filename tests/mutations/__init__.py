"""The mutation suite: weakens a migrated database in every known way, one at a time; db/tests must notice each time."""
