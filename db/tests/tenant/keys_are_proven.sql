-- Proves: audit.enter_tenant() opens a tenant for whoever holds a whole, valid key of it, and for nobody else; a refusal tells
-- its caller nothing but that the key is not valid, and only the log why, and that only of a key whose secret was shown.

BEGIN;
SELECT plan(62);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap') AS other_key,
       audit.issue_api_key('tap-b', 'tap') AS key_of_b, audit.issue_api_key('tap-a', 'tap') AS revoked,
       audit.issue_api_key('tap-a', 'tap', p_expires_at => now() + interval '1 hour') AS expiring,
       audit.issue_api_key('tap-a', 'tap', p_expires_at => now() + interval '1 hour') AS expired \gset
SELECT split_part(:'key', '_', 2) AS id, split_part(:'key', '_', 3) AS secret, split_part(:'revoked', '_', 2) AS revoked_id,
       split_part(:'expired', '_', 2) AS expired_id, split_part(:'other_key', '_', 3) AS other_secret \gset
SELECT encode(secret_sha256, 'hex') AS hash FROM audit.api_keys WHERE id = :'id' \gset
SELECT audit.revoke_api_key(:'revoked_id') \gset
UPDATE audit.api_keys SET expires_at = clock_timestamp() WHERE id = :'expired_id';

\ir ../support/gateway.sql
\ir ../support/registrar.sql
CREATE ROLE tap_stranger LOGIN;
-- All that a refusal says, or the tenant.
CREATE FUNCTION pg_temp.shown(p_key text, p_tenant_id text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_message text; v_detail text; v_hint text; v_column text; v_table text;
BEGIN
    RETURN audit.enter_tenant(p_key, p_tenant_id);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT,
        v_column = COLUMN_NAME, v_table = TABLE_NAME;
    RETURN array_to_string(array_remove(ARRAY[SQLSTATE, v_message, v_detail, v_hint, v_column, v_table], ''), '|');
END
$$;
CREATE FUNCTION pg_temp.listed() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN audit.list_audit_logs()::json ->> 'count';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
\set malformed 'RF005|the API key is not valid|malformed'
\set unknown 'RF005|the API key is not valid|unknown'

SET LOCAL SESSION AUTHORIZATION audit_app;
-- Good keys.
SELECT is(pg_temp.shown(:'key'), 'tap-a', 'a key opens its tenant');
SELECT is(current_setting('app.tenant_id'), 'tap-a', 'for the transaction');
SELECT lives_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, 'which writes');
SELECT is(pg_temp.listed(), '1', 'and reads');
SELECT is(pg_temp.shown(:'other_key'), 'tap-a', 'another key of the same tenant opens it too');
SELECT is(pg_temp.shown(:'expiring'), 'tap-a', 'so does one that has yet to expire');
SELECT is(pg_temp.shown(:'key_of_b'), 'tap-b', 'a key of another tenant opens that');
SELECT is(pg_temp.listed(), '0', 'alone');

-- Beside the key a tenant may be named; the two must agree.
SELECT is(pg_temp.shown(:'key', tenant_id), answer, 'a key of tap-a, ' || said)
FROM (VALUES
    ('tap-a',  'tap-a',                                         'tap-a named'),
    (NULL,     'tap-a',                                         'none named'),
    ('tap-b',  'RF007|the API key belongs to another tenant',   'tap-b named'),
    ('TAP-A',  'RF007|the API key belongs to another tenant',   'tap-a named in upper case'),
    ('tap-a ', 'RF007|the API key belongs to another tenant',   'tap-a named with a space'),
    ('',       'RF007|the API key belongs to another tenant',   'the empty name')) AS named (tenant_id, answer, said);
SELECT is(pg_temp.shown(format('rf_%s_%s', :'id', :'other_secret'), 'tap-b'), :'unknown', 'what a wrong key is for is not told');

-- No keys.
SELECT is(pg_temp.shown(shown), :'malformed', 'malformed: ' || said)
FROM (VALUES
    (NULL,                                              'nothing'),
    ('',                                                'the empty string'),
    ('x',                                               'a letter'),
    (repeat('x', 84),                                   'as many letters as a key has'),
    (repeat('_', 84),                                   'as many underscores'),
    (repeat('x', 10000),                                'ten thousand letters'),
    (:'key' || ' ',                                     'a space after the key'),
    (' ' || :'key',                                     'a space before it'),
    (:'key' || E'\n',                                   'a new line after it'),
    (left(:'key', -1),                                  'a digit less'),
    (:'key' || '0',                                     'a digit more'),
    (upper(:'key'),                                     'upper case'),
    (replace(:'key', 'rf_', 'sk_'),                     'another prefix'),
    (replace(:'key', '_', '-'),                         'other separators'),
    (overlay(:'key' PLACING '_' FROM 50),               'a separator too many'),
    (:'id',                                             'the public part'),
    (:'secret',                                         'the secret part'),
    (:'hash',                                           'the stored hash'),
    ('tap-a',                                           'the tenant'),
    (format('rf_%s_%s', :'id', upper(translate(:'secret', '0123456789', 'abcdefabcd'))), 'an id with a secret in upper case'),
    (format('rf_%s_%s', upper(translate(:'id', '0123456789', 'abcdefabcd')), :'secret'), 'an id in upper case'),
    (format('rf_%s%%_%s', left(:'id', 15), :'secret'),       'a pattern for an id'),
    (overlay(:'key' PLACING '0' FROM 20),                'a digit for its second separator'),
    (overlay(:'key' PLACING '0_' FROM 20),               'its second separator one later'),
    ('fr_' || substr(:'key', 4),                         'another kind, of the same letters'),
    (overlay(:'key' PLACING '_' FROM 30),                'a third separator'),
    (left(:'key', 80) || repeat(chr(233), 2),            'as many bytes, and no hexadecimal digits'),
    (chr(65279) || :'key',                              'a byte order mark before it')) AS malformed (shown, said);

-- Keys of the right form that are none. Of those that exist nothing more is told than of those that do not.
SELECT is(pg_temp.shown(shown), :'unknown', 'unknown: ' || said)
FROM (VALUES
    (format('rf_%s_%s', repeat('0', 16), repeat('0', 64)),   'one that never was'),
    (format('rf_%s_%s', repeat('0', 16), :'secret'),         'a secret that exists under an id that does not'),
    (format('rf_%s_%s', :'id', repeat('0', 64)),             'an id that exists with a secret that does not'),
    (format('rf_%s_%s', :'id', :'other_secret'),             'an id with the secret of another key of the same tenant'),
    (format('rf_%s_%s', :'id', :'hash'),                     'an id with the stored hash for a secret'),
    (format('rf_%s_%s', :'revoked_id', repeat('0', 64)),     'the id of a revoked key with a wrong secret'),
    (format('rf_%s_%s', :'expired_id', repeat('0', 64)),     'the id of an expired key with a wrong secret')) AS unknown (shown,
    said);

-- Keys that were good.
SELECT is(pg_temp.shown(:'revoked'), 'RF005|the API key is not valid|revoked: ' || :'revoked_id', 'a revoked key');
SELECT is(pg_temp.shown(:'expired'), 'RF005|the API key is not valid|expired: ' || :'expired_id', 'an expired key');
SELECT is(pg_temp.shown(:'revoked', 'tap-b'), 'RF005|the API key is not valid|revoked: ' || :'revoked_id',
    'a revoked key beside another tenant is a revoked key');
SELECT is(current_setting('app.tenant_id'), 'tap-a', 'none of these was set as the tenant: it is the last that was proven');
SELECT is(pg_temp.listed(), '1', 'which is still proven');

-- Whose this function is. Allowed are all the calls above.
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(pg_temp.shown(:'key'), '42501|permission denied for function enter_tenant', 'a gateway shows no key');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.shown(:'key'), '42501|permission denied for function enter_tenant', 'nor does an administrator');
SET LOCAL SESSION AUTHORIZATION tap_stranger;
SELECT is(pg_temp.shown(:'key'), '42501|permission denied for function enter_tenant', 'nor a stranger');
SET LOCAL SESSION AUTHORIZATION audit_migrator;
SELECT is(pg_temp.shown(:'key'), '42501|permission denied for function enter_tenant', 'nor the migrator');

-- Without a secret to make proofs of there are none.
RESET SESSION AUTHORIZATION;
DELETE FROM audit.proof_secrets;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.listed(), 'RF001', 'without a secret of the proofs what was proven is no more');
SELECT is(pg_temp.shown(:'key'), :'unknown', 'and no key opens anything');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, '42501', NULL, 'in no direction');

SELECT * FROM finish();
ROLLBACK;
