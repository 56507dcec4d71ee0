-- Proves: the private part of one record is erased as that of a person's, once; a record that is held, not sealed, changed, or of another tenant is not.

BEGIN;
SELECT plan(30);
\ir ../support/kept.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT pg_temp.kept('tap-a', n, 'LIVE', '2026-01-01 00:00:00+00', 'jane', '{"approver": "joe"}') FROM (VALUES (1)) AS k (n) \gset
SELECT pg_temp.kept('tap-a', 2, 'LIVE', '2026-01-01 00:00:00+00', 'jane'), pg_temp.kept('tap-a', 3, 'LIVE', '2026-01-01 00:00:00+00'),
       pg_temp.kept('tap-b', 1, 'LIVE', '2026-01-01 00:00:00+00', 'jane') \gset
SELECT pg_temp.seal() \gset
SELECT pg_temp.kept('tap-a', 4, 'LIVE', '2026-01-01 00:00:00+00', 'jane') \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_trace_id => 'trace-2') AS hold \gset
SELECT count(*) FROM pg_temp.new_events() \gset
CREATE TEMPORARY TABLE log_before AS SELECT * FROM audit.audit_logs WHERE tenant_id LIKE 'tap-%';
CREATE FUNCTION pg_temp.erase(p_tenant text, p_id uuid, p_reference text DEFAULT 'request 7') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_eraser(format('audit.erase_record(%L, %L, %L)', p_tenant, p_id, p_reference))
$$;

SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 1)), '', 'a record is erased');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
SELECT results_eq(format('SELECT user_id, error, context::text, agent_id, trace_id, status FROM audit.audit_logs WHERE id = %L', pg_temp.id_of('tap-a', 1)),
    $$VALUES (NULL, NULL, NULL, 'agent-1', 'trace-1', 'error')$$, 'what is personal of it, and nothing else');
SELECT is((SELECT count(*) FROM audit.audit_logs AS l JOIN log_before AS b USING (id) WHERE l::text = b::text), 4::bigint, 'and no other record');
SELECT is((SELECT s.private_sha256 IS NOT NULL FROM audit.seals AS s WHERE s.record_id = pg_temp.id_of('tap-a', 1) AND s.salt IS NULL), true, 'its leaf has the digest in place of the salt');
SELECT is((SELECT line::jsonb - 'at' FROM audit.seals WHERE tenant_id = 'tap-a' AND line IS NOT NULL),
    jsonb_build_object('version', 1, 'kind', 'erase', 'tenant_id', 'tap-a', 'epoch', 1, 'leaves', (
        SELECT jsonb_build_array(jsonb_build_array(s.leaf_index, s.leaf_index + 1)) FROM audit.seals AS s WHERE s.record_id = pg_temp.id_of('tap-a', 1))), 'a statement names its leaf');
SELECT results_eq('SELECT act, tenant_id, api_key_id, actor, detail FROM pg_temp.new_events()',
    format('VALUES (%L, %L, NULL, %L, %L::jsonb)', 'record erased', 'tap-a', 'tap_eraser', jsonb_build_object('record', pg_temp.id_of('tap-a', 1), 'reference', 'request 7')), 'and an event the record, and the request');
SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 1)), '', 'it may be erased again');
SELECT is((SELECT count(*) FROM audit.seals WHERE tenant_id = 'tap-a' AND line IS NOT NULL), 1::bigint, 'which states nothing');
SELECT is_empty('SELECT act FROM pg_temp.new_events()', 'and is not on record');
SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 3)), '', 'one without a person is erased too: its error may name one');

SELECT is(pg_temp.erase(tenant, id), answer, 'refused: ' || said)
FROM (VALUES ('tap-a', pg_temp.id_of('tap-a', 2), 'RF011 a legal hold keeps this record', 'a record that is held'),
             ('tap-a', pg_temp.id_of('tap-a', 4), 'RF010 not sealed yet', 'one that is not sealed'),
             ('tap-a', pg_temp.id_of('tap-b', 1), 'RF003 the tenant has no record of this id', 'one of another tenant'),
             ('tap-a', NULL, 'RF003 the tenant has no record of this id', 'none'),
             ('tap-nobody', pg_temp.id_of('tap-b', 1), 'RF002 the tenant is not registered', 'of no tenant')) AS c (tenant, id, answer, said);
SELECT audit.release_hold(:'hold', 'over') \gset
SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 2), reference), 'RF003 an erasure has a reference of 1 to 200 characters', 'refused: a reference of ' || coalesce(length(reference)::text, 'no') || ' characters')
FROM (VALUES (NULL), (''), (repeat('x', 201))) AS c (reference);
SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 2), repeat(E'\x01', 200)), '', 'what was held may be erased after the release');
SELECT pg_temp.seal() \gset
UPDATE audit.audit_logs SET latency_ms = 1 WHERE id = pg_temp.id_of('tap-a', 4);
SELECT is(pg_temp.erase('tap-a', pg_temp.id_of('tap-a', 4)), 'RF009 the tree contradicts itself', 'one that was changed since it was sealed is not');
SELECT is((SELECT user_id FROM audit.audit_logs WHERE id = pg_temp.id_of('tap-a', 4)), 'jane', 'and stays');
-- One that is erased is pruned like any other.
SELECT audit.create_tenant('tap-c') \gset
SELECT audit.set_retention('tap-c', 200, NULL), pg_temp.kept('tap-c', 1, 'LIVE', '2020-01-01 00:00:00+00', 'jane'), pg_temp.seal() \gset
SELECT pg_temp.erase('tap-c', pg_temp.id_of('tap-c', 1)) \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '1', 'an erased record is pruned when its term is over');
SELECT is(pg_temp.leaves_of('tap-c'), '-SS', 'and its digest goes');
SET LOCAL synchronous_commit = off;
SELECT pg_temp.erase('tap-b', pg_temp.id_of('tap-b', 1)) \gset
SELECT is(current_setting('synchronous_commit'), 'on', 'it is on the disk when its transaction has committed');
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT audit.erase_record(''tap-a'', gen_random_uuid(), ''request'')', login), '42501',
    'permission denied for function erase_record', login || ' erases nothing') FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar'), ('tap_retention')) AS l (login);
SELECT is(pg_temp.as_eraser('audit.erase_records(''tap-a'', ''{}'')'), '42501 permission denied for function erase_records', 'nor does the eraser past its functions');

SELECT * FROM finish();
ROLLBACK;
