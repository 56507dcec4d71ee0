-- Proves: audit_keyed sees and writes what a key has proven, and nothing that a setting claims: whatever app.tenant_id,
-- app.scopes and app.proof are set to, by whomever and when, only the three that audit.enter_tenant() made belong together.

BEGIN;
SELECT plan(72);

-- Not what audit_keyed has. Without the grant there is nothing to show: this is about the policies, were it given one day.
GRANT SELECT ON audit.audit_logs TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b'),
       (gen_random_uuid(), 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a, audit.issue_api_key('tap-b', 'tap') AS key_of_b,
       audit.issue_api_key('tap-a', 'tap') AS other_key_of_a, audit.issue_api_key('tap-a', 'tap', ARRAY['read']) AS reading_key_of_a \gset

-- What a transaction with these settings sees and may do, and an error where one is raised. All of it is undone.
CREATE FUNCTION pg_temp.claim(p_tenant_id text, p_scopes text, p_proof text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_read text; v_list text; v_write text := 'appends';
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant_id, true), set_config('app.scopes', p_scopes, true),
            set_config('app.proof', p_proof, true);
    SELECT concat_ws(' ', 'reads', count(*), min(agent_id)) INTO v_read FROM audit.audit_logs;
    BEGIN
        v_list := 'lists ' || (audit.list_proven_audit_logs(
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, 'desc', NULL, NULL)::json ->> 'count');
    EXCEPTION WHEN SQLSTATE 'RF001' THEN
        v_list := 'does not list';
    END;
    BEGIN
        INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), p_tenant_id, 'claimed');
    EXCEPTION WHEN insufficient_privilege THEN
        v_write := 'does not append';
    END;
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = concat_ws(', ', v_read, v_list, v_write,
        audit.proven_tenant('read') || ' proven to read', audit.proven_tenant('write') || ' proven to write');
EXCEPTION
    WHEN SQLSTATE 'TAP00' THEN RETURN SQLERRM;
    WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
\set all 'reads 1 agent-of-a, lists 1, appends, tap-a proven to read, tap-a proven to write'
\set nothing 'reads 0, does not list, does not append'

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.claim('tap-a', 'read,write', ''), :'nothing', 'before a key was shown, naming tap-a opens nothing');
SELECT is(audit.enter_tenant(:'key_of_b'), 'tap-b', 'a key of tap-b opens tap-b');
SELECT current_setting('app.proof') AS proof_of_b \gset
SELECT is(audit.enter_tenant(:'reading_key_of_a'), 'tap-a', 'a key of tap-a with the scope read opens tap-a');
SELECT current_setting('app.proof') AS reading_proof \gset
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a opens tap-a');
SELECT current_setting('app.proof') AS proof \gset
SELECT matches(:'proof'::text, format('^[0-9]+:%s:[0-9]+\.[0-9]{6}:[0-9a-f]{64}$', split_part(:'key_of_a', '_', 2)),
    'a proof has four parts: the secret''s number, the key''s id, the time and the digest');

-- Other names and other scopes beside the genuine proof.
SELECT is(pg_temp.claim(tenant_id, scopes, :'proof'), claimed, said)
FROM (VALUES
    ('tap-a',            'read,write',   :'all',     'the genuine three'),
    ('tap-b',            'read,write',   :'nothing', 'another tenant'),
    ('tap-unknown',      'read,write',   :'nothing', 'a tenant that nobody registered'),
    ('TAP-A',            'read,write',   :'nothing', 'the tenant in upper case'),
    ('tap-a ',           'read,write',   :'nothing', 'the tenant with a space'),
    ('',                 'read,write',   :'nothing', 'no tenant'),
    (NULL,               'read,write',   :'nothing', 'a tenant that is NULL'),
    (NULL,               'tap-aread,write', :'nothing', 'a tenant that is NULL, its name among the scopes'),
    ('',                 'tap-a,read,write', :'nothing', 'no tenant, its name among the scopes'),
    ('tap-aread,',       'write',        :'nothing', 'a scope in the name of the tenant'),
    ('tap-a10:read',     'write',        :'nothing', 'with its length'),
    ('tap-a',            'read',         :'nothing', 'one scope of two'),
    ('tap-a',            'write,read',   :'nothing', 'the scopes in another order'),
    ('tap-a',            'read,write,',  :'nothing', 'the scopes and a comma'),
    ('tap-a',            'read,write,admin', :'nothing', 'one scope more'),
    ('tap-a',            '',             :'nothing', 'no scope'),
    ('tap-a',            NULL,           :'nothing', 'scopes that are NULL'),
    ('tap-a',            '{read,write}', :'nothing', 'scopes in braces')) AS claim (tenant_id, scopes, claimed, said);

-- Two proofs of one transaction do not mix.
SELECT is(pg_temp.claim('tap-b', 'read,write', :'proof_of_b'), 'reads 2 agent-of-b, lists 2, appends, tap-b proven to read, tap-b proven to write',
    'the genuine three of tap-b');
SELECT is(pg_temp.claim('tap-a', 'read,write', :'proof_of_b'), :'nothing', 'tap-a with the proof of tap-b');
SELECT is(pg_temp.claim('tap-a', 'read', :'reading_proof'), 'reads 1 agent-of-a, lists 1, does not append, tap-a proven to read',
    'the genuine three of the key that reads');
SELECT is(pg_temp.claim('tap-a', 'read,write', :'reading_proof'), :'nothing', 'its scopes widened');
SELECT is(pg_temp.claim('tap-a', 'write', :'reading_proof'), :'nothing', 'its scope exchanged');

SELECT audit.enter_tenant(:'key_of_a') \gset
SELECT current_setting('app.proof') AS proof \gset
-- A proof with one part changed. The digest covers the parts before it; the number of the secret chooses the key.
SELECT is(pg_temp.claim('tap-a', 'read,write', array_to_string(changed, ':')), :'nothing', said)
FROM (SELECT string_to_array(:'proof', ':') AS p) AS genuine
CROSS JOIN LATERAL (VALUES
    (ARRAY[(p[1]::bigint + 1)::text, p[2], p[3], p[4]],                'the next secret'),
    (ARRAY[(p[1]::bigint - 1)::text, p[2], p[3], p[4]],                'the secret before'),
    (ARRAY['0' || p[1], p[2], p[3], p[4]],                             'the secret with a leading zero'),
    (ARRAY['', p[2], p[3], p[4]],                                      'no secret'),
    (ARRAY[p[1], split_part(:'other_key_of_a', '_', 2), p[3], p[4]],   'another key of the tenant'),
    (ARRAY[p[1], split_part(:'key_of_b', '_', 2), p[3], p[4]],         'a key of another'),
    (ARRAY[p[1], upper(p[2]) || 'A', p[3], p[4]],                      'the key in upper case'),
    (ARRAY[p[1], '', p[3], p[4]],                                      'no key'),
    (ARRAY[p[1], p[2] || p[3], '', p[4]],                              'the time beside the key'),
    (ARRAY[p[1], left(p[2], -1), right(p[2], 1) || p[3], p[4]],        'the key''s last digit beside the time'),
    (ARRAY[p[1], p[2], (p[3]::numeric + 0.000001)::text, p[4]],        'a microsecond later'),
    (ARRAY[p[1], p[2], (p[3]::numeric + 3600)::text, p[4]],            'an hour later'),
    (ARRAY[p[1], p[2], p[3] || '0', p[4]],                             'the same time, written otherwise'),
    (ARRAY[p[1], p[2], 'NaN', p[4]],                                   'a time that is no number'),
    (ARRAY[p[1], p[2], p[3], translate(left(p[4], 1), '0123456789abcdef', '123456789abcdef0') || right(p[4], -1)],
                                                                       'another first digit of the digest'),
    (ARRAY[p[1], p[2], p[3], left(p[4], -1) || translate(right(p[4], 1), '0123456789abcdef', '123456789abcdef0')],
                                                                       'another last digit'),
    (ARRAY[p[1], p[2], p[3], left(p[4], -1)],                          'a digit less'),
    (ARRAY[p[1], p[2], p[3], p[4] || '0'],                             'a digit more'),
    (ARRAY[p[1], p[2], p[3], upper(p[4]) || 'A'],                      'upper case'),
    (ARRAY[p[1], p[2], p[3], ' ' || p[4]],                             'a space before the digest'),
    (ARRAY[p[1], p[2], p[3], ''],                                      'no digest'),
    (ARRAY[p[1], p[2], p[3]],                                          'three parts'),
    (ARRAY['', p[1], p[2], p[3], p[4]],                                'a part before the first'),
    (ARRAY[p[4], p[3], p[2], p[1]],                                    'the parts in reverse')) AS c (changed, said);

-- A digest that somebody makes who knows the formula, but not the secret.
SELECT is(pg_temp.claim('tap-a', 'read,write', concat_ws(':', p[1], p[2], p[3], encode(sha256(guess.key || sha256(
        guess.key || convert_to(concat('5:tap-a10:read,write', length(p[2]), ':', p[2], length(p[3]), ':', p[3], extract(epoch FROM pg_postmaster_start_time()), ':', pg_backend_pid(), ':',
        extract(epoch FROM transaction_timestamp())), 'UTF8'))), 'hex'))), :'nothing', 'a digest made with ' || said)
FROM (SELECT string_to_array(:'proof', ':') AS p) AS genuine
CROSS JOIN (VALUES (''::bytea, 'no key'), (decode(repeat('00', 64), 'hex'), 'a key of zeroes')) AS guess (key, said);

-- What is no proof at all is not one, whatever the session's way of reading text; and never an error.
SELECT is((SELECT string_agg(DISTINCT pg_temp.claim('tap-a', 'read,write', garbage), ' / ')
           FROM (SELECT set_config(name, value, true)) AS setting
           CROSS JOIN (VALUES
               ('x'), (''), (NULL), (' '), (':'), (':::'), ('::::::::'), ('1:2:3:4'), ('1:::'), ('a:b:c:d'), ('1:-1:-1:'),
               ('1:NaN:NaN:NaN'), ('1:Infinity:-Infinity:'), ('1:' || repeat('9', 400) || ':' || repeat('9', 400) || ':0'),
               ('1e400:1e400:1e400:1e400'), ('0x1:0x1:0x1:0x1'), ('NULL:NULL:NULL:NULL'), ('{1,2,3,4}'), ('''; SELECT 1; --'),
               ('\x00:\\:\n:\'), ('1:1:1:' || repeat('g', 64)), (chr(128512) || ':' || chr(1633) || ':1:1'), (repeat('x', 10000)),
               (repeat(':', 10000)), (repeat('1:', 5000))) AS claimed (garbage)),
    :'nothing', format('garbage is no proof with %s = %s', name, value))
FROM (VALUES
    ('standard_conforming_strings', 'on'), ('standard_conforming_strings', 'off'), ('transform_null_equals', 'on'),
    ('array_nulls', 'off'), ('bytea_output', 'escape'), ('backslash_quote', 'on'), ('timezone', 'Asia/Kathmandu'),
    ('datestyle', 'German'), ('intervalstyle', 'iso_8601'), ('extra_float_digits', '-15'), ('lc_numeric', 'C'),
    ('xmloption', 'document'), ('plan_cache_mode', 'force_generic_plan'), ('client_encoding', 'UTF8')) AS setting (name, value);
-- The functions are read anew, so that they are read with all of these set.
RESET SESSION AUTHORIZATION;
ALTER FUNCTION audit.proven_tenant COST 101;
ALTER FUNCTION audit.tenant_proof COST 101;
ALTER FUNCTION audit.enter_tenant COST 101;
SET LOCAL standard_conforming_strings = off;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'and with all of these set a key still opens its tenant');
SELECT current_setting('app.proof') AS proof \gset
SELECT is(pg_temp.claim('tap-a', 'read,write', :'proof'), :'all', 'with three that are genuine');
SELECT is(pg_temp.claim('tap-b', 'read,write', :'proof'), :'nothing', 'and no proof of another tenant');
SELECT is((SELECT count(*) FROM audit.audit_logs), 1::bigint, 'which is then read');

SELECT * FROM finish();
ROLLBACK;
