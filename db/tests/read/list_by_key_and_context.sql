-- Proves: lists and exports find records by the key that wrote them and by what their context says, under a name and with a key, in both
-- orders; a cursor belongs to these filters too; a filter that no record can match is refused by its name.

BEGIN;
SELECT plan(46);

\ir ../support/gateway.sql
\ir ../support/refusal.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, user_id, api_key_id, context, created_at)
SELECT gen_random_uuid(), 'tap-a', r.*
FROM (VALUES
    ('plain',  'u', NULL,  NULL::json,                                          timestamptz '2001-01-01 00:00:00+00'),
    ('keyed',  'u', 'k1',  NULL,                                                '2001-01-01 00:00:01+00'),
    ('other',  'u', 'k2',  '{"event": "paid", "resource": "r"}',                '2001-01-01 00:00:02+00'),
    ('told',   'u', 'k1',  '{"event":"paid","resource":"s","dry_run_of":true}', '2001-01-01 00:00:03+00'),
    ('number', 'v', 'k1',  '{"event": 7}',                                      '2001-01-01 00:00:04+00'),
    ('empty',  'v', NULL,  '{}',                                                '2001-01-01 00:00:05+00')) AS r;
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, api_key_id, context)
VALUES (gen_random_uuid(), 'tap-b', 'agent-of-b', 'k1', '{"event": "paid"}');
-- The agents of a list, and those of an export.
CREATE FUNCTION pg_temp.agents(p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_agents text;
BEGIN
    EXECUTE format('SELECT string_agg(item ->> ''agent_id'', '' '')
        FROM json_array_elements(audit.list_audit_logs(%s)::json -> ''items'') AS item', p_arguments) INTO v_agents;
    RETURN coalesce(v_agents, 'nothing');
END
$$;
CREATE FUNCTION pg_temp.exported(p_arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_state text;
BEGIN
    EXECUTE format('SELECT audit.begin_export(%s)', p_arguments) INTO v_state;
    PERFORM audit.continue_export(v_state);
    RETURN (SELECT coalesce(string_agg(line::json ->> 'agent_id', ' ' ORDER BY n), 'nothing')
            FROM audit.export_audit_logs() AS part
            CROSS JOIN LATERAL regexp_split_to_table(rtrim(convert_from(part.lines, 'UTF8'), E'\n'), E'\n') WITH ORDINALITY AS l (line, n));
END
$$;
CREATE TEMPORARY TABLE filter AS
    SELECT * FROM (VALUES
        ('p_api_key_id => ''k1''',                                          'keyed told number', 'a key'),
        ('p_api_key_id => ''k2''',                                          'other',             'another key'),
        ('p_api_key_id => ''''',                                            'nothing',           'the empty key, which no record has'),
        ('p_context => ''{"event": "paid"}''',                              'other told',        'a context'),
        ('p_context => ''{"event": "paid", "resource": "s"}''',             'told',              'two names of a context'),
        ('p_context => ''{"event": "Paid"}''',                              'nothing',           'upper case is another value'),
        ('p_context => ''{"event": "7"}''',                                 'number',            'a number, as its text'),
        ('p_context => ''{"dry_run_of": "true"}''',                         'told',              'a boolean, as its text'),
        ('p_context => ''{ }''',                                            'plain keyed other told number empty', 'no name at all is no filter'),
        ('p_api_key_id => ''k1'', p_context => ''{"event": "paid"}''',      'told',              'both'),
        ('p_user_id => ''v'', p_api_key_id => ''k1''',                      'number',            'a key beside another filter')) AS f (arguments, agents, said);
GRANT SELECT ON filter TO tap_gateway, audit_app;

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT audit.set_tenant('tap-a') \gset
SELECT is(pg_temp.agents(arguments || ', p_order => ''asc'''), agents, 'oldest first: ' || said) FROM filter;
SELECT is(pg_temp.agents(arguments),
    (SELECT string_agg(a, ' ' ORDER BY n DESC) FROM regexp_split_to_table(agents, ' ') WITH ORDINALITY AS s (a, n)), 'newest first: ' || said)
FROM filter WHERE said IN ('a key', 'a context');
SELECT is(pg_temp.exported(arguments || ', p_order => ''asc'''), agents, 'exported: ' || said) FROM filter;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT is(pg_temp.agents(arguments || ', p_order => ''asc'''), agents, 'with a key: ' || said) FROM filter WHERE said IN ('a key', 'a context', 'both');

-- A page, and the next.
SELECT audit.list_audit_logs(p_api_key_id => 'k1', p_context => '{"event": "paid"}', p_limit => 1) AS page \gset
SELECT is(:'page'::json ->> 'has_more', 'false', 'one record of both is one page');
SELECT audit.list_audit_logs(p_api_key_id => 'k1', p_limit => 1)::json ->> 'next_cursor' AS cursor,
       audit.list_audit_logs(p_context => '{"event": "paid"}', p_limit => 1)::json ->> 'next_cursor' AS cursor_of_event,
       audit.list_audit_logs(p_context => '{"event": "paid", "origin": "x"}', p_limit => 1)::json ->> 'has_more' AS more,
       audit.list_audit_logs(p_limit => 1)::json ->> 'next_cursor' AS cursor_of_all \gset
SELECT is(pg_temp.agents(format('p_cursor => %L, %s', cursor, arguments)), agents, said)
FROM (VALUES (:'cursor', 'p_api_key_id => ''k1''', 'told keyed', 'the next page of a key'),
             (:'cursor_of_event', 'p_context => ''{ "event" : "paid" }''', 'other', 'of a context, written otherwise')) AS c (cursor, arguments, agents, said);
SELECT is(pg_temp.refusal(format('SELECT audit.list_audit_logs(p_cursor => %L%s)', cursor, arguments)),
    'RF003|the cursor does not belong to this list|Use next_cursor unchanged, with the tenant, filters and order that it came from; '
    'previous_cursor with the other order.|cursor', said)
FROM (VALUES (:'cursor', '', 'a cursor of a key without the key'),
             (:'cursor', ', p_api_key_id => ''k2''', 'with another key'),
             (:'cursor_of_all', ', p_api_key_id => ''k1''', 'one of all with a key'),
             (:'cursor_of_event', ', p_context => ''{"event": "x"}''', 'one of a context with another'),
             (:'cursor_of_event', ', p_api_key_id => ''{"event": "paid"}''', 'a context in the place of a key'))
    AS c (cursor, arguments, said);
-- As the release before made it: its callers go on.
SELECT is(:'cursor_of_all', (SELECT concat_ws('-', p.position, p.id, left(encode(sha256(convert_to(json_build_array(p.position, p.id, 'tap-a',
        'desc', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::text, 'UTF8')), 'hex'), 16))
    FROM (SELECT split_part(:'cursor_of_all', '-', 1)::bigint, split_part(:'cursor_of_all', '-', 2)) AS p (position, id)),
    'without either the digest is of the same fields as ever');

-- What no record can have is a mistake, and said by its name.
SELECT is(pg_temp.refusal(format('SELECT audit.%s(p_context => %L)', function, context)), refusal, concat_ws(': ', function, said))
FROM (VALUES
    ('{"colour": "red"}',         'RF003|no record has such a context|context.colour', 'an unknown name'),
    ('{"event": "a", "Event": "a"}', 'RF003|no record has such a context|context.Event', 'an unknown name beside a known one'),
    ('{"event": 1}',              'RF003|no record has such a context|context.event',  'a value that is no text'),
    ('[]',                        'RF003|a filter by context is an object of names and texts|context', 'a list'),
    ('{"event": "a", "event": "b"}', 'RF003|no record has such a context|context', 'a name twice'),
    ('{"\u0000": "a"}',           'RF003|no record has such a context|context',        'a name that cannot be decoded'))
    AS refused (context, refusal, said)
CROSS JOIN (VALUES ('list_audit_logs')) AS f (function);
SELECT is(pg_temp.refusal(format('SELECT audit.begin_export(%L, p_context => %L)', :'key_of_a', '{"colour": "red"}')),
    'RF003|no record has such a context|context.colour', 'an export refuses it too');
SELECT is(audit.context_filter('{"resource": "r", "event": "e"}')::text, audit.context_filter('{"event":"e","resource":"r"}')::text,
    'the same filter in another order is the same');
SELECT is(audit.context_filter(context)::text, NULL, 'no filter is none: ' || said) FROM (VALUES (NULL::json, 'unknown'), ('{ }', 'no name')) AS c (context, said);

SELECT * FROM finish();
ROLLBACK;
