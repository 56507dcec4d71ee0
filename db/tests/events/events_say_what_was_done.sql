-- Proves: an event says what an auditor asks next: which scopes, until when, under which name, how many. And that what once left no
-- event leaves one: an import, and the first read of an hour with a key, once the service reports it; under the key that did it.

BEGIN;
SELECT plan(44);

\ir ../support/registrar.sql
\ir ../support/gateway.sql
\ir ../support/key_id.sql
\ir ../support/new_events.sql
CREATE FUNCTION pg_temp.news() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(concat_ws(' ', e.act, e.tenant_id, e.api_key_id, e.detail), ', ') FROM pg_temp.new_events() AS e
$$;
SET LOCAL timezone = 'Asia/Kathmandu';

-- Administration.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.create_tenant('tap-a', 'Tenant "A"') \gset
SELECT is(pg_temp.news(), 'tenant created tap-a {"name": "Tenant \"A\""}', 'a tenant created, with its name');
SELECT audit.create_tenant('tap-b') \gset
SELECT is(pg_temp.news(), 'tenant created tap-b {"name": null}', 'or without one');
SELECT audit.issue_api_key('tap-a', 'the label', ARRAY['write', 'read', 'import', 'read'], '2101-01-01 00:00:00+00') AS key \gset
SELECT is(pg_temp.news(), format('api key issued tap-a %s {"label": "the label", "scopes": ["import", "read", "write"], '
    '"expires_at": "2101-01-01T00:00:00.000000Z", "replaced_by": null}', pg_temp.id(:'key')),
    'a key issued, with label, scopes as they were stored, and expiry in UTC');
SELECT audit.issue_api_key('tap-b', 'for ever', ARRAY['import']) AS key_of_b \gset
SELECT is(pg_temp.news(), format('api key issued tap-b %s {"label": "for ever", "scopes": ["import"], "expires_at": null, "replaced_by": null}',
    pg_temp.id(:'key_of_b')), 'or without an expiry');
SELECT audit.issue_api_key('tap-a', 'other') AS other_key \gset
SELECT pg_temp.news() \gset
SELECT audit.rotate_api_key(pg_temp.id(:'key_of_b'), '1 hour') AS next_key \gset
SELECT alike(pg_temp.news(), format('api key issued tap-b %s {"label": "for ever", %%}, api key rotated tap-b %s {"label": "for ever", '
    '"scopes": ["import"], "expires_at": "%s", "replaced_by": "%s"}', pg_temp.id(:'next_key'), pg_temp.id(:'key_of_b'),
    to_char((now() + interval '1 hour') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), pg_temp.id(:'next_key')),
    'a key rotated, with what became of it: until when it is valid, and which key replaces it');
SELECT audit.revoke_api_key(pg_temp.id(:'key_of_b')) \gset
SELECT alike(pg_temp.news(), format('api key revoked tap-b %s {"label": "for ever", %%}', pg_temp.id(:'key_of_b')),
    'a key revoked, with its label');
SELECT audit.rotate_proof_secret() AS secret \gset
SELECT is(pg_temp.news(), format('proof secret rotated {"secret_id": %s}', :'secret'), 'the secret of the proofs rotated, with its number');
SELECT is(audit.list_all_admin_events(p_act => 'proof secret rotated', p_limit => 1)::json #>> '{items,0,detail,secret_id}', :'secret',
    'which administrators can read');
SELECT lives_ok(format('SELECT audit.create_tenant(''tap-c'', repeat(%L, 200))', E'\u0001'), 'a name of 200 characters that JSON escapes is recorded');
SELECT lives_ok(format('SELECT audit.issue_api_key(''tap-a'', repeat(%L, 200), ARRAY[''import'', ''read'', ''write''])', E'\u0001'), 'and a label');
SELECT pg_temp.news() \gset
RESET SESSION AUTHORIZATION;
SAVEPOINT forms;
SELECT throws_ok(format('SELECT audit.record_admin_event(''tenant created'', ''tap-a'', NULL, %L)', detail), '23514', NULL, 'no detail: ' || said)
FROM (VALUES ('[]', 'an array'), ('"text"', 'a text'), ('null', 'null'), (format('{"x": "%s"}', repeat('x', 2040)), '2049 bytes')) AS d (detail, said);
SELECT lives_ok(format('SELECT audit.record_admin_event(''tenant created'', ''tap-a'', NULL, %L)', format('{"x": "%s"}', repeat('x', 2039))),
    '2048 bytes are one');
ROLLBACK TO SAVEPOINT forms;

-- Rules in words, for administrators.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT throws_ok($$SELECT audit.create_tenant('tap-a')$$, '23505', 'a tenant of this id is registered already', 'a tenant is registered once, in words');
SELECT matches(audit.rule_in_words(name), words, 'the rule in words: ' || name)
FROM (VALUES ('tenants_id_form', '^A tenant''s id has 1 to 63 characters'), ('tenants_name_size', '^A tenant''s name has'),
             ('api_keys_label_size', '^A key''s label has'), ('api_keys_scopes_known', '^A key''s scopes are')) AS r (name, words);
SELECT is(audit.rule_in_words('nothing'), NULL, 'of no constraint there is none');

-- An import.
\set record '{"id": "01900000-0000-7000-8000-00000000000a", "agent_id": "agent", "created_at": "2001-02-03T04:05:06Z"}'
\set other_record '{"id": "01900000-0000-7000-8000-00000000000b", "agent_id": "agent", "created_at": "2001-02-03T04:05:06Z"}'
\set third_record '{"id": "01900000-0000-7000-8000-00000000000c", "agent_id": "agent", "created_at": "2001-02-03T04:05:06Z"}'
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key of tap-a that imports');
SELECT is(audit.import_audit_logs(format('[%s, %s]', :'record', :'other_record')::json), 2, 'two records are imported');
SELECT is(pg_temp.news(), format('records imported tap-a %s {"count": 2}', pg_temp.id(:'key')), 'which is on record, with the key and the count');
SELECT is(audit.import_audit_logs(format('[%s, %s]', :'record', :'third_record')::json), 2, 'two more, of which one was there');
SELECT is(pg_temp.news(), format('records imported tap-a %s {"count": 1}', pg_temp.id(:'key')), 'is one more');
SELECT is(audit.import_audit_logs(format('[%s]', :'record')::json), 1, 'the same again');
SELECT is(pg_temp.news(), NULL, 'leaves no event: nothing was imported');
SELECT is(audit.import_audit_logs('[]'), 0, 'nor does an import of nothing');
SELECT throws_ok($$SELECT audit.import_audit_logs('[{"agent_id": "agent"}]')$$, 'RF003', NULL, 'nor one that is refused');
SELECT is(pg_temp.news(), NULL, 'none of them is on record');
-- Under the key that is proven; with another claimed, nothing is.
SELECT set_config('app.proof', regexp_replace(current_setting('app.proof'), ':[0-9a-f]{16}:', ':' || pg_temp.id(:'other_key') || ':'), true) \gset
SELECT throws_ok($$SELECT audit.import_audit_logs('[{"agent_id": "agent", "created_at": "2001-02-03T04:05:06Z"}]')$$, 'RF001',
    'no tenant is proven for this statement', 'with another key''s id set nothing is imported');
SELECT throws_ok($$SELECT audit.record_api_key_use('read')$$, 'RF001', 'no tenant is proven for this statement', 'and no read reported');
SELECT is(pg_temp.news(), NULL, 'which leaves no event, of either key');

-- Reading. By itself it writes nothing; the service reports it.
PREPARE exporting AS SELECT audit.continue_export('{"format": "ndjson", "order": "desc", "count": 0}'),
    (SELECT count(*) FROM audit.export_audit_logs());
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key of tap-a that reads');
SELECT audit.list_audit_logs()::json #>> '{items,0,id}' AS record, audit.list_admin_events() \gset
SELECT isnt(audit.get_audit_log(:'record'), NULL, 'a record is read, as are lists');
EXECUTE exporting \gset
SELECT is(pg_temp.news(), NULL, 'and a part of an export, which leaves no event');
SELECT audit.record_api_key_use('write'), audit.record_api_key_use('import') \gset
SELECT is(pg_temp.news(), NULL, 'nor does another use than reading');
SELECT audit.record_api_key_use('read') \gset
SELECT is(pg_temp.news(), format('records read tap-a %s', pg_temp.id(:'key')), 'a read that is reported does: tenant, key, and no filters');
SELECT audit.record_api_key_use('read'), audit.record_api_key_use('read') \gset
SELECT is(pg_temp.news(), NULL, 'further reads of the hour do not');
RESET SESSION AUTHORIZATION;
UPDATE audit.api_key_uses SET last_read_at = last_read_at - interval '1 microsecond' WHERE api_key_id = pg_temp.id(:'key');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.record_api_key_use('read') \gset
SELECT is(pg_temp.news(), format('records read tap-a %s', pg_temp.id(:'key')), 'the first of the next hour does');
SELECT is(audit.enter_tenant(:'other_key'), 'tap-a', 'another key of the tenant');
SELECT set_config('app.api_key', pg_temp.id(:'key'), true), set_config('app.scope', 'import', true) \gset
SELECT audit.record_api_key_use('read') \gset
SELECT is(pg_temp.news(), format('records read tap-a %s', pg_temp.id(:'other_key')), 'has events of its own, whatever else is set');
SELECT is(e.actor || ' ' || (e.detail IS NULL), 'audit_app true', 'by the login that reported it, without a detail')
FROM json_to_recordset(audit.list_admin_events(p_act => 'records read', p_limit => 1)::json -> 'items') AS e (actor text, detail json);

SELECT * FROM finish();
ROLLBACK;
