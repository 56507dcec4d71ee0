-- Proves: what a proof is bound to, one thing at a time: the backend, the start of its transaction, the time of entering, the
-- tenant, the scopes, the key and the secret. The superuser makes proofs by the formula; that the plain one is accepted proves the
-- formula right, so that each other is refused for the one thing that is different about it.

BEGIN;
SELECT plan(78);

-- Not what audit_keyed has. Without the grant there is nothing to show: this is about the policies, were it given one day.
GRANT SELECT ON audit.audit_logs TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
\ir ../support/proof.sql

-- Sets what any session can set.
CREATE FUNCTION pg_temp.claim(p_proof text, p_tenant_id text DEFAULT 'tap-a', p_scopes text DEFAULT 'read,write')
RETURNS boolean LANGUAGE sql AS $$
    SELECT set_config('app.tenant_id', p_tenant_id, true) || set_config('app.scopes', p_scopes, true)
        || set_config('app.proof', p_proof, true) IS NOT NULL
$$;
-- What is seen with it, in the same statement.
CREATE FUNCTION pg_temp.seen(p_claimed boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
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
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof())), :'all', 'a proof made by the formula is accepted');

-- Time: five seconds by the clock. A genuine proof that is older is an error, since no rows would look like an empty trail; one that is
-- not genuine is none, however old.
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_age => age))), seen, format('a proof that was made %s seconds ago: %s', age, seen))
FROM (VALUES (0.5, :'all'), (4.5, :'all'), (5.000001, :'expired'), (5.9, :'expired'), (86400, :'expired'),
             (-4.9, :'all'), (-5.9, :'expired'), (-3600, :'expired'))
    AS made (age, seen);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof('tap-b', p_age => 86400))), 'nothing', 'an old one of another tenant is none');
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_age => 86400, p_backend => '1'))), 'nothing', 'nor is one of another session');
-- The clock goes on within a statement of the client, of which each query of a function is a statement of its own.
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_age => 4.95)) AND pg_sleep(0.1) IS NOT NULL), :'expired',
    'a function that asks after the five seconds is refused');

-- A statement asks once, when it needs the answer first: it goes on with that, and the next one asks again.
SELECT lives_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    SELECT gen_random_uuid(), 'tap-a', CASE WHEN pg_temp.claim(pg_temp.proof(p_age => age)) THEN 'agent-of-a' END
    FROM (VALUES (0), (5.1), (86400)) AS made (age)$$, 'a statement that began within the five seconds appends to its end');
SELECT throws_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'late')$$, 'RF001', :'expired',
    'the next is refused');
SELECT throws_ok('SELECT FROM audit.audit_logs', 'RF001', :'expired', 'whatever it does');
SELECT pg_temp.claim(pg_temp.proof()) \gset
DECLARE opened_before CURSOR FOR SELECT agent_id FROM audit.audit_logs;
FETCH opened_before \gset
SELECT pg_temp.claim(pg_temp.proof(p_age => 5.1)) \gset
SELECT results_eq('FETCH ALL opened_before', array_fill('agent-of-a'::text, ARRAY[4]), 'a cursor that was read before goes on to its end');
DECLARE opened_after CURSOR FOR SELECT agent_id FROM audit.audit_logs;
SELECT throws_ok('FETCH opened_after', 'RF001', :'expired', 'one that is opened after them is refused');
SELECT pg_temp.claim(pg_temp.proof()) \gset
DECLARE never_read CURSOR FOR SELECT agent_id FROM audit.audit_logs;
SELECT pg_temp.claim(pg_temp.proof(p_age => 5.1)) \gset
SELECT throws_ok('FETCH never_read', 'RF001', :'expired', 'as is one that was opened before, and asks now');

-- Whose.
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(tenant_id))), 'nothing', format('a proof of the tenant ''%s'' is refused', tenant_id))
FROM (VALUES ('tap-b'), (''), ('TAP-A'), ('tap-a ')) AS other (tenant_id);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_scopes => scopes))), 'nothing', format('a proof of the scopes ''%s'' is refused', scopes))
FROM (VALUES ('read'), ('write'), (''), ('write,read')) AS other (scopes);
SELECT is(pg_temp.seen(pg_temp.claim(replace(pg_temp.proof(p_api_key_id => other.id), other.id || ':', '0123456789abcdef:'))), 'nothing',
    format('a proof by %s is refused', said))
FROM (VALUES ('fedcba9876543210', 'another key'), ('0123456789abcde', 'a part of the key''s id')) AS other (id, said);
SELECT is(pg_temp.seen(pg_temp.claim(replace(pg_temp.proof(p_api_key_id => 'no key'), ':no key:', '::'))), 'nothing',
    'a proof from which the key is taken is refused');
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_api_key_id => ''))), :'all', 'a proof by no key is one, as that of a replay without');
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_backend => (pg_backend_pid() + n)::text))), 'nothing',
    'a proof made by another backend is refused: ' || n) FROM (VALUES (-1), (1)) AS other (n);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_backend => ''))), 'nothing', 'a proof of no backend is refused');
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_server => (extract(epoch FROM pg_postmaster_start_time()) + n)::text))), 'nothing',
    format('a proof made by a server that began %s seconds from this one is refused, be it a copy', n))
FROM (VALUES (-0.000001), (0.000001), (86400)) AS other (n);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_started => (extract(epoch FROM transaction_timestamp()) + n)::text))), 'nothing',
    format('a proof of a transaction that began %s seconds from this one is refused', n))
FROM (VALUES (-0.000001), (0.000001), (-1), (1)) AS other (n);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_started => started))), 'nothing', format('a proof of %s is refused', said))
FROM (VALUES ('', 'no transaction'), (extract(epoch FROM statement_timestamp())::text, 'the start of the statement'),
             (trunc(extract(epoch FROM transaction_timestamp()))::text, 'the second in which the transaction began'),
             (pg_current_xact_id()::text, 'the number of the transaction')) AS other (started, said);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof())), :'all', 'the plain proof is still accepted');

-- Each part follows its length. Without the lengths each of these claims would be the text of the proof beside it, and so have its
-- digest: of one part the end or the beginning has moved to the next.
RESET SESSION AUTHORIZATION;
CREATE TEMPORARY TABLE moved AS
    SELECT m.*, pg_temp.proof(made_for[1], made_for[2], made_for[3], p_entered => made_for[4], p_server => made_for[5]) AS proof
    FROM (SELECT extract(epoch FROM clock_timestamp())::numeric(16, 5)::text, extract(epoch FROM pg_postmaster_start_time())::text) AS now (entered, server)
    CROSS JOIN LATERAL (VALUES
        ('from tenant to scopes', ARRAY['tap-a', 'read,write', 'abc', entered, server], ARRAY['tap-', 'aread,write', 'abc', entered, server]),
        ('from scopes to tenant', ARRAY['tap-a', 'read,write', 'abc', entered, server], ARRAY['tap-ar', 'ead,write', 'abc', entered, server]),
        ('from scopes to key',    ARRAY['tap-a', 'write,read', 'abc', entered, server], ARRAY['tap-a', 'write,', 'readabc', entered, server]),
        ('from key to scopes',    ARRAY['tap-a', 'write', ',readabc', entered, server], ARRAY['tap-a', 'write,read', 'abc', entered, server]),
        ('from key to time',      ARRAY['tap-a', 'write', 'abc1', entered, server],     ARRAY['tap-a', 'write', 'abc', '1' || entered, server]),
        ('from time to key',      ARRAY['tap-a', 'write', 'abc', '1' || entered, server], ARRAY['tap-a', 'write', 'abc1', entered, server]),
        ('from time to server',  ARRAY['tap-a', 'write', 'abc', entered || left(server, 1), right(server, -1)],
                                  ARRAY['tap-a', 'write', 'abc', entered, server])) AS m (said, made_for, claimed);
GRANT SELECT ON moved TO audit_keyed;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(array_to_string(claimed, ''), array_to_string(made_for, ''), 'moved ' || said || ': one text') FROM moved;
SELECT is(pg_temp.seen(pg_temp.claim(
        concat_ws(':', split_part(proof, ':', 1), claimed[3], claimed[4], split_part(proof, ':', 4)), claimed[1], claimed[2])),
    'nothing', 'and refused') FROM moved;
SELECT is(pg_temp.seen(pg_temp.claim(proof, made_for[1], made_for[2])), :'all', 'that it was made for is accepted')
FROM moved WHERE said = 'from tenant to scopes';

-- The formula.
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_keys => keys))), 'nothing', format('a digest under these keys is refused: %s', keys))
FROM (VALUES ('inner and outer'), ('inner'), ('outer'), ('none')) AS other (keys);
SELECT is(pg_temp.seen(pg_temp.claim(pg_temp.proof(p_form => form))), 'nothing', format('a digest of %s is refused', form))
FROM (VALUES
    ('%2$s%3$s:%4$s%5$s:%6$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%1$s:%2$s%4$s%5$s:%6$s%7$s:%8$s%9$s:%10$s:%11$s'),
    ('%1$s:%2$s%3$s:%4$s%6$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%8$s%9$s:%10$s:%11$s'),
    ('%1$s:%2$s%3$s:%4$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%9$s:%10$s:%11$s'),
    ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%7$s:%8$s'), ('%1$s%2$s%3$s%4$s%5$s%6$s%7$s%8$s%9$s:%10$s:%11$s'),
    ('%3$s:%4$s%1$s:%2$s%5$s:%6$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%2$s|%4$s|%6$s|%8$s|%9$s:%10$s:%11$s')) AS other (form);

-- And what the function makes is what the formula makes.
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key is shown');
SELECT is(current_setting('app.proof'),
    pg_temp.proof('tap-a', 'read,write', split_part(:'key_of_a', '_', 2), p_entered => split_part(current_setting('app.proof'), ':', 3)),
    'its proof is the formula''s, by that key');
SELECT ok(extract(epoch FROM clock_timestamp()) - split_part(current_setting('app.proof'), ':', 3)::numeric BETWEEN 0 AND 5,
    'and its time the clock''s when the key was shown');

SELECT * FROM finish();
ROLLBACK;
