-- Proves: neither what lies around in other schemas, nor another role, nor what audit_keyed could read makes a proof. Functions
-- and operators that answer to the names the policies and functions use are put in front of the real ones; they are shown to
-- be in front, and to change nothing.

BEGIN;
SELECT plan(48);

-- Not what audit_keyed has. Without the grant there is nothing to show: this is about the policies, were it given one day.
GRANT SELECT ON audit.audit_logs TO audit_keyed;
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'agent-of-a'), (gen_random_uuid(), 'tap-b', 'agent-of-b');
SELECT audit.issue_api_key('tap-a', 'tap') AS key_of_a \gset
ANALYZE audit.proof_secrets;
\ir ../support/gateway.sql
CREATE ROLE tap_other_service LOGIN IN ROLE audit_keyed;
CREATE ROLE tap_stranger LOGIN;

-- What the secret is made of, and what a proof is bound to, are for nobody to read or write.
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(audit.enter_tenant(:'key_of_a'), 'tap-a', 'a key of tap-a is shown');
SELECT current_setting('app.proof') AS proof \gset
SELECT throws_ok(format(command, name), '42501', 'permission denied for table ' || name, format(command, name) || ' is refused')
FROM (VALUES ('api_keys'), ('api_key_uses'), ('proof_secrets')) AS t (name),
     (VALUES ('SELECT FROM audit.%s'), ('INSERT INTO audit.%s DEFAULT VALUES'), ('DELETE FROM audit.%s'), ('TRUNCATE audit.%s'),
             ('LOCK TABLE audit.%s IN SHARE MODE')) AS c (command);
SELECT throws_ok('SELECT audit.transaction_identity()', '42501', 'permission denied for function transaction_identity',
    'what a proof is bound to is told to nobody');
SELECT throws_ok('SELECT audit.tenant_proof(''1'', ''tap-b'', ''read'', ''1'', '''', ''1'')', '42501',
    'permission denied for function tenant_proof', 'nor is a proof computed for anybody');
SELECT is_empty($$SELECT FROM pg_stats WHERE tablename = 'proof_secrets'$$, 'nor do statistics tell of the secret');
RESET SESSION AUTHORIZATION;
SELECT lives_ok(format('SELECT FROM audit.%s', name), format('the superuser reads %s', name))
FROM (VALUES ('api_keys'), ('api_key_uses'), ('proof_secrets')) AS t (name);
SELECT isnt_empty($$SELECT FROM pg_stats WHERE tablename = 'proof_secrets'$$, 'and its statistics');

-- Other roles. The proof is the transaction's, and it shows whoever is bound by it what it shows the first.
SET LOCAL SESSION AUTHORIZATION audit_app;
SET LOCAL ROLE audit_keyed;
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'the group itself sees tap-a');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is_empty('SELECT FROM audit.audit_logs', 'and of tap-b nothing');
RESET ROLE;
SELECT is_empty('SELECT FROM audit.audit_logs', 'nor does the service, after RESET ROLE');
SET LOCAL SESSION AUTHORIZATION tap_other_service;
SELECT is_empty('SELECT FROM audit.audit_logs', 'nor does another login of the group');
SELECT set_config('app.tenant_id', 'tap-a', true) \gset
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'which sees tap-a alone');
SET LOCAL SESSION AUTHORIZATION tap_stranger;
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501', 'permission denied for schema audit', 'a stranger sees nothing');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok(format('SELECT audit.enter_tenant(%L)', :'key_of_a'), '42501', 'permission denied for function enter_tenant',
    'a gateway names its tenant and shows no key');
-- The owner, as whom the functions run, has a policy for records as well.
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
SET LOCAL app.scope = 'write';
SELECT results_eq('SELECT agent_id FROM audit.audit_logs', ARRAY['agent-of-a'], 'the owner recognises the records of tap-a');
SELECT set_config('app.tenant_id', 'tap-b', true) \gset
SELECT is_empty('SELECT FROM audit.audit_logs', 'not those of tap-b, which is named and not proven');
SELECT set_config('app.tenant_id', 'tap-a', true), set_config('app.proof', '', true) \gset
SELECT is_empty('SELECT FROM audit.audit_logs', 'and without a proof none at all');
RESET ROLE;

-- Traps, in front of everything: they answer what would open tap-b.
CREATE FUNCTION public.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE FUNCTION public.always(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR public.= (FUNCTION = public.always, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR public.<> (FUNCTION = public.always, LEFTARG = text, RIGHTARG = text);
CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT '\x00'::bytea $$;
CREATE FUNCTION public.encode(bytea, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE FUNCTION public.convert_to(text, name) RETURNS bytea LANGUAGE sql AS $$ SELECT '\x00'::bytea $$;
CREATE FUNCTION public.concat(VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE FUNCTION public.string_to_array(text, text) RETURNS text[] LANGUAGE sql AS $$ SELECT '{read,write,trap,trap}'::text[] $$;
CREATE FUNCTION public.length(text) RETURNS int LANGUAGE sql AS $$ SELECT 0 $$;
CREATE FUNCTION public.transaction_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '-infinity'::timestamptz $$;
CREATE FUNCTION public.pg_backend_pid() RETURNS int LANGUAGE sql AS $$ SELECT 0 $$;
CREATE FUNCTION public.proven_tenant(text) RETURNS text LANGUAGE sql AS $$ SELECT 'tap-b' $$;
CREATE FUNCTION public.tenant_proof(text, text, text, text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE FUNCTION public.abs(numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT 0 $$;
CREATE FUNCTION public.has_table_privilege(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION public.has_column_privilege(text, text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION public.proven_writer(text) RETURNS text LANGUAGE sql AS $$ SELECT 'tap-b:trap' $$;
CREATE FUNCTION public.is_context(json) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION public.transaction_identity() RETURNS text LANGUAGE sql AS $$ SELECT 'trap' $$;
CREATE TABLE public.proof_secrets (id bigint, inner_key bytea, outer_key bytea);
CREATE TABLE public.audit_logs (LIKE audit.audit_logs);
GRANT ALL ON public.proof_secrets, public.audit_logs TO PUBLIC;
-- Runs a query behind the traps. pgTAP would fall into them, so that only the answer leaves.
CREATE FUNCTION pg_temp.trapped(p_query text) RETURNS text LANGUAGE plpgsql
SET search_path = public, audit, pg_catalog, pg_temp AS $$
DECLARE
    v_answer text;
BEGIN
    EXECUTE p_query INTO v_answer;
    RETURN v_answer;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(pg_temp.trapped($$SELECT current_setting('app.tenant_id', true)$$), 'trap', 'the traps are in front: a setting');
SELECT is(pg_temp.trapped($$SELECT 'x'::text = 'y'::text$$), 'true', 'a comparison');
SELECT is(pg_temp.trapped($$SELECT proven_tenant('x')$$), 'tap-b', 'the proven tenant itself');
SELECT is(pg_temp.trapped($$SELECT clock_timestamp()$$), '-infinity', 'the clock');

-- What audit.list_audit_logs() calls where it is not granted.
\set listing 'SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, ''desc'', NULL, NULL)::json ->> ''count'''
\set seen 'SELECT string_agg(DISTINCT agent_id, '' '') FROM audit.audit_logs WHERE tenant_id = ''tap-b''::text'
SELECT set_config('app.tenant_id', 'tap-b', true), set_config('app.scopes', 'read,write', true),
       set_config('app.proof', '', true) \gset
SELECT is(pg_temp.trapped(:'seen'), NULL, 'tap-b named, no proof: nothing is seen');
SELECT set_config('app.proof', '1:trap:trap:trap', true) \gset
SELECT is(pg_temp.trapped(:'seen'), NULL, 'tap-b named, with the proof that the traps would make: nothing is seen');
SELECT set_config('app.proof', :'proof', true) \gset
SELECT is(pg_temp.trapped(:'seen'), NULL, 'tap-b named, with the proof of tap-a: nothing is seen');
SELECT is(pg_temp.trapped($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
    VALUES (gen_random_uuid(), 'tap-b', 'x') RETURNING 'appended'$$), '42501', 'nor appended');
SELECT is(pg_temp.trapped(:'listing'), 'RF001', 'nor listed');
SELECT is(pg_temp.trapped(format('SELECT audit.enter_tenant(%L)', overlay(:'key_of_a' PLACING 'x' FROM 84))), 'RF005',
    'a wrong key is refused');
SELECT is(pg_temp.trapped(format('SELECT audit.enter_tenant(%L)', :'key_of_a')), 'tap-a', 'the right one is accepted');
SELECT is(pg_temp.trapped(:'seen'), 'agent-of-a',
    'then tap-a is seen, though the query, in a comparison that is a trap, says tap-b');
SELECT is(pg_temp.trapped($$SELECT audit.insert_audit_log('agent-of-a', 'LIVE', 'success') IS NOT NULL$$), 'true',
    'and appended to');
SELECT is(pg_temp.trapped(:'listing'), '2', 'and listed');
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FROM public.audit_logs), 0::bigint, 'the shadow of the table swallowed nothing');

SELECT * FROM finish();
ROLLBACK;
