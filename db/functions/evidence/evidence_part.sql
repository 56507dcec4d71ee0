-- One part of an evidence bundle, and the state for the next: as audit.export_audit_logs(), which calls it, and says why in parts.

CREATE OR REPLACE FUNCTION audit.evidence_part(p_state jsonb)
RETURNS TABLE (lines bytea, state text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_leaves    CONSTANT int := 1024;      -- of one page
    c_found     CONSTANT int := 5000;      -- records of a window that are looked up at once
    c_bytes     CONSTANT int := 2097152;   -- of one part, but for its last page
    v_tenant_id text := audit.required_tenant('read');
    v_state     jsonb := p_state;
    v_next      record;
    v_bytes     bigint := 0;
    v_until     timestamptz := clock_timestamp() + interval '1 second';
BEGIN
    -- A state that somebody has made up is no state of an export.
    IF jsonb_typeof(p_state -> 'epochs') IS DISTINCT FROM 'array'
       OR EXISTS (
            SELECT FROM (VALUES ('position', 9), ('leaf', 18), ('count', 18)) AS n (name, digits)
            WHERE p_state ->> n.name !~ format('^[0-9]{1,%s}$', n.digits))
       OR EXISTS (
            SELECT FROM jsonb_path_query(p_state, '$.epochs[*]') AS e (epoch)
            CROSS JOIN (VALUES ('epoch', 9), ('size', 18), ('signed', 18), ('first', 18), ('last', 18)) AS n (name, digits)
            WHERE e.epoch ->> n.name !~ format('^-?[0-9]{1,%s}$', n.digits))
       OR EXISTS (
            SELECT FROM jsonb_path_query(p_state, '$.epochs[*].cuts') AS c (cuts)
            WHERE c.cuts::text !~ '^(null|\[([0-9]{1,18}(, )?)*\])$') THEN
        RAISE EXCEPTION 'no export is under way in this transaction' USING ERRCODE = 'RF003', COLUMN = 'state',
            HINT = 'Call audit.begin_export(), and audit.continue_export() with what it returns.';
    END IF;

    LOOP
        IF v_state ->> 'step' = 'header' THEN
            v_next := audit.evidence_header(v_tenant_id, v_state);
        ELSIF v_state ->> 'step' = 'window' THEN
            v_next := audit.evidence_window(v_tenant_id, v_state, c_found);
        ELSE
            v_next := audit.evidence_leaves(v_tenant_id, v_state, c_leaves);
        END IF;
        v_state := v_next.state;
        lines := convert_to(v_next.text, 'UTF8');
        state := v_state;
        RETURN NEXT;
        v_bytes := v_bytes + length(lines);
        EXIT WHEN v_state IS NULL OR v_bytes >= c_bytes OR clock_timestamp() >= v_until;
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.evidence_part IS
    'The next part of the evidence bundle that audit.begin_evidence() has begun, in UTF-8. state: where the lines beside it end; NULL: they '
    'are the last, and the bundle is complete. RF003 when the state has no epochs, or what should be numbers are none; '
    'RF001 when no tenant is set, RF006 when the key may not read, RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.evidence_part FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.evidence_part TO audit_trusted;
