-- Proves: every table of schema audit and every index is listed once, with the table it is of, its bytes on disk and what was last counted; for those who run the
-- service, and tell nobody what is in them.

BEGIN;
SELECT plan(9);
\ir ../support/kept.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/sealer.sql
SELECT set_eq('SELECT relation, kind FROM audit.space_used()',
    $$SELECT c.relname::text, CASE c.relkind WHEN 'r' THEN 'table' ELSE 'index' END FROM pg_class AS c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'i')$$,
    'each table and each index');
SELECT is((SELECT count(*) FROM audit.space_used()), (SELECT count(DISTINCT relation) FROM audit.space_used()), 'once');
SELECT results_eq($$SELECT relation, kind FROM audit.space_used() WHERE of_table = 'seal_nodes'$$, $$VALUES ('seal_nodes', 'table'), ('seal_nodes_pkey', 'index')$$, 'a table, and its indexes after it');
SELECT is_empty($$SELECT relation FROM audit.space_used() WHERE kind = 'table' AND (relation <> of_table OR bytes IS DISTINCT FROM pg_table_size(('audit.' || relation)::regclass))$$,
    'the bytes of a table are those of its main part, its TOAST and its maps');
SELECT is_empty($$SELECT relation FROM audit.space_used() WHERE kind = 'index' AND bytes IS DISTINCT FROM pg_relation_size(('audit.' || relation)::regclass)$$, 'those of an index its own');
SELECT cmp_ok((SELECT sum(bytes) FROM audit.space_used()), '>', 0::numeric, 'there are some');
SELECT audit.create_tenant('tap-a') \gset
SELECT pg_temp.kept_many('tap-a', 1, 300, 'LIVE', '2026-01-01 00:00:00+00') \gset
ANALYZE audit.audit_logs;
SELECT is((SELECT records FROM audit.space_used() WHERE relation = 'audit_logs'), (SELECT count(*) FROM audit.audit_logs), 'records are as many as ANALYZE has counted');
UPDATE pg_class SET reltuples = -1 WHERE oid = 'audit.audit_logs'::regclass;
SELECT is((SELECT records FROM audit.space_used() WHERE relation = 'audit_logs'), 0::bigint, 'and none where it never has');
CREATE FUNCTION pg_temp.seen_by(p_login text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_seen text;
BEGIN
    BEGIN
        PERFORM set_config('session_authorization', p_login, true);
        SELECT CASE count(*) WHEN 0 THEN 'none' ELSE 'all' END INTO v_seen FROM audit.space_used();
    EXCEPTION WHEN insufficient_privilege THEN
        v_seen := 'refused';
    END;
    RESET SESSION AUTHORIZATION;
    RETURN v_seen;
END
$$;
SELECT is((SELECT string_agg(format('%s %s', login, pg_temp.seen_by(login)), ', ' ORDER BY login)
           FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar'), ('tap_retention'), ('tap_sealer'), ('audit_migrator')) AS l (login)),
    'audit_app all, audit_migrator refused, tap_gateway all, tap_registrar all, tap_retention all, tap_sealer refused', 'for the service, gateways, administrators and the job');

SELECT * FROM finish();
ROLLBACK;
