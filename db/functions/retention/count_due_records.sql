-- What audit.prune_records() would delete, without deleting it: a dry run. It reads every due record.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.count_due_records()
RETURNS TABLE (
    tenant_id text, mode text, due bigint, first_created_at timestamptz, last_created_at timestamptz, held bigint, unsealed bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
#variable_conflict use_column
DECLARE
    v_term  record;
    v_batch record;
    v_sum   record;
BEGIN
    FOR v_term IN
        -- In hours, as in audit.prune_tenant(), which says why.
        SELECT r.tenant_id, m.mode, now() - make_interval(hours => 24 * m.days) AS before
        FROM audit.list_retention() AS r
        CROSS JOIN LATERAL (VALUES (1, 'DRY_RUN', r.dry_run_days), (2, 'LIVE', r.live_days), (3, '', r.live_days)) AS m (number, mode, days)
        WHERE m.days IS NOT NULL
        ORDER BY r.tenant_id, m.number
    LOOP
        SELECT '-infinity'::timestamptz AS p_time, '00000000-0000-0000-0000-000000000000'::uuid AS p_id INTO v_batch;
        due := 0;
        held := 0;
        unsealed := 0;
        first_created_at := NULL;
        last_created_at := NULL;
        LOOP
            PERFORM audit.enter_tenant_to_keep(v_term.tenant_id);   -- a proof lasts five seconds
            v_batch := audit.due_batch(v_term.tenant_id, v_term.mode, v_term.before, v_batch.p_time, v_batch.p_id, 5000);
            EXIT WHEN v_batch.p_seen = 0;
            SELECT count(*) AS due, min(created_at) AS first, max(created_at) AS last INTO v_sum FROM unnest(v_batch.p_times) AS created_at;
            due := due + v_sum.due;
            held := held + v_batch.p_held;
            unsealed := unsealed + v_batch.p_unsealed;
            first_created_at := least(first_created_at, v_sum.first);
            last_created_at := greatest(last_created_at, v_sum.last);
        END LOOP;
        IF due + held + unsealed > 0 THEN
            tenant_id := v_term.tenant_id;
            mode := nullif(v_term.mode, '');
            RETURN NEXT;
        END IF;
    END LOOP;
    PERFORM audit.leave_tenant();
END
$$;

COMMENT ON FUNCTION audit.count_due_records IS
    'For each tenant with terms and each mode (NULL: without one): due, how many records would be deleted now, from when to when; held, how many '
    'are kept by a legal hold; unsealed, how many wait to be sealed. Only of those that have any. SECURITY DEFINER: audit_retention has no '
    'privilege on any table.';
REVOKE ALL ON FUNCTION audit.count_due_records FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.count_due_records TO audit_retention;
SET ROLE audit_owner;
