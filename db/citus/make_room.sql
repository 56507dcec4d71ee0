-- For a worker, before the coordinator makes its shards: the empty table that a migration has made there gives way.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass('audit.audit_logs')
               AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = c.oid)) THEN
        DROP TABLE audit.audit_logs;
    END IF;
END
$$;
