-- Deletes the records whose terms have ended, of every tenant that has terms, in bounded batches. A call works for at most p_milliseconds once it
-- has found something that is due, and the next one goes on with the tenant that has waited longest. A crash undoes the call, and no more.
--
-- While a call deletes, no record of any tenant is sealed that was written after it began: it is a transaction that writes. So calls are short.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.prune_records(p_milliseconds int DEFAULT 500, OUT pruned bigint, OUT is_done boolean)
RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- The warning must arrive, whatever the session has set.
SET client_min_messages = warning
AS $$
DECLARE
    v_deadline timestamptz;
    v_tenant   record;
    v_batch    record;
    v_tenants  int    := 0;
    v_idle     text[] := '{}';   -- tenants with nothing due
    v_faults   text[] := '{}';
    v_fault    text;
BEGIN
    pruned := 0;
    is_done := true;
    -- An earlier user of a pooled session may have left it with less.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    FOR v_tenant IN SELECT * FROM audit.list_retention() AS r WHERE num_nonnulls(r.live_days, r.dry_run_days) > 0 LOOP
        -- A session with more than 64 subtransactions slows down the snapshots of all others.
        IF v_tenants > 0 AND clock_timestamp() >= v_deadline OR v_tenants >= 60 THEN
            is_done := false;
            EXIT;
        END IF;
        IF NOT audit.has_due_records(v_tenant.tenant_id, v_tenant.live_days, v_tenant.dry_run_days) THEN
            v_idle := v_idle || v_tenant.tenant_id;
            CONTINUE;
        END IF;
        -- To look takes a tenth of a millisecond a tenant, and holds up nobody.
        IF v_tenants = 0 THEN
            v_deadline := clock_timestamp() + least(greatest(p_milliseconds, 1), 10000) * interval '1 millisecond';
        END IF;
        BEGIN
            v_batch := audit.prune_tenant(v_tenant.tenant_id, v_deadline);
            pruned := pruned + v_batch.p_pruned;
            is_done := is_done AND v_batch.p_is_done;
        EXCEPTION WHEN OTHERS THEN
            -- One tenant's fault does not stop the others.
            v_fault := CASE SQLSTATE WHEN 'RF009' THEN SQLSTATE ELSE coalesce(v_fault, SQLSTATE) END;
            v_faults := v_faults || format('%s: %s', v_tenant.tenant_id, SQLERRM);
            -- Its turn is over too, or it would be the first of every call, and use up its time.
            PERFORM audit.enter_tenant_to_keep(v_tenant.tenant_id);
            UPDATE audit.retention AS r SET pruned_at = clock_timestamp()
            WHERE r.tenant_id IN (
                SELECT t.tenant_id FROM audit.retention AS t WHERE t.tenant_id = v_tenant.tenant_id FOR UPDATE SKIP LOCKED);
        END;
        v_tenants := v_tenants + 1;
    END LOOP;
    PERFORM audit.leave_tenant();
    -- Those that were looked at go to the end of the queue too, where a call does not come to its end: or each would begin with them again.
    IF NOT is_done AND cardinality(v_idle) > 0 THEN
        PERFORM audit.note_looked_at(v_idle);
    END IF;
    IF v_fault IS NOT NULL THEN
        RAISE WARNING '%', array_to_string(v_faults, '; ') USING ERRCODE = v_fault;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.prune_records IS
    'Deletes due records that are sealed and not held, for at most p_milliseconds (1 to 10,000) once one is found. Their leaves keep their hashes, a statement in the '
    'tenant''s tree names them, and their ids cannot be taken again. pruned: how many; is_done: whether the pass over each tenant''s due records '
    'has come to its end (what became due, was sealed or was released behind a pass that an earlier call began is for the next one); false: call again, '
    'the pass has gone on, if only over what is held; NULL: others have the tenants'' trees or terms locked, so call again later. A tenant that fails is left '
    'out with a WARNING of its SQLSTATE (RF009: its tree contradicts itself). Records the act "records pruned". The transaction has no tenant '
    'afterwards. SECURITY DEFINER: audit_retention has no privilege on any table, and audit_keeper alone may delete.';
REVOKE ALL ON FUNCTION audit.prune_records FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.prune_records TO audit_retention;
SET ROLE audit_owner;
