-- On a worker, before anything is changed anywhere: what it has of its own, or has got from Citus too early, cannot be a part of this cluster.
DO $$
DECLARE
    v_has_tenants boolean := false;
BEGIN
    IF to_regclass('audit.audit_logs') IS NULL THEN
        RETURN;
    END IF;
    -- Citus copies to a node that becomes active the table and the functions of its policies, and neither the secret of the proofs nor the rest. What a
    -- shard there is asked is an error, until the node is removed and prepared first.
    IF to_regclass('pgmigrate.applied_files') IS NULL THEN
        RAISE EXCEPTION 'a worker became active before it was prepared: move its shards away, citus_remove_node(), DROP SCHEMA audit CASCADE there, citus_add_inactive_node()'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF to_regclass('audit.tenants') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM audit.tenants)' INTO v_has_tenants;
    END IF;
    -- It was a server of its own before.
    IF v_has_tenants THEN
        RAISE EXCEPTION 'a worker has tenants of its own: only the coordinator may have any' USING ERRCODE = 'object_in_use';
    END IF;
END
$$;
