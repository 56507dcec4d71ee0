-- The search for the leaves of a time window, which an evidence bundle of a window begins with: a page of its records a call. It has no
-- lines; the part that it is in may be empty.

CREATE OR REPLACE FUNCTION audit.evidence_window(p_tenant_id text, p_state jsonb, p_rows int, OUT text text, OUT state jsonb)
RETURNS record
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_greatest CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    -- As in audit.list_audit_logs(): no record lies outside of these.
    v_from timestamptz := least(greatest((p_state ->> 'start_time')::timestamptz, '1970-01-01 00:00:00+00'), '10000-01-01 00:00:00+00');
    v_to   timestamptz := greatest(least((p_state ->> 'end_time')::timestamptz, '10000-01-01 00:00:00+00'), '1970-01-01 00:00:00+00');
    v_page record;
BEGIN
    v_page := audit.leaves_in_window(
        p_tenant_id, coalesce((p_state ->> 'after_time')::timestamptz, v_from - interval '1 microsecond'),
        coalesce((p_state ->> 'after_id')::uuid, c_greatest), v_to - interval '1 microsecond', c_greatest, p_rows);
    text := '';
    -- Leaves beyond the checkpoint are left to the next bundle.
    state := p_state || jsonb_build_object('epochs', (
        SELECT jsonb_agg(e.epoch || jsonb_build_object(
                   'first', CASE WHEN found.first < (e.epoch ->> 'size')::bigint
                                 THEN least((e.epoch ->> 'first')::bigint, found.first) ELSE (e.epoch ->> 'first')::bigint END,
                   'last', CASE WHEN found.first < (e.epoch ->> 'size')::bigint
                                THEN greatest((e.epoch ->> 'last')::bigint, least(found.last, (e.epoch ->> 'size')::bigint - 1))
                                ELSE (e.epoch ->> 'last')::bigint END)
               ORDER BY e.position)
        FROM jsonb_array_elements(p_state -> 'epochs') WITH ORDINALITY AS e (epoch, position)
        CROSS JOIN LATERAL (SELECT (v_page.leaves -> (e.epoch ->> 'epoch') ->> 0)::bigint AS first,
                                   (v_page.leaves -> (e.epoch ->> 'epoch') ->> 1)::bigint AS last) AS found));
    IF v_page.reached_id IS NULL THEN
        state := state - 'after_time' - 'after_id' || jsonb_build_object('step', 'leaves');
    ELSE
        state := state || jsonb_build_object('after_time', v_page.reached_time, 'after_id', v_page.reached_id);
    END IF;
END
$$;

COMMENT ON FUNCTION audit.evidence_window IS
    'state: with the first and last leaf, in each epoch, of the records of the window that are found so far. text: empty. Runs as its caller; '
    'the policies decide.';
REVOKE ALL ON FUNCTION audit.evidence_window FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.evidence_window TO audit_trusted;
