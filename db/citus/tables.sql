-- Distributes the records by tenant: all of a tenant lie in one shard, on one node. Records that are there already move into the shards, in the same
-- transaction, and their number is compared before and after.
--
-- A unique index is checked within a shard, so the key begins with the tenant: one record an id in a tenant, where a single server says one record
-- an id. A shard cannot refer to audit.tenants, which stays on the coordinator: as a table of every node it would turn each table that refers to it
-- into one of Citus's. The functions that enter a tenant look it up there.
DO $$
DECLARE
    v_before bigint;
    v_after  bigint;
BEGIN
    IF EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = 'audit.audit_logs'::regclass) THEN
        RETURN;
    END IF;
    ALTER TABLE audit.audit_logs DROP CONSTRAINT audit_logs_tenant_id_fkey;
    ALTER TABLE audit.audit_logs DROP CONSTRAINT audit_logs_pkey, ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (tenant_id, id);
    COMMENT ON CONSTRAINT audit_logs_pkey ON audit.audit_logs IS 'A record is written once in its tenant.';
    -- To count as the owner, in this transaction alone, which has the table to itself.
    ALTER TABLE audit.audit_logs NO FORCE ROW LEVEL SECURITY;
    SELECT count(*) INTO v_before FROM audit.audit_logs;
    PERFORM create_distributed_table('audit.audit_logs', 'tenant_id', shard_count => current_setting('ringfence.shards')::int);
    SELECT count(*) INTO v_after FROM audit.audit_logs;
    IF v_after <> v_before THEN
        RAISE EXCEPTION 'of % records % have come into the shards', v_before, v_after USING ERRCODE = 'data_corrupted';
    END IF;
    -- The records lie in the coordinator's file too, where no erasure would find them.
    GRANT TRUNCATE ON audit.audit_logs TO audit_owner;
    PERFORM truncate_local_data_after_distributing_table('audit.audit_logs');
    REVOKE TRUNCATE ON audit.audit_logs FROM audit_owner;
    ALTER TABLE audit.audit_logs FORCE ROW LEVEL SECURITY;
END
$$;
