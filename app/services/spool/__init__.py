"""A queue on the service's own disk, for records that arrive while the database is unavailable."""
