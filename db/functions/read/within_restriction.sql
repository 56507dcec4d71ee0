-- The filters and the window of a page, narrowed to what a key with this restriction shows: a filter that is not given takes the value of the
-- restriction, and the window is the part that lies in both. The policies hold whatever this answers; it lets an index find the rows.

CREATE OR REPLACE FUNCTION audit.within_restriction(
    p_restriction      json,
    p_order            text,
    INOUT p_agent_id   text,
    INOUT p_trace_id   text,
    INOUT p_user_id    text,
    INOUT p_mode       text,
    INOUT p_status     text,
    INOUT p_after_time timestamptz,
    INOUT p_after_id   uuid,
    INOUT p_last_time  timestamptz,
    INOUT p_last_id    uuid,
    OUT p_column       text,
    OUT p_is_empty     boolean)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_least    CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    c_greatest CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    v_agent_id text        := p_restriction ->> 'agent_id';
    v_trace_id text        := p_restriction ->> 'trace_id';
    v_user_id  text        := p_restriction ->> 'user_id';
    v_mode     text        := p_restriction ->> 'mode';
    v_status   text        := p_restriction ->> 'status';
    v_start    timestamptz := coalesce(p_restriction ->> 'start_time', '-infinity');
    v_end      timestamptz := coalesce(p_restriction ->> 'end_time', 'infinity');
BEGIN
    p_is_empty := coalesce(p_agent_id <> v_agent_id, false) OR coalesce(p_trace_id <> v_trace_id, false)
        OR coalesce(p_user_id <> v_user_id, false) OR coalesce(p_mode <> v_mode, false) OR coalesce(p_status <> v_status, false);
    p_agent_id := coalesce(p_agent_id, v_agent_id);
    p_trace_id := coalesce(p_trace_id, v_trace_id);
    p_user_id := coalesce(p_user_id, v_user_id);
    p_mode := coalesce(p_mode, v_mode);
    p_status := coalesce(p_status, v_status);
    -- In the order of audit.filtered_page().
    p_column := CASE WHEN v_trace_id IS NOT NULL THEN 'trace_id' WHEN v_user_id IS NOT NULL THEN 'user_id'
                     WHEN v_agent_id IS NOT NULL THEN 'agent_id' WHEN v_status IS NOT NULL THEN 'status' WHEN v_mode IS NOT NULL THEN 'mode' END;

    -- The positions of audit.list_audit_logs(), which a page lies beyond, and up to and including.
    IF p_order = 'desc' THEN
        IF p_after_time >= v_end THEN
            p_after_time := v_end;
            p_after_id := c_least;
        END IF;
        IF p_last_time < v_start THEN
            p_last_time := v_start;
            p_last_id := c_least;
        END IF;
    ELSE
        IF p_after_time < v_start THEN
            p_after_time := v_start - interval '1 microsecond';
            p_after_id := c_greatest;
        END IF;
        IF p_last_time >= v_end THEN
            p_last_time := v_end - interval '1 microsecond';
            p_last_id := c_greatest;
        END IF;
    END IF;
END
$$;

COMMENT ON FUNCTION audit.within_restriction IS
    'The arguments of audit.filtered_page() narrowed to a restriction. p_column: the first filter that the restriction has, NULL where it is a '
    'window alone; p_is_empty: a filter asks for another value than the restriction has, so nothing is found.';
REVOKE ALL ON FUNCTION audit.within_restriction FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.within_restriction TO audit_trusted;
