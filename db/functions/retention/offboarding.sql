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
    v_holds    bigint;
    v_terms    record;
    v_exported timestamptz;
    v_newest   uuid;          -- the record that was written last
    v_is_whole boolean;       -- whether an export has it
    v_left     record;        -- created_at of the newest record of each term
    v_tree     record;
BEGIN
    IF NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant is not registered' USING ERRCODE = 'RF002';
    END IF;
    SELECT count(*) INTO v_keys FROM audit.api_keys AS k
    WHERE k.tenant_id = p_tenant_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    SELECT count(*) INTO v_holds FROM audit.legal_holds AS h WHERE h.tenant_id = p_tenant_id AND h.released_at IS NULL;
    SELECT r.live_days, r.dry_run_days INTO v_terms FROM audit.list_retention() AS r WHERE r.tenant_id = p_tenant_id;

    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    SELECT max(e.created_at) INTO v_exported FROM audit.admin_events AS e
    WHERE e.tenant_id = p_tenant_id AND e.act = 'records exported' AND e.detail ->> 'format' = 'evidence';
    SELECT l.id INTO v_newest FROM audit.audit_logs AS l
    WHERE l.tenant_id = p_tenant_id AND l.recorded_xid IS NOT NULL ORDER BY l.recorded_xid DESC, l.id DESC LIMIT 1;
    -- An export ends with the newest checkpoint of its time. What was sealed or signed later is not in it.
    v_is_whole := v_exported IS NOT NULL AND (v_newest IS NULL OR EXISTS (
        SELECT FROM audit.seals AS s
        JOIN audit.checkpoints AS c ON c.tenant_id = s.tenant_id AND c.epoch = s.epoch AND c.size > s.leaf_index AND c.created_at <= v_exported
        WHERE s.tenant_id = p_tenant_id AND s.record_id = v_newest));
    SELECT (SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'DRY_RUN') AS dry_run,
           greatest((SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode = 'LIVE'),
                    (SELECT max(l.created_at) FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.mode IS NULL)) AS live
    INTO v_left;
    SELECT t.epoch, t.size, (
        SELECT max(c.size) FROM audit.checkpoints AS c WHERE c.tenant_id = p_tenant_id AND c.epoch = t.epoch) AS signed
    INTO v_tree
    FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id ORDER BY t.epoch DESC LIMIT 1;
    PERFORM audit.leave_tenant_to_keep();

    RETURN QUERY VALUES
        ('revoke its keys', v_keys = 0, format('%s open the tenant', v_keys)),
        ('take its last evidence export, and verify it', v_is_whole,
         CASE WHEN v_exported IS NULL THEN 'no whole export of format evidence' ELSE format('the last at %s', v_exported) END),
        ('set its terms', (v_left.live IS NULL OR v_terms.live_days IS NOT NULL) AND (v_left.dry_run IS NULL OR v_terms.dry_run_days IS NOT NULL),
         format('LIVE %s, DRY_RUN %s', coalesce(v_terms.live_days || ' days', 'for ever'), coalesce(v_terms.dry_run_days || ' days', 'for ever'))),
        ('release its holds', v_holds = 0, format('%s hold', v_holds)),
        ('prune its records', num_nonnulls(v_left.live, v_left.dry_run) = 0,
         CASE WHEN num_nonnulls(v_left.live, v_left.dry_run) = 0 THEN 'none is left'
              ELSE format('the last term ends at %s', coalesce(greatest(
                   v_left.live + make_interval(hours => 24 * v_terms.live_days),
                   v_left.dry_run + make_interval(hours => 24 * v_terms.dry_run_days))::text, 'no time')) END),
        ('keep its last checkpoint', coalesce(v_tree.signed = v_tree.size, v_tree.size IS NULL),
         CASE WHEN v_tree.size IS NULL THEN 'nothing was ever sealed'
              ELSE format('epoch %s: %s of %s leaves are signed', v_tree.epoch, coalesce(v_tree.signed, 0), v_tree.size) END);
END
$$;

COMMENT ON FUNCTION audit.offboarding IS
    'What is left to do for a tenant that leaves: step, is_done and detail, in this order. Only an export of all its evidence counts, taken when '
    'its newest record was signed; whether it was verified, the database cannot know. RF002 when the tenant is not registered. SECURITY DEFINER: '
    'audit_admin reads no record, and learns here whether there are any.';
REVOKE ALL ON FUNCTION audit.offboarding FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.offboarding TO audit_admin;
