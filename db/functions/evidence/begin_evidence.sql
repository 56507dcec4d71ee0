-- What an evidence bundle will hold: the epochs of the transaction's tenant, and how many leaves of each. The first step of such an
-- export; audit.evidence_part() goes on from the state. Runs as the caller; the policies decide.

CREATE OR REPLACE FUNCTION audit.begin_evidence(p_start_time timestamptz, p_end_time timestamptz)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id text := audit.required_tenant('read');
    v_is_window boolean := num_nonnulls(p_start_time, p_end_time) > 0;
    v_epochs    jsonb;
BEGIN
    IF NOT has_any_column_privilege('audit.trees', 'SELECT') THEN   -- audit_keyed, as in audit.list_audit_logs()
        RETURN audit.begin_proven_evidence(p_start_time, p_end_time);
    END IF;

    -- Ends with the newest checkpoint: what is sealed and not signed yet is left to the next bundle. An epoch that is closed is told
    -- whole, since the statement of the next one has its last root. first and last: the leaves that are shown; a window finds its own.
    -- cuts: sizes whose roots the reader compares, with the checkpoint and with the statement of the next epoch, so no subtree that is not
    -- shown may reach over one. The statement is read as text: it may not be JSON where somebody has changed it.
    SELECT jsonb_agg(
        jsonb_build_object(
            'epoch', t.epoch, 'size', told.size, 'signed', signed.size, 'cuts', (
                SELECT jsonb_agg(cut.size)
                FROM (SELECT signed.size
                      UNION ALL
                      SELECT substring(s.line FROM '"known_size":([0-9]{1,18}),')::bigint
                      FROM audit.seals AS s
                      WHERE s.tenant_id = v_tenant_id AND s.epoch > t.epoch AND s.leaf_index = 0
                        AND s.line LIKE concat('%"previous_epoch":', t.epoch, ',%')) AS cut (size)
                WHERE cut.size < told.size),
            'first', CASE WHEN NOT v_is_window THEN 0 END, 'last', CASE WHEN NOT v_is_window THEN told.size - 1 END)
        ORDER BY t.epoch)
    INTO v_epochs
    FROM audit.trees AS t
    JOIN (SELECT max(c.epoch) AS epoch FROM audit.checkpoints AS c WHERE c.tenant_id = v_tenant_id) AS newest ON t.epoch <= newest.epoch
    CROSS JOIN LATERAL (
        SELECT max(c.size) AS size FROM audit.checkpoints AS c WHERE c.tenant_id = v_tenant_id AND c.epoch = t.epoch) AS signed
    CROSS JOIN LATERAL (SELECT CASE WHEN t.epoch = newest.epoch THEN signed.size ELSE t.size END AS size) AS told
    WHERE t.tenant_id = v_tenant_id;

    IF v_epochs IS NULL THEN
        PERFORM audit.required_tree(v_tenant_id, NULL);   -- says what else may be missing
        RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', DETAIL = 'no checkpoint is signed yet',
            HINT = 'Records are sealed and signed within seconds while the signer runs. Try again.';
    END IF;
    -- The records are read as they are now, so a statement of what has gone that lies beyond the end would be missing from the bundle. The
    -- statements of a tenant are few, and have an index.
    IF EXISTS (
            SELECT FROM audit.seals AS s
            WHERE s.tenant_id = v_tenant_id AND s.line IS NOT NULL
              AND (s.epoch, s.leaf_index) >= ((v_epochs -> -1 ->> 'epoch')::int, (v_epochs -> -1 ->> 'size')::bigint)
              AND s.line ~ '^\{"version":1,"kind":"(prune|erase)",') THEN
        RAISE EXCEPTION 'not sealed yet: what has gone since the newest checkpoint is not signed yet, try again in some seconds'
            USING ERRCODE = 'RF010', HINT = 'A checkpoint is signed within seconds while the signer runs. Try again.';
    END IF;
    RETURN jsonb_build_object(
        'format', 'evidence', 'start_time', p_start_time, 'end_time', p_end_time, 'epochs', v_epochs,
        'step', 'header', 'count', 0);
END
$$;

COMMENT ON FUNCTION audit.begin_evidence IS
    'The state with which audit.export_audit_logs() begins an evidence bundle of the transaction''s tenant, for audit.begin_export(), which '
    'records it. A time: the bundle shows the leaves of that window alone. RF001 when no tenant is set or proven, RF002 when it is not '
    'registered, RF006 when the key may not read, RF010 when no checkpoint is signed yet, or something was pruned or erased since the newest.';
REVOKE ALL ON FUNCTION audit.begin_evidence FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.begin_evidence TO audit_trusted, audit_keyed;
