-- Proves: what a proof is bound to, one thing at a time: the backend, its transaction, the subtransaction, the time, the tenant,
-- the scopes and the secret. The superuser makes proofs by the formula; that the plain one is accepted proves the formula
-- right, so that each other is refused for the one thing that is different about it.

-- A transaction that has ended, and did nothing but take a number.
BEGIN;
SELECT pg_current_xact_id() AS ended \gset
COMMIT;

BEGIN;
SELECT plan(39);

-- Not what audit_keyed has. Without the grant there is nothing to show: this is about the policies, were it given one day.
GRANT SELECT ON audit.audit_logs TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset

-- Sets a proof for tap-a that is plain but for what is given. As the superuser: nobody else can read the secret.
CREATE FUNCTION pg_temp.prove(
    p_age numeric DEFAULT 0, p_tenant_id text DEFAULT 'tap-a', p_scopes text DEFAULT 'read,write',
    p_backend text DEFAULT pg_backend_pid(), p_transaction text DEFAULT pg_current_xact_id(),
    p_number text DEFAULT pg_current_xact_id(), p_format text DEFAULT '%s|%s|%s|%s|%s:%s', p_inner_and_outer boolean DEFAULT true)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_entered numeric := extract(epoch FROM clock_timestamp()) - p_age;
    v_said    bytea   := convert_to(
        format(p_format, p_tenant_id, p_scopes, p_number, v_entered, p_backend, p_transaction), 'UTF8');
BEGIN
    PERFORM set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read,write', true),
            set_config('app.proof', concat_ws(':', s.id, p_number, v_entered, encode(CASE WHEN p_inner_and_outer
                THEN sha256(s.outer_key || sha256(s.inner_key || v_said)) ELSE sha256(s.inner_key || v_said) END, 'hex')), true)
    FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL;
    RETURN true;
END
$$;
-- What is seen with it, in the same statement.
CREATE FUNCTION pg_temp.seen(p_proven boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce((SELECT string_agg(DISTINCT agent_id, ' ') FROM audit.audit_logs), 'nothing')
        || coalesce(', ' || audit.proven_tenant('write') || ' proven to write', '');
EXCEPTION WHEN SQLSTATE 'RF001' THEN
    RETURN SQLERRM;
END
$$;
\set all 'agent-of-a, tap-a proven to write'
\set expired 'the proof of the tenant has expired'

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.seen(), 'nothing', 'without a proof nothing is seen');
SELECT is(pg_temp.seen(pg_temp.prove()), :'all', 'a proof made by the formula is accepted');

-- Time: five seconds by the clock. A genuine proof that is older is an error, so that rows which end in the middle are not taken
-- for all there are; one that is not genuine is none, however old.
SELECT is(pg_temp.seen(pg_temp.prove(p_age => age)), seen,
    format('a proof that was made %s seconds ago: %s', age, seen))
FROM (VALUES (0.5, :'all'), (4.5, :'all'), (5.000001, :'expired'), (5.9, :'expired'), (86400, :'expired'),
             (-4.9, :'all'), (-5.9, :'expired'), (-3600, :'expired'))
    AS made (age, seen);
SELECT is(pg_temp.seen(pg_temp.prove(p_age => 86400, p_tenant_id => 'tap-b')), 'nothing', 'an old one of another tenant is none');
SELECT is(pg_temp.seen(pg_temp.prove(p_age => 86400, p_backend => '1')), 'nothing', 'nor is one of another session');
-- The clock goes on within a statement.
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), 'tap-a', concat('agent-of-a', pg_sleep(0.4 * n))
    FROM generate_series(0, 2) AS n WHERE n > 0 OR pg_temp.prove(p_age => 4.5)$$, 'RF001', :'expired',
    'a statement that goes on past the five seconds ends in an error');

-- Whose.
SELECT is(pg_temp.seen(pg_temp.prove(p_tenant_id => 'tap-b')), 'nothing', 'a proof of another tenant is refused');
SELECT is(pg_temp.seen(pg_temp.prove(p_tenant_id => '')), 'nothing', 'a proof of no tenant is refused');
SELECT is(pg_temp.seen(pg_temp.prove(p_scopes => scopes)), 'nothing',
    format('a proof of the scopes ''%s'' is refused', scopes))
FROM (VALUES ('read'), ('write'), (''), ('write,read')) AS other (scopes);
SELECT is(pg_temp.seen(pg_temp.prove(p_backend => (pg_backend_pid() + n)::text)), 'nothing',
    'a proof made by another session is refused: ' || n) FROM (VALUES (-1), (1)) AS other (n);
SELECT is(pg_temp.seen(pg_temp.prove(p_transaction => (pg_current_xact_id()::text::bigint + n)::text)), 'nothing',
    'a proof made in another transaction is refused: ' || n) FROM (VALUES (-1), (1), (4294967296)) AS other (n);
SELECT is(pg_temp.seen(pg_temp.prove(p_transaction => '')), 'nothing',
    'a proof made before the transaction had a number is refused');
SELECT is(pg_temp.seen(pg_temp.prove()), :'all', 'the plain proof is still accepted');

-- The subtransaction: genuine, but of one that is over.
SAVEPOINT work;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'under a savepoint a key is shown');
SELECT split_part(current_setting('app.proof'), ':', 2) AS number \gset
SELECT is(pg_temp.seen(pg_temp.prove(p_number => :'number')), :'all', 'a proof of the subtransaction is accepted under it');
ROLLBACK TO SAVEPOINT work;
SELECT is(pg_temp.seen(pg_temp.prove(p_number => :'number')), 'nothing', 'and refused when that was rolled back');
SELECT is(pg_temp.seen(pg_temp.prove(p_number => :'ended')), 'nothing', 'that of a transaction that has ended is refused');

-- The formula.
SELECT is(pg_temp.seen(pg_temp.prove(p_inner_and_outer => false)), 'nothing', 'one hash instead of two is refused');
SELECT is(pg_temp.seen(pg_temp.prove(p_format => format)), 'nothing', format('a digest of %s is refused', format))
FROM (VALUES ('%s%s%s%s%s%s'), ('%2$s|%1$s|%3$s|%4$s|%5$s:%6$s'), ('%s|%s|%s|%s|%s'), ('%1$s|%2$s|%3$s|%5$s:%6$s'),
             ('%1$s|%2$s|%4$s|%5$s:%6$s')) AS other (format);

-- And what the function makes is what the formula makes.
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key is shown');
SELECT current_setting('app.proof') AS proof \gset
RESET SESSION AUTHORIZATION;
SELECT is(split_part(:'proof', ':', 4),
    encode(sha256(s.outer_key || sha256(s.inner_key || convert_to(format('tap-a|read,write|%s|%s|%s:%s', p[2], p[3],
        pg_backend_pid(), pg_current_xact_id()), 'UTF8'))), 'hex'), 'its digest is the formula''s')
FROM audit.proof_secrets AS s, string_to_array(:'proof', ':') AS p WHERE s.id::text = p[1];
SELECT ok(extract(epoch FROM clock_timestamp()) - split_part(:'proof', ':', 3)::numeric BETWEEN 0 AND 5,
    'and its time the clock''s when the key was shown');

SELECT * FROM finish();
ROLLBACK;
