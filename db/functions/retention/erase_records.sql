-- Erases what is personal of these records: user_id, error and context, and the salt without which nobody can guess them from their digest. The
-- digest is kept, so the leaf, the tree and every proof stand.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.erase_records(p_tenant_id text, p_ids uuid[], OUT p_epochs int[], OUT p_leaves bigint[])
RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- As in audit.keyset_page(), which says why.
SET plan_cache_mode = force_generic_plan
SET enable_sort = off
SET enable_incremental_sort = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
DECLARE
    v_ids     uuid[];
    v_digests bytea[];
    v_intact  boolean;
BEGIN
    SELECT array_agg(given.id), array_agg(s.epoch), array_agg(s.leaf_index), array_agg(made.digest),
           bool_and(s.leaf_hash = sha256(decode('00', 'hex') || convert_to(audit.record_leaf_line(l.log, encode(made.digest, 'hex')), 'UTF8')))
    INTO v_ids, p_epochs, p_leaves, v_digests, v_intact
    FROM unnest(p_ids) AS given (id)
    CROSS JOIN LATERAL (
        SELECT t.epoch, t.leaf_index, t.leaf_hash, t.salt FROM audit.seals AS t
        WHERE t.tenant_id = p_tenant_id AND t.record_id = given.id AND t.salt IS NOT NULL OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT ROW(r.id, r.trace_id, r.tenant_id, r.agent_id, r.mode, r.status, r.http_status, r.latency_ms, r.user_id, r.error,
                   r.created_at, r.recorded_at, r.api_key_id, r.context::text)::audit.listed_audit_log AS log
        FROM audit.audit_logs AS r WHERE r.id = given.id AND r.tenant_id = p_tenant_id OFFSET 0) AS l
    CROSS JOIN LATERAL (SELECT sha256(convert_to(audit.private_leaf_line(l.log, s.salt), 'UTF8')) AS digest OFFSET 0) AS made;
    -- Erased, a record that was changed could never be told from one that was not.
    IF NOT v_intact THEN
        RAISE EXCEPTION 'the tree contradicts itself' USING ERRCODE = 'RF009', DETAIL = 'a record was changed after it was sealed';
    END IF;

    -- One by one: a join would go through all leaves of the tenant where the planner takes it for small.
    FOR n IN 1 .. coalesce(cardinality(p_leaves), 0) LOOP
        UPDATE audit.seals AS s SET salt = NULL, private_sha256 = v_digests[n]
        WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epochs[n] AND s.leaf_index = p_leaves[n];
    END LOOP;
    UPDATE audit.audit_logs AS l SET user_id = NULL, error = NULL, context = NULL WHERE l.id = ANY (v_ids) AND l.tenant_id = p_tenant_id;
END
$$;

COMMENT ON FUNCTION audit.erase_records IS
    'Erases the private parts of sealed records of the tenant that is proven with the scopes keep and seal. p_epochs, p_leaves: their leaves; NULL: '
    'none was left to erase. RF009 when a record is not what was sealed. The caller has locked the tree, and left out what is held. Nobody but '
    'audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.erase_records FROM PUBLIC;
SET ROLE audit_owner;
