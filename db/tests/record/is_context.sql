-- Proves: what may be the context of a record: each name of the list, each kind of value, up to 4,096 bytes; and nothing else, whatever
-- its bytes: what could not be decoded later is refused now. And that the rule in words names the same list.

BEGIN;
SELECT plan(58);

SELECT is(audit.is_context(context::json), true, 'may be: ' || said)
FROM (VALUES
    ('{}',                                       'an empty object'),
    (E' {\n"event" :\t"a" } ',                   'white space around and within'),
    ('{"event": ""}',                            'an empty text'),
    ('{"event": "Grüße \u00e9 \ud83d\ude00"}',   'any characters, escaped or not'),
    ('{"event": "\\u0000"}',                     'a backslash before u0000, which is no NUL'),
    ('{"event": 1e400, "origin": -0.5}',         'numbers, as large as they may be'),
    ('{"dry_run_of": true, "event": false}',     'true and false'),
    ('{"e\u0076ent": "a"}',                      'a name that is escaped')) AS c (context, said);
SELECT is(audit.is_context(json_build_object(name, 'x')), true, 'a name: ' || name)
FROM unnest(ARRAY['gen_ai.agent.version', 'gen_ai.request.model', 'gen_ai.tool.name', 'gen_ai.conversation.id', 'mcp.session.id',
    'span_id', 'parent_span_id', 'event', 'resource', 'approver', 'policy_id', 'reason_code', 'input_sha256', 'output_sha256',
    'origin', 'dry_run_of']) AS name;
SELECT is(audit.is_context(context::json), false, 'may not be: ' || said)
FROM (VALUES
    ('null', 'null'), ('[]', 'a list'), ('"event"', 'a text'), ('1', 'a number'), ('true', 'a boolean'),
    ('{"event": null}',                   'an unknown value'),
    ('{"event": {}}',                     'an object in it'),
    ('{"event": ["a"]}',                  'a list in it'),
    ('{"Event": "a"}',                    'a name in upper case'),
    ('{"": "a"}',                         'the empty name'),
    ('{" event": "a"}',                   'a name with a space'),
    ('{"event": "a", "colour": "red"}',   'another name beside a known one'),
    ('{"colour": "red", "event": "a"}',   'before a known one'),
    ('{"event": "a", "event": "a"}',      'a name twice'),
    ('{"event": "a", "e\u0076ent": "b"}', 'a name twice, once escaped'),
    ('{"event": "\u0000"}',               'NUL in a value'),
    ('{"event\u0000": "a"}',              'NUL in a name'),
    ('{"event": "\ud800"}',               'half of a surrogate pair'),
    ('{"event": "\udc00\ud800"}',         'a surrogate pair the wrong way round')) AS c (context, said);
-- The size is that of the text as it is stored, in bytes.
SELECT is(audit.is_context(format('{"event":"%s"}', value)::json), is_context, said)
FROM (VALUES (repeat('a', 4084),            true,  '4,096 bytes'),
             (repeat('a', 4085),            false, '4,097 bytes'),
             (repeat('é', 2042),            true,  '4,096 bytes of characters of two'),
             (repeat('é', 2042) || 'a',     false, 'and one more')) AS c (value, is_context, said);
SELECT is(audit.is_context((repeat(' ', n) || '{}')::json), n <= 4094, n || ' spaces before an empty object')
FROM (VALUES (4094), (4095)) AS s (n);
SELECT is(audit.is_context(NULL), false, 'none is no context: whether a record needs one is for the table');

-- A decoded text is what the outside says, not a reason to fail inside.
SELECT is(audit.parsed_context(E' {"event" : 1}\n')::text, E' {"event" : 1}\n', 'a context that comes as text is kept as it is');
SELECT is(audit.parsed_context(NULL)::text, NULL, 'none is none');
SELECT throws_ok($$SELECT audit.parsed_context('{"event": ')$$, 'RF003', 'the context is not JSON', 'and what is no JSON is refused');
SELECT throws_ok($$SELECT audit.parsed_context('')$$, 'RF003', 'the context is not JSON', 'the empty text too');

-- The table asks, and the rule in words says the same names.
SELECT audit.create_tenant('tap-a') \gset
PREPARE insert_context (json) AS INSERT INTO audit.audit_logs (id, tenant_id, agent_id, context) VALUES (gen_random_uuid(), 'tap-a', 'a', $1);
SELECT lives_ok($$EXECUTE insert_context ('{"event": "a"}')$$, 'the table takes a context');
SELECT lives_ok($$EXECUTE insert_context (NULL)$$, 'or none');
SELECT throws_ok($$EXECUTE insert_context ('{"event": null}')$$, '23514',
    'new row for relation "audit_logs" violates check constraint "audit_logs_context_form"', 'and refuses what is none');
SELECT is(array_agg(word ORDER BY word), (
        SELECT array_agg(name[1] ORDER BY name[1])
        FROM pg_proc AS p CROSS JOIN LATERAL regexp_matches(substring(p.prosrc FROM 'ARRAY\[(.*?)\]'), '''([a-z0-9_.]+)''', 'g') AS name
        WHERE p.oid = 'audit.is_context'::regproc), 'the rule in words has the names of the list')
FROM audit.record_rules() AS r
CROSS JOIN LATERAL regexp_split_to_table(rtrim(split_part(r.description, 'out of: ', 2), '.'), ', ') AS word
WHERE r.rule = 'audit_logs_context_form' AND r.field = 'context';

SELECT * FROM finish();
ROLLBACK;
