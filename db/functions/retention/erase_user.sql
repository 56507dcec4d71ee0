-- Erases a person from the records of a tenant: those of this user, and those that the person approved. It reads each record of the tenant once,
-- oldest first, in calls of a bounded time; the caller hands the position on.

SET ROLE audit_keeper;
CREATE OR REPLACE FUNCTION audit.erase_user(
    p_tenant_id    text,
    p_user_id      text,
    p_reference    text,
    p_milliseconds int         DEFAULT 500,
    p_after_time   timestamptz DEFAULT NULL,
    p_after_id     uuid        DEFAULT NULL,
    OUT erased     bigint,
    OUT held       bigint,
    OUT unsealed   bigint,
    OUT after_time timestamptz,
    OUT after_id   uuid)
RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_deadline timestamptz := clock_timestamp() + least(greatest(p_milliseconds, 1), 10000) * interval '1 millisecond';
    v_time     timestamptz := coalesce(p_after_time, '-infinity');
    v_id       uuid        := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
    v_page     record;
    v_held     uuid[];
    v_gone     record;
    v_epochs   int[]    := '{}';
    v_leaves   bigint[] := '{}';
    v_holds    int      := 0;   -- that were released, and named the person
    v_keys     int      := 0;   -- and links that showed the person's records alone
BEGIN
    IF coalesce(p_user_id, '') = '' THEN
        RAISE EXCEPTION 'a person is named' USING ERRCODE = 'RF003', COLUMN = 'user_id';
    END IF;
    IF coalesce(length(p_reference), 0) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'an erasure has a reference of 1 to 200 characters' USING ERRCODE = 'RF003', COLUMN = 'reference';
    END IF;
    -- It stays in the event, where the tenant reads it.
    IF strpos(lower(p_reference), lower(p_user_id)) > 0 THEN
        RAISE EXCEPTION 'a reference does not name the person, since it stays' USING ERRCODE = 'RF003', COLUMN = 'reference';
    END IF;
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    erased := 0;
    held := 0;
    unsealed := 0;
    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    PERFORM audit.lock_tree_to_keep(p_tenant_id, p_wait => true);
    LOOP
        PERFORM audit.enter_tenant_to_keep(p_tenant_id);   -- a proof lasts five seconds
        v_page := audit.records_of_user(p_tenant_id, p_user_id, v_time, v_id, 5000);
        v_held := audit.held_records(p_tenant_id, v_page.p_ids);
        v_gone := audit.erase_records(p_tenant_id, ARRAY(SELECT id FROM unnest(v_page.p_ids) AS id WHERE id <> ALL (v_held)));
        v_epochs := v_epochs || coalesce(v_gone.p_epochs, '{}');
        v_leaves := v_leaves || coalesce(v_gone.p_leaves, '{}');
        held := held + cardinality(v_held);
        unsealed := unsealed + cardinality(v_page.p_ids) - cardinality(v_held) - coalesce(cardinality(v_gone.p_leaves), 0);
        v_time := v_page.p_time;
        v_id := v_page.p_id;
        EXIT WHEN v_id IS NULL OR clock_timestamp() >= v_deadline;
    END LOOP;
    erased := cardinality(v_leaves);
    after_time := v_time;
    after_id := v_id;

    IF erased > 0 THEN
        PERFORM audit.append_gone_statements('erase', p_tenant_id, v_epochs, v_leaves, clock_timestamp());
    END IF;
    -- The position is the caller's word; that no record of the person is left is not.
    IF v_id IS NULL AND NOT EXISTS (SELECT FROM audit.audit_logs AS l WHERE l.tenant_id = p_tenant_id AND l.user_id = p_user_id) THEN
        UPDATE audit.legal_holds AS h SET user_id = NULL, reason = 'erased', release_reason = 'erased'
        WHERE h.tenant_id = p_tenant_id AND h.user_id = p_user_id AND h.released_at IS NOT NULL;
        GET DIAGNOSTICS v_holds = ROW_COUNT;
        v_keys := audit.end_keys_of_user(p_tenant_id, p_user_id);
    END IF;
    IF erased + v_holds + v_keys > 0 THEN
        PERFORM audit.record_keeping_event('person erased', p_tenant_id, jsonb_build_object(
            'count', erased, 'released_holds', v_holds, 'ended_keys', v_keys, 'reference', p_reference));
    END IF;
    PERFORM audit.leave_tenant();
END
$$;

COMMENT ON FUNCTION audit.erase_user IS
    'Erases user_id, error and context of the records of a tenant whose user_id, or whose approver in the context, is this, for at most '
    'p_milliseconds (1 to 10,000). p_reference: the request, by which others find it, 1 to 200 characters; it stays in the event, so name no person in it. erased: how many; held: how many a legal hold keeps; unsealed: how many wait to be sealed, so call it again '
    'from the start in some seconds. after_time, after_id: where the next call goes on; NULL: all records were read, and then, where no record has '
    'the user any more, released holds that name the person lose the name and the reasons, and keys and view links that show the person alone are ended and lose the name. Call audit.refresh_statistics() after that. RF002 when the tenant is not registered, RF003 without a user or a reference, or where the reference contains the user, RF009 when a record is not what was sealed. Records the act "person erased", with the reference, which names '
    'nobody. The transaction has no tenant afterwards. SECURITY DEFINER: audit_eraser has no privilege on any table, and audit_keeper alone may '
    'change a record.';
REVOKE ALL ON FUNCTION audit.erase_user FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.erase_user TO audit_eraser;
SET ROLE audit_owner;
