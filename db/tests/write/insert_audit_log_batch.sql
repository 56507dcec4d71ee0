-- Proves: audit.insert_audit_log_batch() writes each record under the tenant of its own credential and no other, whatever
-- stands beside it; refuses alone what is to be refused; and answers in the order in which it was asked.

BEGIN;
SELECT plan(26);

\ir ../support/gateway.sql
CREATE ROLE tap_service LOGIN IN ROLE audit_keyed;
CREATE FUNCTION pg_temp.id(p_number int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT ('01900000-0000-7000-8000-' || lpad(p_number::text, 12, '0'))::uuid$$;
-- The batch of these records, (credential, number, more): what they are, and where their ids end.
CREATE FUNCTION pg_temp.batch(VARIADIC p_records json[]) RETURNS json LANGUAGE sql STABLE AS
$$SELECT json_agg(jsonb_build_object('position', r.position, 'agent_id', 'agent', 'mode', 'DRY_RUN', 'status', 'success')
                  || r.record::jsonb) FROM unnest(p_records) WITH ORDINALITY AS r (record, position)$$;
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS
$$SELECT string_agg(right(l.id::text, 2) || ' ' || l.tenant_id, ', ' ORDER BY l.id) FROM audit.audit_logs AS l
  WHERE l.tenant_id LIKE 'tap-%'$$;
-- What comes of a record between two of a key, and what is stored then.
CREATE FUNCTION pg_temp.refused(p_key text, p_record json) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_outcomes json := audit.insert_audit_log_batch(pg_temp.batch(
        json_build_object('api_key', p_key, 'id', pg_temp.id(11)), p_record, json_build_object('api_key', p_key, 'id', pg_temp.id(13))));
BEGIN
    RETURN concat_ws(' ', v_outcomes #>> '{0,tenant_id}', v_outcomes #>> '{1,sqlstate}', NULLIF(v_outcomes #>> '{1,column}', ''),
                     NULLIF(v_outcomes #>> '{1,constraint}', ''), v_outcomes #>> '{2,tenant_id}', '|', pg_temp.stored());
END $$;
CREATE FUNCTION pg_temp.fields(p_number int) RETURNS text LANGUAGE sql VOLATILE SECURITY DEFINER AS
$$SELECT concat_ws(' ', l.tenant_id, l.agent_id, l.mode, l.status, l.trace_id, l.http_status, l.latency_ms, l.user_id, l.error)
  FROM audit.audit_logs AS l WHERE l.id = pg_temp.id(p_number)$$;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_gateway, tap_service', pg_my_temp_schema()::regnamespace); END $$;

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_a, audit.issue_api_key('tap-b', 'tap') AS key_b,
       audit.issue_api_key('tap-b', 'tap', ARRAY['read']) AS reader, audit.issue_api_key('tap-b', 'tap') AS revoked \gset
SELECT audit.revoke_api_key(split_part(:'revoked', '_', 2)) \gset

-- With keys.
SET LOCAL SESSION AUTHORIZATION tap_service;
SELECT is(audit.insert_audit_log_batch(pg_temp.batch(
        json_build_object('api_key', :'key_a', 'id', pg_temp.id(1)), json_build_object('api_key', :'key_b', 'id', pg_temp.id(2)),
        json_build_object('api_key', :'key_a', 'id', pg_temp.id(3), 'tenant_id', 'tap-a')))::jsonb,
    '[{"tenant_id": "tap-a"}, {"tenant_id": "tap-b"}, {"tenant_id": "tap-a"}]', 'each is answered with its own tenant');
SELECT is(pg_temp.stored(), '01 tap-a, 02 tap-b, 03 tap-a', 'and stored under it');
SELECT is(audit.insert_audit_log_batch('[]')::jsonb, '[]', 'nothing to write is nothing written');

-- Whatever is refused stands between records that are not, of the tenant in whose name it could be written by mistake.
SELECT is(pg_temp.refused(:'key_a', record), 'tap-a ' || refusal || ' tap-a | 01 tap-a, 02 tap-b, 03 tap-a, 11 tap-a, 13 tap-a', said)
FROM (VALUES
    (json_build_object('api_key', :'revoked', 'id', pg_temp.id(12)), 'RF005', 'a revoked key'),
    (json_build_object('api_key', '', 'id', pg_temp.id(12)), 'RF005', 'no key at all'),
    (json_build_object('api_key', 'rf_', 'id', pg_temp.id(12)), 'RF005', 'what is no key'),
    (json_build_object('api_key', :'reader', 'id', pg_temp.id(12)), 'RF006', 'a key that may not write'),
    (json_build_object('api_key', :'key_a', 'tenant_id', 'tap-b', 'id', pg_temp.id(12)), 'RF007', 'a key and another''s name'),
    (json_build_object('tenant_id', 'tap-b', 'id', pg_temp.id(12)), '42501', 'a name without a key'),
    (json_build_object('api_key', :'key_a', 'id', pg_temp.id(12), 'mode', 'TEST'), '23514 audit_logs_mode_known', 'a broken rule'),
    (json_build_object('api_key', :'key_a', 'id', pg_temp.id(12), 'status', NULL), 'RF003 status', 'a record without a status'),
    (json_build_object('api_key', :'key_b', 'id', pg_temp.id(1)), 'RF004 id', 'an id that another tenant''s record has')
) AS refused (record, refusal, said);
-- What entered its tenant and was then refused leaves the transaction in the tenant before: nothing may be written there.
-- Both ways round, since a batch is ordered by its keys.
SELECT audit.insert_audit_log_batch(pg_temp.batch(
    json_build_object('api_key', one.key, 'id', pg_temp.id(one.number)),
    json_build_object('api_key', other.key, 'id', pg_temp.id(one.number + 1), 'mode', 'TEST'),
    json_build_object('api_key', other.key, 'id', pg_temp.id(one.number + 2))))
FROM (VALUES (:'key_a', 41), (:'key_b', 51)) AS one (key, number)
JOIN (VALUES (:'key_a'), (:'key_b')) AS other (key) ON other.key <> one.key \g /dev/null
SELECT alike(pg_temp.stored(), '%, 41 tap-a, 43 tap-b, 51 tap-b, 53 tap-a', 'a record after a refused one has its own tenant');
SELECT is(audit.insert_audit_log_batch(pg_temp.batch(json_build_object('api_key', :'key_a', 'id', pg_temp.id(1)))) ->> 0,
    '{"tenant_id" : "tap-a"}', 'a record that is repeated is success');
SAVEPOINT unreadable;
SELECT audit.insert_audit_log_batch(pg_temp.batch(
    json_build_object('api_key', :'key_a', 'id', pg_temp.id(91)),
    json_build_object('api_key', :'key_a', 'id', pg_temp.id(92), 'http_status', 3000000000),
    json_build_object('api_key', :'key_a', 'id', pg_temp.id(93)))) AS outcomes \gset
SELECT is(concat_ws(' ', o #>> '{0,tenant_id}', o #>> '{1,sqlstate}', o #>> '{2,tenant_id}'), 'tap-a 22003 tap-a',
    'a record that cannot be read is refused alone') FROM (VALUES (:'outcomes'::json)) AS outcomes (o);
SELECT alike(pg_temp.stored(), '%, 91 tap-a, 93 tap-a', 'and the others are stored');
ROLLBACK TO SAVEPOINT unreadable;
SELECT throws_ok($$SELECT audit.insert_audit_log_batch('{"position": 1}')$$, '22023', NULL, 'what is no list is refused as a whole');

-- With names.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.insert_audit_log_batch(pg_temp.batch(
        json_build_object('tenant_id', 'tap-b', 'id', pg_temp.id(21)), json_build_object('tenant_id', 'tap-nobody', 'id', pg_temp.id(22)),
        json_build_object('tenant_id', 'tap-a', 'id', pg_temp.id(23)), json_build_object('id', pg_temp.id(24)))) #>> '{1,sqlstate}',
    'RF002', 'a name that nobody registered is refused');
SELECT is(pg_temp.stored(), '01 tap-a, 02 tap-b, 03 tap-a, 11 tap-a, 13 tap-a, 21 tap-b, 23 tap-a, 41 tap-a, 43 tap-b, 51 tap-b, 53 tap-a',
    'and the others are stored, one without a name not');
SAVEPOINT places;
SELECT audit.insert_audit_log_batch(pg_temp.batch(
    json_build_object('tenant_id', 'tap-nobody', 'id', pg_temp.id(81)), json_build_object('tenant_id', 'tap-nobody', 'id', pg_temp.id(82)),
    json_build_object('tenant_id', 'tap-a', 'id', pg_temp.id(83)), json_build_object('tenant_id', 'tap-a', 'id', pg_temp.id(84), 'mode', 'TEST'),
    json_build_object('tenant_id', 'tap-a', 'id', pg_temp.id(85)))) AS outcomes \gset
SELECT is((SELECT string_agg(coalesce(o ->> 'sqlstate', o ->> 'tenant_id'), ' ') FROM json_array_elements(:'outcomes'::json) AS o),
    'RF002 RF002 tap-a 23514 tap-a', 'each outcome is at the place of its record, and of its credential alone');
ROLLBACK TO SAVEPOINT places;
SELECT is(audit.insert_audit_log_batch(pg_temp.batch(json_build_object('api_key', :'key_a', 'id', pg_temp.id(25)))) #>> '{0,sqlstate}',
    '42501', 'keys mean nothing where names count');

SET LOCAL SESSION AUTHORIZATION tap_service;
-- Together or alone, but not both: without an id of its own a record would be there twice.
SELECT matches(audit.insert_audit_log_batch(pg_temp.batch(json_build_object('api_key', :'key_a', 'agent_id', 'no id'),
    json_build_object('api_key', :'key_a', 'agent_id', 'no id')))::text, 'tap-a.*tap-a', 'records without ids are appended');
SELECT is((audit.list_audit_logs(p_agent_id => 'no id')::json ->> 'count'), '2', 'each of them once')
FROM (SELECT audit.enter_tenant(:'key_a') OFFSET 0) AS entered (tenant_id) WHERE entered.tenant_id = 'tap-a';

-- In all of its fields, and told why it was not.
SELECT audit.insert_audit_log_batch(pg_temp.batch(
    json_build_object('api_key', key, 'id', pg_temp.id(number), 'agent_id', 'a', 'mode', 'LIVE', 'status', 'denied',
        'trace_id', 't', 'http_status', 403, 'latency_ms', 7, 'user_id', 'u', 'error', 'e'),
    json_build_object('api_key', key, 'mode', neighbour)))
FROM (VALUES (:'key_b', 61, 'LIVE'), (:'key_b', 62, 'TEST')) AS b (key, number, neighbour) \g /dev/null
SELECT is(pg_temp.fields(number), 'tap-b a LIVE denied t 403 7 u e', said || ', a record keeps every field')
FROM (VALUES (61, 'with others'), (62, 'alone')) AS w (number, said);
SELECT is(audit.insert_audit_log_batch(pg_temp.batch(json_build_object('api_key', :'revoked'))) #>> '{0,detail}',
    'revoked: ' || split_part(:'revoked', '_', 2), 'the detail says which key is revoked');

SELECT * FROM finish();
ROLLBACK;
