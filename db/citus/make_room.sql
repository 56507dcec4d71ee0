-- For a worker, before the coordinator makes its shards: the empty table that a migration has made there gives way. A worker that has tenants or
-- records of its own was a server of its own before, and is refused.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass('audit.audit_logs')
               AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = c.oid)) THEN
        IF EXISTS (SELECT FROM audit.tenants) THEN
            RAISE EXCEPTION 'a worker has tenants of its own: only the coordinator may have any' USING ERRCODE = 'object_in_use';
        END IF;
        DROP TABLE audit.audit_logs;
    END IF;
END
$$;
