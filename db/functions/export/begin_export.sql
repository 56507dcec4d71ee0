-- The first step of an export: checks the arguments, and records the export as an event. Commit before the next step.

CREATE OR REPLACE FUNCTION audit.begin_export(
    p_api_key     text        DEFAULT NULL,
    p_format      text        DEFAULT 'ndjson',
    p_agent_id    text        DEFAULT NULL,
    p_trace_id    text        DEFAULT NULL,
    p_user_id     text        DEFAULT NULL,
    p_mode        text        DEFAULT NULL,
    p_status      text        DEFAULT NULL,
    p_http_status int         DEFAULT NULL,
    p_start_time  timestamptz DEFAULT NULL,
    p_end_time    timestamptz DEFAULT NULL,
    p_order       text        DEFAULT 'desc',
    p_api_key_id  text        DEFAULT NULL,
    p_context     json        DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    v_context json;
    v_filter  text;
    v_state   jsonb;
    v_detail  jsonb;   -- of the event
BEGIN
    PERFORM audit.required_tenant('read');
    IF p_format IS NULL OR p_format NOT IN ('ndjson', 'csv', 'evidence') THEN
        RAISE EXCEPTION 'format is ndjson, csv or evidence' USING ERRCODE = 'RF003', COLUMN = 'format';
    ELSIF p_order IS NULL OR p_order NOT IN ('asc', 'desc') THEN
        RAISE EXCEPTION 'order is asc or desc' USING ERRCODE = 'RF003', COLUMN = 'order';
    ELSIF p_mode NOT IN ('DRY_RUN', 'LIVE') THEN
        RAISE EXCEPTION 'mode is DRY_RUN or LIVE' USING ERRCODE = 'RF003', COLUMN = 'mode';
    ELSIF p_status NOT IN ('started', 'success', 'error', 'denied') THEN
        RAISE EXCEPTION 'status is started, success, error or denied' USING ERRCODE = 'RF003', COLUMN = 'status';
    END IF;
    IF p_format = 'evidence' THEN
        -- A bundle shows every leaf of its window, in the order of the tree: leaves that a filter leaves out would look deleted.
        SELECT f.name INTO v_filter
        FROM (VALUES ('agent_id', p_agent_id IS NULL), ('trace_id', p_trace_id IS NULL), ('user_id', p_user_id IS NULL),
                     ('mode', p_mode IS NULL), ('status', p_status IS NULL), ('http_status', p_http_status IS NULL),
                     ('api_key_id', p_api_key_id IS NULL), ('context', p_context IS NULL)) AS f (name, is_absent)
        WHERE NOT f.is_absent LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'evidence is filtered by start_time and end_time alone' USING ERRCODE = 'RF003', COLUMN = v_filter;
        END IF;
        v_state := audit.begin_evidence(p_start_time, p_end_time);
    ELSE
        IF p_context IS NOT NULL THEN
            v_context := audit.context_filter(p_context);
        END IF;
        v_state := jsonb_build_object(
            'format', p_format, 'order', p_order, 'agent_id', p_agent_id, 'trace_id', p_trace_id, 'user_id', p_user_id,
            'mode', p_mode, 'status', p_status, 'http_status', p_http_status, 'start_time', p_start_time,
            'end_time', p_end_time, 'api_key_id', p_api_key_id, 'context', v_context, 'count', 0);
    END IF;

    -- How far a whole bundle will go, so that audit.offboarding() can tell whether something is in no export.
    v_detail := CASE
        WHEN p_format <> 'evidence' THEN jsonb_build_object('format', p_format)
        WHEN num_nonnulls(p_start_time, p_end_time) > 0 THEN jsonb_build_object('format', 'evidence of a window')
        ELSE jsonb_build_object('format', 'evidence', 'epoch', v_state -> 'epochs' -> -1 -> 'epoch', 'size', v_state -> 'epochs' -> -1 -> 'size') END;
    -- Refuses where no tenant is proven.
    PERFORM audit.record_export(p_api_key, v_detail);
    RETURN v_state;
END
$$;

COMMENT ON FUNCTION audit.begin_export IS
    'Records that the transaction''s tenant exports its records, and returns the state for audit.continue_export(). '
    'p_api_key: the key that proved the tenant, where one did. p_format: ndjson, csv, or evidence, a bundle of leaves and checkpoints, which '
    'takes no order and no filters but the times. Filters as in audit.list_audit_logs(). RF001 when no tenant is '
    'set or proven, RF002 when it is not registered, RF003 when an argument is refused, RF005 and RF007 when the key is, RF006 '
    'when the key may not read, RF010 when there is no evidence yet, because no checkpoint is signed, or none since something was pruned or erased.';
REVOKE ALL ON FUNCTION audit.begin_export FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.begin_export TO audit_trusted, audit_keyed;
