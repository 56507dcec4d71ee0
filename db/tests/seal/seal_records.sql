-- Proves: audit.seal_records() seals what is below the horizon, once, in its order, of every tenant, whoever calls it, and tells members
-- of audit_sealer alone how much that was.

BEGIN;
SELECT plan(29);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b'), audit.create_tenant('tap-c') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
-- What the database had before this test.
SELECT audit.seal_records(10000) \gset

CREATE FUNCTION pg_temp.sealed(p_tenant_id text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(right(s.record_id::text, 2), ' ' ORDER BY s.leaf_index), '')
    FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id
$$;
CREATE FUNCTION pg_temp.add(p_tenant_id text, p_id text, p_xid xid8, p_time timestamptz DEFAULT '2026-01-01 00:00:00+00') RETURNS void
LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at, recorded_xid, user_id)
    VALUES (('00000000-0000-0000-0000-0000000000' || p_id)::uuid, p_tenant_id, 'agent', p_time, p_xid, 'jane')
$$;
-- Another horizon each time, as if transactions had ended in between.
CREATE FUNCTION pg_temp.seal(p_login text DEFAULT 'tap_sealer') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM set_config('app.sealed_horizon', '', false), set_config('session_authorization', p_login, true);
    v_count := audit.seal_records(10000);
    RESET SESSION AUTHORIZATION;
    RETURN v_count;
END
$$;

-- The order.
SELECT pg_temp.add('tap-a', '31', '9'), pg_temp.add('tap-a', '11', '8'), pg_temp.add('tap-a', '21', '8', '2027-01-01 00:00:00+00'),
       pg_temp.add('tap-a', '01', '9'), pg_temp.add('tap-a', '81', NULL, '2026-01-03 00:00:00+00'),
       pg_temp.add('tap-a', '91', NULL), pg_temp.add('tap-a', '71', NULL), pg_temp.add('tap-b', '12', '4') \gset
SELECT pg_temp.add('tap-a', '99', pg_current_xact_id()) \gset
SELECT is(pg_temp.seal(), 8::bigint, 'a member of audit_sealer is told how many records were sealed');
SELECT is(pg_temp.sealed('tap-a'), '71 91 81 11 21 01 31',
    'first those from before numbers, by time and id, then by number and id, whatever their time; not one of a transaction that runs');
SELECT is(pg_temp.sealed('tap-b'), '12', 'and those of the other tenant');
SELECT is(pg_temp.sealed('tap-c'), '', 'a tenant without records has no leaf');
SELECT is_empty($$SELECT FROM audit.trees WHERE tenant_id = 'tap-c'$$, 'and no tree');
SELECT is(pg_temp.seal(), 0::bigint, 'a second call has nothing to seal');
SELECT pg_temp.add('tap-a', '41', '10') \gset
SELECT is(pg_temp.seal(), 1::bigint, 'a later record is sealed');
SELECT is(pg_temp.sealed('tap-a'), '71 91 81 11 21 01 31 41', 'after the others, and none twice');

-- What is stored.
SELECT is(t.size, 8::bigint, 'the tree has its leaves') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a';
SELECT is(t.root, pg_temp.merkle_root(pg_temp.leaves('tap-a')), 'and their root') FROM audit.trees AS t WHERE t.tenant_id = 'tap-a';
SELECT is_empty(
    $$SELECT s.leaf_index FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id
      CROSS JOIN LATERAL (SELECT ROW(l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status, l.latency_ms, l.user_id,
          l.error, l.created_at, l.recorded_at, l.api_key_id, l.context)::audit.listed_audit_log AS log) AS r
      WHERE s.tenant_id LIKE 'tap-%' AND s.leaf_hash <> sha256('\x00'::bytea || convert_to(audit.record_leaf_line(r.log, encode(
          sha256(convert_to(audit.private_leaf_line(r.log, s.salt), 'UTF8')), 'hex')), 'UTF8'))$$,
    'each leaf is the hash of a zero byte and its record''s line, which has the digest of its private line');
SELECT is((SELECT count(DISTINCT s.salt) FROM audit.seals AS s WHERE s.tenant_id LIKE 'tap-%'), 9::bigint, 'each has a salt of its own');
SELECT is((SELECT min(octet_length(s.salt)) FROM audit.seals AS s WHERE s.tenant_id LIKE 'tap-%'), 32, 'of 32 bytes');

SELECT audit.create_tenant('tap-d') \gset
SELECT pg_temp.add('tap-d', '14', NULL) \gset
SELECT is(pg_temp.seal(), 1::bigint, 'a tenant that has records from before numbers alone is sealed too');
SELECT is(pg_temp.sealed('tap-d'), '14', 'and has a tree of them');

-- Who may, and what they are told.
SELECT pg_temp.add('tap-a', '51', '40') \gset
SELECT is(pg_temp.seal('audit_app'), NULL, 'a login that must prove its tenant seals, and is told nothing');
SELECT matches(pg_temp.sealed('tap-a'), ' 51$', 'it has sealed');
SELECT is(pg_temp.seal('audit_app'), NULL, 'also where there is nothing');
\ir ../support/gateway.sql
SELECT pg_temp.add('tap-a', '61', '41') \gset
SELECT is(pg_temp.seal('tap_gateway'), NULL, 'nor is one that names its tenant');
SELECT matches(pg_temp.sealed('tap-a'), ' 61$', 'it has sealed too');
CREATE ROLE tap_signer LOGIN IN ROLE audit_signer;
\ir ../support/registrar.sql
SELECT throws_ok(format('SELECT pg_temp.seal(%L)', login), '42501', 'permission denied for function seal_records', login || ' seals nothing')
FROM (VALUES ('tap_signer'), ('tap_registrar')) AS l (login);

-- What is left of it in the transaction.
SELECT is(concat(current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.proof'), current_setting('app.scope')),
    '', 'no tenant and no proof is left');
SET LOCAL synchronous_commit = off;
SET LOCAL app.sealed_horizon = '';
SELECT audit.seal_records() \gset
SELECT is(current_setting('synchronous_commit'), 'on', 'and the COMMIT waits for the disk');
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT audit.seal_records() \gset
SELECT throws_ok('SELECT audit.list_audit_logs()', 'RF001', NULL, 'a tenant that was entered before it is entered no more');
SELECT throws_ok($$SELECT audit.seal_batch('tap-b', '99', 1)$$, '42501', 'permission denied for function seal_batch',
    'what it calls is closed to its callers');
RESET SESSION AUTHORIZATION;

-- When no transaction has ended since, a call does nothing at all. A horizon that somebody has set by hand stops no other.
SELECT set_config('app.sealed_horizon', '', false), audit.seal_records(10000) \gset
SELECT is(current_setting('app.sealed_horizon'), pg_snapshot_xmin(pg_current_snapshot())::text, 'the horizon up to which nothing is left is kept');
SELECT pg_temp.add('tap-a', '62', '42') \gset
SELECT is(audit.seal_records(), 0::bigint, 'at the same horizon a call looks at no tenant');
SET LOCAL app.sealed_horizon = '9999999999';
SELECT is(audit.seal_records(), 1::bigint, 'at another one it does, and be it a lower one');

SELECT * FROM finish();
ROLLBACK;
