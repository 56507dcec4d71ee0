-- Proves: audit.list_audit_logs() applies every filter, newest first and oldest first: the two are two statements.

BEGIN;
SELECT plan(26);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
-- Each record differs from the first in one field.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
SELECT gen_random_uuid(), 'tap-a', r.*
FROM (VALUES
    ('agent',  't1', 'u1', 'LIVE',    'success', 200, timestamptz '2001-01-01 00:00:00+00'),
    ('other',  't1', 'u1', 'LIVE',    'success', 200, '2001-01-01 00:00:00+00'),
    ('agent',  't2', 'u1', 'LIVE',    'success', 200, '2001-01-01 00:00:00+00'),
    ('agent',  't1', 'u2', 'LIVE',    'success', 200, '2001-01-01 00:00:00+00'),
    ('agent',  't1', 'u1', 'DRY_RUN', 'success', 200, '2001-01-01 00:00:00+00'),
    ('agent',  't1', 'u1', 'LIVE',    'error',   200, '2001-01-01 00:00:00+00'),
    ('agent',  't1', 'u1', 'LIVE',    'success', 500, '2001-01-01 00:00:00+00'),
    ('agent',  't1', 'u1', 'LIVE',    'success', 200, '2001-01-01 00:00:10+00')) AS r;
CREATE FUNCTION pg_temp.found(p_order text, p_filter text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_count int;
BEGIN
    EXECUTE format('SELECT (audit.list_audit_logs(p_order => %L, %s)::json ->> ''count'')::int', p_order, p_filter) INTO v_count;
    RETURN v_count;
END
$$;

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.found(o.direction, f.filter), f.records, format('%s, %s: %s', f.filter, o.direction, f.records))
FROM (VALUES
    (1, 'p_agent_id => ''other''', 1),
    (2, 'p_trace_id => ''t2''', 1),
    (3, 'p_user_id => ''u2''', 1),
    (4, 'p_mode => ''DRY_RUN''', 1),
    (5, 'p_status => ''error''', 1),
    (6, 'p_http_status => 500', 1),
    (7, 'p_start_time => ''2001-01-01 00:00:01+00''', 1),
    (8, 'p_start_time => ''2001-01-01 00:00:10+00''', 1),
    (9, 'p_end_time => ''2001-01-01 00:00:10+00''', 7),
    (10, 'p_end_time => ''2001-01-01 00:00:11+00''', 8),
    (11, 'p_start_time => ''2001-01-01 00:00:11+00''', 0),
    (12, 'p_agent_id => ''agent'', p_trace_id => ''t1''', 6),
    (13, 'p_limit => 8', 8)) AS f (number, filter, records)
CROSS JOIN (VALUES ('desc'), ('asc')) AS o (direction)
ORDER BY f.number, o.direction;

SELECT * FROM finish();
ROLLBACK;
