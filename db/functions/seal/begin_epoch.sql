-- Begins a new epoch for every tenant: after a restore or a failover, before the service writes again. What was committed and not sealed
-- is sealed in the old epoch, then a new tree begins with a statement that links the two, and says what the operator knew of the old
-- one. All of it in one transaction: after a crash it is run again.

CREATE OR REPLACE FUNCTION audit.begin_epoch(p_reason text, p_known json)
RETURNS TABLE (tenant_id text, epoch int, previous_epoch int, previous_size bigint, known_size bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
#variable_conflict use_column
DECLARE
    v_secret_id text        := (SELECT s.id::text FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL);
    v_began_at  timestamptz := clock_timestamp();
    v_end       xid8;
    v_tenant    text;
    v_old       record;
    v_known     record;
    v_epoch     int;
    v_line      text;
BEGIN
    IF p_reason IS NULL OR p_reason NOT IN ('restore', 'failover') THEN
        RAISE EXCEPTION 'an epoch begins after a restore or a failover' USING ERRCODE = 'RF003', COLUMN = 'reason';
    END IF;
    -- One snapshot: a record is sealed in the old epoch if it is in it, and in the new one if it is not.
    IF current_setting('transaction_isolation') <> 'repeatable read' THEN
        RAISE EXCEPTION 'an epoch begins in a transaction that is REPEATABLE READ' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    v_end := audit.snapshot_end(pg_current_snapshot());
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM set_config('app.scope', 'seal', true);

    FOR v_tenant IN SELECT t.id FROM audit.tenants AS t ORDER BY t.id LOOP
        v_epoch := audit.seal_remaining(v_tenant, v_secret_id);
        SELECT t.epoch, t.size, t.root INTO STRICT v_old
        FROM audit.trees AS t WHERE t.tenant_id = v_tenant AND t.epoch = v_epoch;
        -- The head of that epoch, and the newest epoch that was known: when this server has lost a whole epoch, its number is not used again.
        SELECT max(k.size) FILTER (WHERE k.epoch = v_old.epoch) AS size,
               (array_agg(lower(k.root) ORDER BY k.size DESC) FILTER (WHERE k.epoch = v_old.epoch))[1] AS root,
               greatest(max(k.epoch), v_old.epoch) AS epoch
        INTO v_known
        FROM json_to_recordset(coalesce(p_known, '[]')) AS k (tenant_id text, epoch int, size bigint, root text)
        WHERE k.tenant_id = v_tenant;
        v_epoch := v_known.epoch + 1;
        v_line := audit.epoch_leaf_line(v_tenant, v_epoch, v_old.epoch, v_old.size, v_old.root, v_known.size, v_known.root, p_reason,
                                        v_began_at);

        -- The new tree goes on after the snapshot. Records with a leaf are passed over, whatever number they have.
        INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, sealed_xid, sealed_id, began_at)
        VALUES (v_tenant, v_epoch, 0, audit.tree_root(''), '', v_end,
                'ffffffff-ffff-ffff-ffff-ffffffffffff', v_began_at);
        PERFORM audit.append_statement(v_tenant, v_epoch, v_line);
        PERFORM audit.record_admin_event('epoch begun', v_tenant, NULL, jsonb_build_object(
            'epoch', v_epoch, 'reason', p_reason, 'previous_size', v_old.size, 'known_size', v_known.size));
        RETURN QUERY SELECT v_tenant, v_epoch, v_old.epoch, v_old.size, v_known.size;
    END LOOP;
    PERFORM audit.leave_tenant();

    RETURN QUERY
    SELECT k.tenant_id, NULL::int, k.epoch, NULL::bigint, max(k.size)
    FROM json_to_recordset(coalesce(p_known, '[]')) AS k (tenant_id text, epoch int, size bigint, root text)
    WHERE NOT EXISTS (SELECT FROM audit.tenants AS t WHERE t.id = k.tenant_id)
    GROUP BY k.tenant_id, k.epoch ORDER BY k.tenant_id, k.epoch;
END
$$;

COMMENT ON FUNCTION audit.begin_epoch IS
    'Closes the newest epoch of every tenant and begins the next. p_reason: restore or failover. p_known: the last heads that the signer '
    'knows, a JSON array of objects with tenant_id, epoch, size and root (hexadecimal); NULL when nothing is known. Returns for each '
    'tenant the new epoch and the old one with its size and the size that was known of it: leaves are lost where that is larger. A '
    'tenant that is known and not registered any more has no epoch: all of it is lost. Needs a transaction that is REPEATABLE READ, and '
    '55006 while other transactions write. Records the act "epoch begun". SECURITY DEFINER: it proves each tenant in turn, with the '
    'scope seal, which no key has.';
REVOKE ALL ON FUNCTION audit.begin_epoch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.begin_epoch TO audit_admin;
