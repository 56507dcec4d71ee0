-- Erases the private part of one record: its user, error and context go together, since one digest covers them.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.erase_record(p_tenant_id text, p_id uuid, p_reference text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_gone record;
BEGIN
    IF coalesce(length(p_reference), 0) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'an erasure has a reference of 1 to 200 characters' USING ERRCODE = 'RF003', COLUMN = 'reference';
    END IF;
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    IF NOT EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.id = p_id AND l.tenant_id = p_tenant_id) THEN
        RAISE EXCEPTION 'the tenant has no record of this id' USING ERRCODE = 'RF003', COLUMN = 'id';
    END IF;
    IF audit.lock_tree_to_keep(p_tenant_id, p_wait => true) IS NULL
       OR NOT EXISTS (SELECT FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.record_id = p_id) THEN
        RAISE EXCEPTION 'not sealed yet' USING ERRCODE = 'RF010', HINT = 'Records are sealed within seconds. Try again.';
    ELSIF audit.held_records(p_tenant_id, ARRAY[p_id]) <> '{}' THEN
        RAISE EXCEPTION 'a legal hold keeps this record' USING ERRCODE = 'RF011';
    END IF;
    v_gone := audit.erase_records(p_tenant_id, ARRAY[p_id]);
    IF v_gone.p_leaves IS NOT NULL THEN
        PERFORM audit.append_gone_statements('erase', p_tenant_id, v_gone.p_epochs, v_gone.p_leaves, clock_timestamp());
        PERFORM audit.record_keeping_event('record erased', p_tenant_id, jsonb_build_object('record', p_id, 'reference', p_reference));
    END IF;
    PERFORM audit.leave_tenant();
END
$$;

COMMENT ON FUNCTION audit.erase_record IS
    'Erases user_id, error and context of one record for good; the record itself and its proofs stay. Repeating it changes nothing. p_reference: the request, by which others find it, 1 to 200 characters; it stays in the event, so name no person in it. Call audit.refresh_statistics() afterwards. RF002 when '
    'the tenant is not registered, RF003 when it has no such record, or without a reference, RF009 when it is not what was sealed, RF010 when it is not sealed yet, RF011 when it is held. Records the act '
    '"record erased". The transaction has no tenant afterwards. SECURITY DEFINER: audit_eraser has no privilege on any table, and audit_keeper '
    'alone may change a record.';
REVOKE ALL ON FUNCTION audit.erase_record FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.erase_record TO audit_eraser;
SET ROLE audit_owner;
