-- Proves: the restriction of a key is in its proof, so a key that shows a part of its tenant proves neither the whole nor another part, whatever
-- is set. And what asks for the restriction is told a value that no record has, where none is proven.

BEGIN;
SELECT plan(56);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
\ir ../support/part.sql
\ir ../support/proof.sql
SELECT pg_temp.restricted('tap-a', '{"agent_id": "one", "start_time": "2026-01-01T00:02:00Z"}') AS part, audit.issue_api_key('tap-a', 'tap') AS key \gset
\ir ../support/key_id.sql
-- What the transaction has proven, as the policies are told it.
CREATE FUNCTION pg_temp.proven() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN concat_ws(', ', audit.proven_tenant('read') || ' whole', audit.proven_tenant('write') || ' to write', audit.proven_writer('write'),
        audit.proven_restricted_tenant('read') || ' in part', audit.proven_restricted_tenant('write') || ' in part, to write');
EXCEPTION WHEN SQLSTATE 'RF001' THEN
    RETURN SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.value(p_name text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(audit.proven_restriction(p_name), 'any') $$;
CREATE FUNCTION pg_temp.values() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(pg_temp.value(name), ' ' ORDER BY number)
    FROM unnest(ARRAY['start_time', 'end_time', 'agent_id', 'trace_id', 'user_id', 'mode', 'status']) WITH ORDINALITY AS n (name, number)
$$;
CREATE FUNCTION pg_temp.claim(p_proof text, p_tenant_id text, p_scopes text, p_restriction text) RETURNS boolean LANGUAGE sql AS $$
    SELECT set_config('app.tenant_id', p_tenant_id, true) || set_config('app.scopes', p_scopes, true)
        || set_config('app.restriction', p_restriction, true) || set_config('app.proof', p_proof, true) IS NOT NULL
$$;
\set none '''infinity -infinity     '''
\set only_one '''{ "agent_id" : "one" }'''

-- A key that shows a part.
SELECT is(audit.enter_tenant(:'part'), 'tap-a', 'a key that shows a part of tap-a');
SELECT is(current_setting('app.restriction')::jsonb, '{"agent_id": "one", "start_time": "2026-01-01T00:02:00.000000Z"}', 'its restriction is set');
SELECT is(pg_temp.proven(), 'tap-a in part', 'it proves that part, to read');
SELECT is(pg_temp.values(), '2026-01-01T00:02:00.000000Z any one any any any any', 'and its values; of the other names it says nothing');
SELECT is(audit.proven_api_key(), pg_temp.id(:'part'), 'the key is named');
SELECT is(audit.required_proven_part('read'), 'tap-a', 'what lists, gets and exports accepts it');
SELECT throws_ok($$SELECT audit.required_proven_tenant('read')$$, 'RF006',
    'the key may not do that: it shows a part of the records, which it lists, counts, gets and exports', 'and nothing else');
SELECT throws_ok($$SELECT audit.required_proven_tenant('write')$$, 'RF001', NULL, 'nor is it asked about writing');
SELECT throws_ok($$SELECT audit.required_proven_part('write')$$, 'RF001', NULL, 'by either');
SELECT is(audit.writing_tenant(), NULL, 'it writes for no tenant');
SELECT current_setting('app.restriction') AS restriction, current_setting('app.proof') AS proof \gset

-- The same settings, changed one by one.
SELECT set_config('app.restriction', '', true) \gset
SELECT is(pg_temp.proven(), '', 'without its restriction nothing is proven, and least of all the whole');
SELECT is(pg_temp.values(), :none, 'and no record has what is asked for');
SELECT throws_ok($$SELECT audit.required_proven_tenant('read')$$, 'RF001', NULL, 'the whole is refused');
SELECT throws_ok($$SELECT audit.required_proven_part('read')$$, 'RF001', NULL, 'and the part');
SELECT is(audit.proven_api_key(), NULL, 'no key is named');
SELECT is(set_config('app.restriction', other, true) IS NOT NULL AND pg_temp.proven() = '' AND pg_temp.values() = :none, true,
    'nor with another restriction: ' || other)
FROM (VALUES ('{}'), ('{"agent_id": "two"}'), (:only_one), ('{"agent_id": "one", "start_time": "2026-01-01T00:02:00.000000Z"}'),
             (:'restriction' || ' '), (' ' || :'restriction'), ('null'), ('none'),
             (replace(:'restriction', '02', '01'))) AS r (other);
SELECT set_config('app.restriction', :'restriction', true) \gset
SELECT is(pg_temp.proven(), 'tap-a in part', 'with its own it is proven again');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is(pg_temp.proven(), '', 'of another tenant nothing is');
SELECT is(pg_temp.values(), :none, 'and no value');
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.scopes', 'read,write', true) \gset
SELECT is(pg_temp.proven(), '', 'nor with another scope');
SELECT set_config('app.scopes', 'read', true), set_config('app.proof', replace(:'proof', pg_temp.id(:'part'), pg_temp.id(:'key')), true) \gset
SELECT is(pg_temp.proven(), '', 'nor for another key');
SELECT set_config('app.proof', '', true) \gset
SELECT is(pg_temp.proven(), '', 'nor without a proof');
SELECT is(pg_temp.values(), :none, 'and no value');

-- A key that shows the whole.
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'a key that shows all of tap-a');
SELECT is(current_setting('app.restriction'), '', 'leaves no restriction');
SELECT is(pg_temp.proven(), format('tap-a whole, tap-a to write, tap-a:%s', pg_temp.id(:'key')), 'and proves the whole');
SELECT is(pg_temp.values(), :none, 'and no value');
SELECT is(audit.required_proven_tenant('read'), 'tap-a', 'it may do what a part may not');
SELECT is(audit.required_proven_part('read'), 'tap-a', 'and what it may');
SELECT set_config('app.restriction', :'restriction', true) \gset
SELECT is(pg_temp.proven(), format('tap-a whole, tap-a to write, tap-a:%s', pg_temp.id(:'key')), 'a restriction set beside its proof makes it no part');
SELECT is(pg_temp.values(), :none, 'and gives no value');

-- By the formula. The plain one is accepted, so each other is refused for the one thing that is different about it.
SELECT is(pg_temp.claim(pg_temp.proof(p_scopes => 'read', p_restriction => :only_one), 'tap-a', 'read', :only_one) AND pg_temp.proven() = 'tap-a in part', true,
    'a proof by the formula is accepted');
SELECT is(pg_temp.claim(pg_temp.proof(p_scopes => 'read', p_age => age, p_restriction => :only_one), 'tap-a', 'read', :only_one)
          AND pg_temp.proven() = proven, true, format('one that was made %s seconds ago: %s', age, proven))
FROM (VALUES (4.5, 'tap-a in part'), (5.5, 'the proof of the tenant has expired'), (86400, 'the proof of the tenant has expired'),
             (-4.5, 'tap-a in part'), (-5.5, 'the proof of the tenant has expired')) AS a (age, proven);
SELECT throws_ok('SELECT pg_temp.values()', 'RF001', 'the proof of the tenant has expired', 'its values expire with it');
SELECT is(pg_temp.claim(pg_temp.proof(p_scopes => 'read', p_restriction => :only_one, p_form => form), 'tap-a', 'read', :only_one)
          AND pg_temp.proven() = '', true, 'a digest of another form is refused: ' || form)
FROM (VALUES ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%13$s%7$s:%8$s%9$s:%10$s:%11$s'),
             ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%12$s%13$s%7$s:%8$s%9$s:%10$s:%11$s'), ('%1$s:%2$s%3$s:%4$s%5$s:%6$s%7$s:%8$s%12$s:%13$s%9$s:%10$s:%11$s')) AS f (form);
SELECT is(pg_temp.claim(pg_temp.proof(p_scopes => 'read', p_restriction => :only_one), 'tap-a', 'read', '') AND pg_temp.proven() = '', true,
    'a proof of a part is none of the whole');
SELECT is(pg_temp.claim(pg_temp.proof(p_scopes => 'read'), 'tap-a', 'read', :only_one) AND pg_temp.proven() = 'tap-a whole', true,
    'and one of the whole is none of a part');
SELECT is(pg_temp.claim(pg_temp.proof('tap-b', 'read', p_restriction => :only_one), 'tap-a', 'read', :only_one) AND pg_temp.proven() = '', true,
    'one of another tenant''s part is none');

-- Whoever names a tenant has no restriction, and one that an earlier user of the session has left is gone.
\ir ../support/gateway.sql
SELECT set_config('app.restriction', :'restriction', true) \gset
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'a tenant is named');
SELECT is(current_setting('app.restriction'), '', 'and no restriction is left');
SELECT is(audit.list_audit_logs()::json ->> 'count', '8', 'every record is listed');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
