-- Proves: audit.keyset_page() and audit.admin_events_keyset_page() give the rows between two positions, the first excluded and the last
-- included, with each filter, in both orders; and audit.filtered_page() says how far it came.

BEGIN;
SELECT plan(57);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
-- Twelve records, two a second. Those with an odd number are alike in every field, and so are the others.
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, http_status, created_at)
SELECT format('01900000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid, 'tap-a', v.agent_id, v.trace_id, v.user_id, v.mode, v.status,
       v.http_status, timestamptz '2001-01-01 00:00:00+00' + interval '1 second' * (n / 4)
FROM generate_series(1, 12) AS n
JOIN (VALUES (1, 'a', 't', 'u', 'LIVE', 'error', 500), (0, 'b', 't2', 'u2', 'DRY_RUN', 'success', 200))
    AS v (rest, agent_id, trace_id, user_id, mode, status, http_status) ON v.rest = n % 2;
DELETE FROM audit.admin_events;
INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
SELECT l.id, CASE l.mode WHEN 'LIVE' THEN 'tap-a' ELSE 'tap-b' END, CASE l.mode WHEN 'LIVE' THEN 'records read' ELSE 'records exported' END,
       CASE l.mode WHEN 'LIVE' THEN '0123456789abcdef' END, 'postgres', l.created_at
FROM audit.audit_logs AS l WHERE l.tenant_id = 'tap-a';

CREATE FUNCTION pg_temp.id(n int) RETURNS uuid LANGUAGE sql AS $$SELECT format('01900000-0000-7000-8000-%s', lpad(n::text, 12, '0'))::uuid$$;
-- From after one record to another one: the numbers of those in between.
CREATE FUNCTION pg_temp.between(p_column text, p_value text, p_after int, p_last int, p_rows int, p_order text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(ltrim(right(l.id::text, 2), '0'), ' ')
    FROM audit.audit_logs AS a, audit.audit_logs AS b,
         unnest(audit.keyset_page('tap-a', p_column, p_value, a.created_at, a.id, b.created_at, b.id, p_rows, p_order)) AS l
    WHERE a.id = pg_temp.id(p_after) AND b.id = pg_temp.id(p_last)
$$;
CREATE FUNCTION pg_temp.events_between(p_tenant_id text, p_act text, p_api_key_id text, p_after int, p_last int, p_order text)
RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(ltrim(right(e.id::text, 2), '0'), ' ')
    FROM audit.audit_logs AS a, audit.audit_logs AS b,
         unnest(audit.admin_events_keyset_page(p_tenant_id, p_act, p_api_key_id, a.created_at, a.id, b.created_at, b.id, 9, p_order)) AS e
    WHERE a.id = pg_temp.id(p_after) AND b.id = pg_temp.id(p_last)
$$;

SELECT is(pg_temp.between(name, value, p_after, p_last, n, o), coalesce(own, every), format('%s, %s: beyond %s, up to %s, %s at most',
          coalesce(name, 'no filter'), o, p_after, p_last, n))
FROM (VALUES ('agent_id', 'a'), ('trace_id', 't'), ('user_id', 'u'), ('mode', 'LIVE'), ('status', 'error'), ('http_status', '500'),
             (NULL, NULL)) AS f (name, value)
CROSS JOIN (VALUES (3, 9, 9, 'asc',  '5 7 9', '4 5 6 7 8 9'), (9, 3, 9, 'desc', '7 5 3', '8 7 6 5 4 3'),
                   (3, 9, 2, 'asc',  '5 7',   '4 5'),         (9, 3, 2, 'desc', '7 5',   '8 7')) AS p (p_after, p_last, n, o, odd, every)
CROSS JOIN LATERAL (SELECT CASE WHEN name IS NOT NULL THEN odd END) AS filtered (own);

SELECT is(pg_temp.events_between(tenant, act, key, p_after, p_last, o), CASE o WHEN 'asc' THEN forth ELSE back END, said || ', ' || o)
FROM (VALUES
    ('tap-a', NULL,               NULL,               '5 7 9',       '7 5 3',       'the acts on a tenant'),
    ('tap-a', 'records read',     NULL,               '5 7 9',       '7 5 3',       'one act on a tenant'),
    ('tap-b', 'records read',     NULL,               NULL,          NULL,          'one act on another tenant'),
    ('tap-a', NULL,               '0123456789abcdef', '5 7 9',       '7 5 3',       'what was done to a key of a tenant'),
    ('tap-b', NULL,               '0123456789abcdef', NULL,          NULL,          'what was done to the key of another tenant'),
    ('tap-a', 'records exported', '0123456789abcdef', NULL,          NULL,          'another act on the key'),
    (NULL,    NULL,               NULL,               '4 5 6 7 8 9', '8 7 6 5 4 3', 'the acts on all tenants'),
    (NULL,    'records exported', NULL,               '4 6 8',       '8 6 4',       'one act on all tenants'),
    (NULL,    NULL,               '0123456789abcdef', '5 7 9',       '7 5 3',       'what was done to a key'),
    (NULL,    'records exported', '0123456789abcdef', NULL,          NULL,          'another act on it')) AS list (tenant, act, key, forth, back, said)
CROSS JOIN (VALUES (3, 9, 'asc'), (9, 3, 'desc')) AS p (p_after, p_last, o);

-- How far a page with several filters came.
CREATE FUNCTION pg_temp.filtered(p_agent_id text, p_mode text, p_rows int, p_read int) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', array_to_string(ARRAY(SELECT ltrim(right(l.id::text, 2), '0') FROM unnest(f.page) AS l), ','), 'to',
                     coalesce(ltrim(right(f.reached_id::text, 2), '0'), 'the end'), 'at ' || extract(second FROM f.reached_time)::int)
    FROM audit.filtered_page('tap-a', p_agent_id, NULL, NULL, p_mode, NULL, NULL, '-infinity', '00000000-0000-0000-0000-000000000000',
                             'infinity', '00000000-0000-0000-0000-000000000000', p_rows, p_read, 'asc', NULL, NULL) AS f
$$;
SELECT is(pg_temp.filtered(agent_id, mode, n, most), page, said)
FROM (VALUES
    ('a',       NULL,      9, NULL, '1,3,5,7,9,11 to the end', 'one filter: all there is, and the end'),
    ('a',       NULL,      2, NULL, '1,3 to 3 at 0',           'or as many as asked for, and the last of them'),
    ('a',       'LIVE',    9, NULL, '1,3,5,7,9,11 to the end', 'two filters that find the same'),
    ('a',       'LIVE',    2, NULL, '1,3 to 3 at 0',           'or as many as asked for'),
    ('a',       'LIVE',    4, 4,    '1,3,5,7 to 7 at 1',       'as many as may be read'),
    ('a',       'DRY_RUN', 2, 4,    ' to 6 at 1',              'nothing found, and as much read as it may: how far that was'),
    ('a',       'DRY_RUN', 2, NULL, ' to the end',             'or to the end'),
    ('nobody',  'LIVE',    2, NULL, ' to the end',             'a filter that finds nothing ends the list at once')) AS f (agent_id, mode, n, most, page, said);
-- What is read more than asked for is left to the next page.
SELECT results_eq(
    $$SELECT cardinality(f.page), f.reached_id = f.page[3].id
      FROM audit.filtered_page('tap-a', 'a', NULL, NULL, 'LIVE', NULL, NULL, '-infinity', '00000000-0000-0000-0000-000000000000',
                               'infinity', '00000000-0000-0000-0000-000000000000', 3, NULL, 'asc', NULL, NULL) AS f$$,
    $$VALUES (3, true)$$, 'it goes on after the last that it gives');

SELECT * FROM finish();
ROLLBACK;
