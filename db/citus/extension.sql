-- Whether this database has the extension: one row with its version, or none.
SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'citus';
