-- Whether the records lie in shards already: a row, or none.
SELECT p.logicalrelid FROM pg_dist_partition AS p WHERE p.logicalrelid = to_regclass('audit.audit_logs');
