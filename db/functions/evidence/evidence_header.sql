-- The first line of an evidence bundle.

CREATE OR REPLACE FUNCTION audit.evidence_header(p_tenant_id text, p_state jsonb, OUT text text, OUT state jsonb)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_time       CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
    v_start_time timestamptz := p_state ->> 'start_time';
    v_end_time   timestamptz := p_state ->> 'end_time';
    v_is_window  boolean := num_nonnulls(v_start_time, v_end_time) > 0;
BEGIN
    text := concat(
        '{"evidence":1,"tenant_id":', to_json(p_tenant_id),
        ',"created_at":"', to_char(clock_timestamp() AT TIME ZONE 'UTC', c_time),
        '","epochs":[', (SELECT string_agg(e.epoch ->> 'epoch', ',') FROM jsonb_array_elements(p_state -> 'epochs') AS e (epoch)),
        '],"window":', CASE WHEN v_is_window THEN concat(
            '{"start_time":', coalesce('"' || to_char(v_start_time AT TIME ZONE 'UTC', c_time) || '"', 'null'),
            ',"end_time":', coalesce('"' || to_char(v_end_time AT TIME ZONE 'UTC', c_time) || '"', 'null'), '}') ELSE 'null' END, E'}\n');
    state := p_state || jsonb_build_object('step', CASE WHEN v_is_window THEN 'window' ELSE 'leaves' END, 'position', 0, 'leaf', 0);
END
$$;

COMMENT ON FUNCTION audit.evidence_header IS
    'text: the line that an evidence bundle begins with; state: for the step after it. Runs as its caller.';
REVOKE ALL ON FUNCTION audit.evidence_header FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.evidence_header TO audit_trusted;
