-- Proves: what may be the restriction of a key, that the table of keys holds it to that, and how what is given becomes what is stored.

BEGIN;
SELECT plan(69);

SELECT is(audit.is_restriction(restriction::json), true, 'may be: ' || said)
FROM (VALUES
    ('{"agent_id": "a"}', 'an agent'), ('{"trace_id": "t"}', 'a trace'), ('{"user_id": "u"}', 'a user'),
    ('{"mode": "LIVE"}', 'LIVE'), ('{"mode": "DRY_RUN"}', 'DRY_RUN'), ('{"status": "started"}', 'a status'),
    ('{"start_time": "2026-01-01T00:00:00.000000Z"}', 'a beginning'), ('{"end_time": "2026-01-01T23:59:59.999999Z"}', 'an end'),
    ('{"start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-01-01T00:00:00.000001Z", "agent_id": "a", "trace_id": "t",
       "user_id": "u", "mode": "LIVE", "status": "denied"}', 'all of them'),
    (format('{"agent_id": "%s", "trace_id": "%1$s", "user_id": "%1$s%1$s"}', repeat('a', 128)), 'the longest texts'),
    ('{"agent_id": "\u00e9", "user_id": "\ud83d\ude00"}', 'any text')) AS good (restriction, said);
SELECT is(audit.is_restriction(restriction::json), false, 'may not be: ' || said)
FROM (VALUES
    ('{}', 'nothing, which would look like a restriction'), ('[]', 'a list'), ('"agent_id"', 'a text'), ('null', 'null'), ('1', 'a number'),
    ('{"tenant_id": "tap-b"}', 'a tenant'), ('{"agent": "a"}', 'another name'), ('{"AGENT_ID": "a"}', 'a name in capitals'),
    ('{"agent_id": "a", "http_status": "200"}', 'one name more'), ('{"agent_id": "a", "": "a"}', 'an empty name'),
    ('{"agent_id": "a", "agent_id": "a"}', 'a name twice'), ('{"agent_id": null}', 'a null'), ('{"agent_id": 1}', 'a number for a text'),
    ('{"agent_id": ["a"]}', 'a list for a text'), ('{"agent_id": {"a": "a"}}', 'an object for a text'), ('{"mode": true}', 'a boolean'),
    ('{"agent_id": ""}', 'an empty agent'), ('{"trace_id": ""}', 'an empty trace'), ('{"user_id": ""}', 'an empty user'),
    ('{"mode": ""}', 'an empty mode'), ('{"mode": "live"}', 'another mode'), ('{"status": ""}', 'an empty status'), ('{"status": "done"}', 'another status'),
    (format('{"agent_id": "%s"}', repeat('a', 129)), 'too long an agent'), (format('{"trace_id": "%s"}', repeat('a', 129)), 'too long a trace'),
    (format('{"user_id": "%s"}', repeat('a', 257)), 'too long a user'),
    ('{"start_time": ""}', 'an empty time'), ('{"start_time": "infinity"}', 'no moment'), ('{"end_time": "-infinity"}', 'no moment either'),
    ('{"start_time": "2026-01-01T00:00:00.000000"}', 'a beginning without a zone'), ('{"end_time": "2026-01-01T00:00:00.000000"}', 'an end without one'),
    ('{"start_time": "2026-01-01T00:00:00.000000+00"}', 'the zone in another form'), ('{"start_time": "2026-01-01T00:00:00Z"}', 'fewer digits'),
    ('{"end_time": "2026-01-01T00:00:00Z"}', 'fewer digits of an end'), ('{"start_time": "2026-01-01 00:00:00.000000Z"}', 'no T'),
    ('{"start_time": "2026-02-30T00:00:00.000000Z"}', 'no such day'), ('{"end_time": "2026-02-30T00:00:00.000000Z"}', 'no such day for an end'),
    ('{"start_time": "2026-01-01T24:00:00.000000Z"}', 'another text for a moment'), ('{"end_time": "2026-01-01T23:59:60.000000Z"}', 'another for an end'),
    ('{"start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-01-01T00:00:00.000000Z"}', 'an empty window'),
    ('{"start_time": "2026-01-02T00:00:00.000000Z", "end_time": "2026-01-01T00:00:00.000000Z"}', 'a window that ends before it begins'),
    ('{"agent_id": "\u0000"}', 'a character that no text has'), ('{"agent_id": "\ud83d"}', 'half a character'),
    (format('{"agent_id":%s"a"}', repeat(' ', 4096)), 'more than 4,096 bytes')) AS bad (restriction, said);
SELECT is(audit.is_restriction(NULL), false, 'may not be: NULL, which the tables take for the whole tenant and do not ask about');

-- The same in any session.
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'SQL, DMY';
SELECT is(audit.is_restriction('{"start_time": "2026-01-01T00:00:00.000000Z"}'), true, 'in any zone and style');
RESET timezone;
RESET datestyle;

-- The table asks.
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS reads, audit.issue_api_key('tap-a', 'tap') AS key \gset
\ir ../support/key_id.sql
PREPARE restrict (text, json) AS UPDATE audit.api_keys SET restriction = $2 WHERE id = $1;
SELECT lives_ok(format('EXECUTE restrict (%L, %L)', pg_temp.id(:'reads'), '{"agent_id": "a"}'), 'a key that reads may have a restriction');
SELECT throws_ok(format('EXECUTE restrict (%L, %L)', pg_temp.id(:'reads'), '{}'), '23514', NULL, 'but not an empty one');
SELECT throws_ok(format('EXECUTE restrict (%L, %L)', pg_temp.id(:'key'), '{"agent_id": "a"}'), '23514',
    'new row for relation "api_keys" violates check constraint "api_keys_restriction_reads"', 'one that writes too may not have any');
SELECT throws_ok(format('UPDATE audit.api_keys SET scopes = ARRAY[''read'', ''write''] WHERE id = %L', pg_temp.id(:'reads')), '23514', NULL,
    'nor may a restricted key be given another scope');
SELECT throws_ok(format('UPDATE audit.api_keys SET scopes = ARRAY[''import''] WHERE id = %L', pg_temp.id(:'reads')), '23514', NULL, 'or one in its place');

-- What is given becomes what is stored.
SELECT is(audit.canonical_restriction(given::json)::jsonb, stored::jsonb, 'stored: ' || said)
FROM (VALUES
    (NULL, NULL, 'NULL as it is'),
    ('{"agent_id": "a", "mode": "LIVE"}', '{"agent_id": "a", "mode": "LIVE"}', 'texts as they are'),
    ('{"start_time": "2026-01-01T01:00:00+01:00", "end_time": "2026-01-02 00:00:00.5Z"}',
     '{"start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-01-02T00:00:00.500000Z"}', 'times in UTC, with six digits')) AS c (given, stored, said);
SELECT throws_ok(format('SELECT audit.canonical_restriction(%L)', given), 'RF003', NULL, 'refused: ' || said)
FROM (VALUES ('[]', 'a list'), ('{"start_time": "2026-01-01"}', 'a day'), ('{"end_time": "2026-01-01T00:00:00"}', 'a time without a zone'),
             ('{"start_time": "2026-02-30T00:00:00Z"}', 'no such day')) AS c (given, said);

SELECT * FROM finish();
ROLLBACK;
