-- Prunes the due records of one tenant until its end or a deadline, mode by mode, and says so in its tree and its events.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.prune_tenant(p_tenant_id text, p_deadline timestamptz, OUT p_pruned bigint, OUT p_is_done boolean)
RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_days   record;
    v_term   record;
    v_batch  record;
    v_epochs int[];          -- of the mode at hand
    v_leaves bigint[];
    v_times  timestamptz[];
    v_counts jsonb    := '{}';
    v_first  timestamptz;
    v_last   timestamptz;
    v_at     text;
    v_seen   int      := 0;
BEGIN
    p_pruned := 0;
    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    IF audit.lock_tree_to_keep(p_tenant_id, p_wait => false) IS NULL THEN
        -- Another is at this tenant, and may leave something to do; or nothing is sealed, and nothing may go.
        p_is_done := CASE WHEN NOT EXISTS (SELECT FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id) THEN true END;
        RETURN;
    END IF;
    SELECT r.pass_mode INTO v_at FROM audit.retention AS r WHERE r.tenant_id = p_tenant_id FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;   -- its terms are being set
    END IF;
    -- Read once they are locked: terms that were set before hold, those that are set now wait for the end of this transaction.
    SELECT r.live_days, r.dry_run_days INTO v_days FROM audit.list_retention(p_tenant_id) AS r;

    FOR v_term IN
        -- In hours: a day has 23 or 25 of them twice a year in the session's zone.
        SELECT term.mode, term.days, v_now - make_interval(hours => 24 * term.days) AS before
        FROM (VALUES (1, 'DRY_RUN', v_days.dry_run_days), (2, 'LIVE', v_days.live_days), (3, '', v_days.live_days)) AS term (number, mode, days)
        WHERE term.days IS NOT NULL
          -- A pass that stands at a mode without a term, now, begins anew.
          AND (v_days.live_days IS NULL OR term.number >= coalesce(array_position(ARRAY['DRY_RUN', 'LIVE', ''], v_at), 1))
        ORDER BY term.number
    LOOP
        v_epochs := '{}';
        v_leaves := '{}';
        v_times := '{}';
        LOOP
            PERFORM audit.enter_tenant_to_keep(p_tenant_id);   -- a proof lasts five seconds
            v_batch := audit.prune_batch(p_tenant_id, v_term.mode, v_term.before, 5000);
            v_seen := v_batch.p_seen;
            EXIT WHEN v_seen = 0;
            IF v_batch.p_leaves IS NOT NULL THEN
                v_epochs := v_epochs || v_batch.p_epochs;
                v_leaves := v_leaves || v_batch.p_leaves;
                v_times := v_times || v_batch.p_times;
            END IF;
            EXIT WHEN clock_timestamp() >= p_deadline;
        END LOOP;
        IF cardinality(v_leaves) > 0 THEN
            PERFORM audit.append_gone_statements(
                'prune', p_tenant_id, v_epochs, v_leaves, v_now, v_times, nullif(v_term.mode, ''), v_term.days);
            p_pruned := p_pruned + cardinality(v_leaves);
            v_counts := v_counts || jsonb_build_object(v_term.mode, cardinality(v_leaves));
            v_first := least(v_first, (SELECT min(created_at) FROM unnest(v_times) AS created_at));
            v_last := greatest(v_last, (SELECT max(created_at) FROM unnest(v_times) AS created_at));
        END IF;
        EXIT WHEN v_seen > 0;
    END LOOP;

    p_is_done := v_seen = 0;
    -- The tenant goes to the end of the queue, done or not.
    UPDATE audit.retention AS r SET pruned_at = v_now WHERE r.tenant_id = p_tenant_id;
    IF p_is_done THEN
        UPDATE audit.retention AS r SET pass_mode = NULL, pass_time = NULL, pass_id = NULL WHERE r.tenant_id = p_tenant_id;
    END IF;
    IF p_pruned > 0 THEN
        PERFORM audit.record_keeping_event('records pruned', p_tenant_id, jsonb_build_object(
            'count', p_pruned, 'dry_run', v_counts -> 'DRY_RUN', 'live', v_counts -> 'LIVE', 'without_mode', v_counts -> '',
            'first_created_at', v_first, 'last_created_at', v_last));
    END IF;
END
$$;

COMMENT ON FUNCTION audit.prune_tenant IS
    'Prunes due records of a tenant, at least one batch and until p_deadline. p_pruned: how many; p_is_done: whether the pass over all that is due has '
    'come to its end; NULL: it did not move, since another transaction is sealing or pruning the tenant, or setting its terms. One statement in its tree for each mode and epoch, and one '
    'event "records pruned". Nobody but audit_keeper may call it.';
REVOKE ALL ON FUNCTION audit.prune_tenant FROM PUBLIC;
SET ROLE audit_owner;
