-- Places a legal hold: records that match it are neither pruned nor erased until it is released.

CREATE OR REPLACE FUNCTION audit.place_hold(
    p_tenant_id  text,
    p_reason     text,
    p_reference  text,
    p_user_id    text        DEFAULT NULL,
    p_agent_id   text        DEFAULT NULL,
    p_trace_id   text        DEFAULT NULL,
    p_start_time timestamptz DEFAULT NULL,
    p_end_time   timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_id uuid := audit.uuid_v7();
BEGIN
    -- Waits for a prune or an erasure of this tenant that is under way: what comes after this hold's commit respects it.
    PERFORM audit.enter_tenant_to_keep(p_tenant_id);
    PERFORM audit.lock_tree_to_keep(p_tenant_id, p_wait => true);
    INSERT INTO audit.legal_holds (id, tenant_id, user_id, agent_id, trace_id, start_time, end_time, reason, reference, placed_by, placed_at)
    VALUES (v_id, p_tenant_id, p_user_id, p_agent_id, p_trace_id, p_start_time, p_end_time, p_reason, p_reference, session_user, now());
    -- No condition: it may name a person.
    PERFORM audit.record_admin_event('hold placed', p_tenant_id, NULL, jsonb_build_object('hold', v_id));
    PERFORM audit.leave_tenant();
    RETURN v_id;
END
$$;

COMMENT ON FUNCTION audit.place_hold IS
    'Places a legal hold on the records of a tenant that match all conditions that are given, those to come among them, and returns its '
    'id. p_start_time inclusive, p_end_time exclusive, of created_at. It waits for a prune or erasure under way. 23502 or 23514 when reason or '
    'reference is missing or too long, RF002 when the tenant is not registered. Records the act "hold placed". SECURITY DEFINER: audit_admin '
    'has no privilege on any table.';
REVOKE ALL ON FUNCTION audit.place_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.place_hold TO audit_admin;
