-- What is left to do for a tenant that leaves, one row a step. It tells whether there are records, and none of them.

CREATE OR REPLACE FUNCTION audit.offboarding(p_tenant_id text)
RETURNS TABLE (step text, is_done boolean, detail text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_keys     bigint;
    v_links    bigint;    -- that would open one more
    v_holds    bigint;
    v_terms    record;
    v_tree     record;
    v_records  bigint;    -- as many leaves have every record of the newest tree among them
    v_export   record;    -- the last of all evidence, and whether it has these
    v_unsealed boolean;   -- whether the newest record has no leaf yet
    v_left     record;    -- created_at of the newest record of each term
BEGIN
    SELECT count(*) INTO v_keys FROM audit.api_keys AS k
    WHERE k.tenant_id = p_tenant_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    SELECT count(*) INTO v_links FROM audit.view_links AS l
    WHERE l.tenant_id = p_tenant_id AND num_nonnulls(l.opened_at, l.revoked_at) = 0 AND l.expires_at > now();
    SELECT count(*) INTO v_holds FROM audit.legal_holds AS h WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL;
    SELECT r.live_days, r.dry_run_days INTO v_terms FROM audit.list_retention() AS r WHERE r.tenant_id = p_tenant_id;

    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    SELECT t.epoch, t.size, (
        SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = p_tenant_id AND c.epoch = t.epoch) AS signed
    INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1;
    -- The newest leaf of a record, pruned or not: of the last tiles that were folded, or of those that have rows.
    v_records := greatest(
        (SELECT s.leaf_index + 1 FROM audit.seals AS s
         WHERE s.tenant_id = p_tenant_id AND s.epoch = v_tree.epoch AND s.line IS NULL ORDER BY s.leaf_index DESC LIMIT 1),
        (SELECT max((n.node_index + 1) << 8) FROM audit.seal_nodes AS n
         WHERE n.tenant_id = p_tenant_id AND n.epoch = v_tree.epoch AND n.level = 1 AND NOT EXISTS (
            SELECT FROM audit.seals AS s
            WHERE s.tenant_id = p_tenant_id AND s.epoch = v_tree.epoch AND s.leaf_index = n.node_index << 8)));
    SELECT e.created_at, coalesce((e.detail ->> 'epoch')::int = v_tree.epoch AND (e.detail ->> 'size')::bigint >= v_records, false) AS is_whole
    INTO v_export
    FROM audit.admin_events AS e
    WHERE e.tenant_id = p_tenant_id AND e.act = 'records exported' AND e.detail ->> 'format' = 'evidence'
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1;
    v_unsealed := EXISTS (
        SELECT FROM (
            SELECT l.id FROM audit.audit_logs AS l
            WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NOT NULL ORDER BY l.recorded_xid DESC, l.id DESC LIMIT 1) AS newest
        WHERE NOT EXISTS (SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = newest.id));
    SELECT (SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'DRY_RUN') AS dry_run,
           greatest((SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'LIVE'),
                    (SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode IS NULL)) AS live
    INTO v_left;
    PERFORM audit.leave_tenant();

    RETURN QUERY VALUES
        ('take its last evidence export', CASE WHEN v_unsealed THEN false WHEN v_records IS NULL THEN true WHEN v_export.is_whole THEN NULL ELSE false END,
         CASE WHEN v_export.created_at IS NULL THEN 'none was begun; verify it with python -m app.verify'
              ELSE format('the last was begun at %s; verify it with python -m app.verify', v_export.created_at) END),
        ('revoke its keys', v_keys + v_links = 0,
         format('%s open the tenant', v_keys) || CASE WHEN v_links > 0 THEN format(', and %s view links would', v_links) ELSE '' END),
        ('set its terms', (v_left.live IS NULL OR v_terms.live_days IS NOT NULL) AND (v_left.dry_run IS NULL OR v_terms.dry_run_days IS NOT NULL),
         format('LIVE %s, DRY_RUN %s', coalesce(v_terms.live_days || ' days', 'for ever'), coalesce(v_terms.dry_run_days || ' days', 'for ever'))),
        ('release its holds', v_holds = 0, format('%s hold', v_holds)),
        ('prune its records', num_nonnulls(v_left.live, v_left.dry_run) = 0,
         CASE WHEN num_nonnulls(v_left.live, v_left.dry_run) = 0 THEN 'none is left'
              WHEN v_left.live IS NOT NULL AND v_terms.live_days IS NULL OR v_left.dry_run IS NOT NULL AND v_terms.dry_run_days IS NULL
              THEN 'some are kept for ever'
              ELSE format('the last term ends at %s', greatest(
                   v_left.live + make_interval(hours => 24 * v_terms.live_days),
                   v_left.dry_run + make_interval(hours => 24 * v_terms.dry_run_days))) END),
        ('keep its last checkpoint', coalesce(v_tree.signed = v_tree.size, v_tree.size IS NULL),
         CASE WHEN v_tree.size IS NULL THEN 'nothing was ever sealed'
              ELSE format('epoch %s: %s of %s leaves are signed', v_tree.epoch, coalesce(v_tree.signed, 0), v_tree.size) END);
END
$$;

COMMENT ON FUNCTION audit.offboarding IS
    'What is left to do for a tenant that leaves: step, is_done and detail, in this order. Only an export of all evidence counts that was begun when every '
    'record had a leaf and a checkpoint; is_done is NULL then: whether it arrived and was verified, the database cannot know. RF002 when the tenant is not registered. SECURITY '
    'DEFINER: audit_admin reads no record, and learns here whether there are any.';
REVOKE ALL ON FUNCTION audit.offboarding FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.offboarding TO audit_admin;
