-- Records of tap-a and tap-b that differ in all that a restriction can name, pg_temp.restricted(): a key that shows a part, from a link, and
-- pg_temp.of_a(): which of the records of tap-a, by their numbers.

INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, created_at)
SELECT ('01900000-0000-7000-8000-0000000000' || right(t.id, 1) || r.n)::uuid, t.id, r.agent_id, r.trace_id, r.user_id, r.mode, r.status,
       timestamptz '2026-01-01 00:00:00+00' + r.n * interval '1 minute'
FROM (VALUES ('tap-a'), ('tap-b')) AS t (id)
CROSS JOIN (VALUES
    (1, 'one', 't1', 'u1', 'LIVE',    'success'),
    (2, 'one', 't2', 'u2', 'DRY_RUN', 'error'),
    (3, 'two', 't1', 'u1', 'LIVE',    'denied'),
    (4, 'two', NULL, NULL, NULL,      NULL),
    (5, 'one', 't1', 'u2', 'LIVE',    'started'),
    (6, 'two', 't2', 'u1', 'DRY_RUN', 'success'),
    (7, 'one', NULL, 'u1', 'LIVE',    'success'),
    (8, 'two', 't1', 'u2', 'DRY_RUN', 'error')) AS r (n, agent_id, trace_id, user_id, mode, status);

CREATE FUNCTION pg_temp.restricted(p_tenant_id text, p_restriction json) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT opened.* FROM audit.issue_view_link(p_tenant_id, 'tap', now() + interval '1 hour', 3600, p_restriction) AS link (token)
            CROSS JOIN LATERAL audit.open_view_link(link.token) AS opened);
END
$$;
CREATE FUNCTION pg_temp.of_a(p_ids uuid[]) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(right(id::text, 1), '' ORDER BY id) FILTER (WHERE id::text LIKE '%a_'), 'nothing')
           || CASE WHEN count(*) FILTER (WHERE id::text NOT LIKE '%a_') > 0 THEN ' and others' ELSE '' END
    FROM unnest(p_ids) AS id
$$;
