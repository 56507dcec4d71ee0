-- Proves: audit.sealing_lag() tells members of audit_sealer, and nobody else, how old the oldest record without a leaf is, and which
-- transactions hold sealing back.

BEGIN;
SELECT plan(14);
\ir ../support/sealer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.seal_records(10000) \gset
CREATE FUNCTION pg_temp.lag(OUT seconds double precision, OUT held json) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('session_authorization', 'tap_sealer', true);
    SELECT l.seconds, l.held_back_by INTO seconds, held FROM audit.sealing_lag() AS l;
    RESET SESSION AUTHORIZATION;
END
$$;
SELECT is(l.seconds, 0::double precision, 'where every record has a leaf the lag is 0') FROM pg_temp.lag() AS l;
SELECT is(l.held::text, '[]', 'and nothing holds it back') FROM pg_temp.lag() AS l;

CREATE FUNCTION pg_temp.add(p_tenant_id text, p_age interval, p_xid xid8) RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, recorded_at, recorded_xid)
    VALUES (gen_random_uuid(), p_tenant_id, 'agent', clock_timestamp() - p_age, p_xid)
$$;
SELECT pg_temp.add('tap-b', '90 seconds', '6'), pg_temp.add('tap-a', '30 seconds', '7') \gset
SELECT cmp_ok(l.seconds, '>=', 90::double precision, 'it is the age of the oldest of all tenants') FROM pg_temp.lag() AS l;
SELECT cmp_ok(l.seconds, '<', 120::double precision, 'to the second') FROM pg_temp.lag() AS l;
SELECT is(l.held::text, '[]', 'below the horizon nothing holds it back: sealing is late itself') FROM pg_temp.lag() AS l;
SELECT set_config('app.sealed_horizon', '', false), audit.seal_records(10000) \gset
SELECT is(l.seconds, 0::double precision, 'sealed, they are no lag any more') FROM pg_temp.lag() AS l;

-- Which transactions hold it back: tests/store/test_sealing_horizon.py, since it takes two.
SELECT pg_temp.add('tap-a', '10 seconds', pg_current_xact_id()) \gset
SELECT is(l.seconds, 0::double precision, 'a record that is not committed yet is no lag') FROM pg_temp.lag() AS l;

-- In epochs after the first a record of another cluster, which has a leaf, is no lag.
SELECT pg_temp.add('tap-b', '500 seconds', '8') \gset
SELECT set_config('app.sealed_horizon', '', false), audit.seal_records(10000) \gset
INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, sealed_xid, sealed_id, began_at)
VALUES ('tap-b', 2, 0, sha256(''), '', '0', '00000000-0000-0000-0000-000000000000', now());
SELECT cmp_ok(l.seconds, '<', 400::double precision, 'a record that has a leaf is passed over') FROM pg_temp.lag() AS l;
SELECT pg_temp.add('tap-b', '600 seconds', '9000000000') \gset
SELECT cmp_ok(l.seconds, '<', 400::double precision, 'and one whose number is not given out yet is from another cluster') FROM pg_temp.lag() AS l;
SELECT pg_temp.add('tap-b', '700 seconds', '7') \gset
SELECT cmp_ok(l.seconds, '>=', 700::double precision, 'one without a leaf is not') FROM pg_temp.lag() AS l;
SELECT is(concat(current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.proof'), current_setting('app.scope')),
    '', 'no tenant and no proof is left');

CREATE ROLE tap_signer LOGIN IN ROLE audit_signer;
\ir ../support/gateway.sql
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT * FROM audit.sealing_lag()', login), '42501',
    'permission denied for function sealing_lag', login || ' is told nothing of it')
FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_signer')) AS l (login);

SELECT * FROM finish();
ROLLBACK;
