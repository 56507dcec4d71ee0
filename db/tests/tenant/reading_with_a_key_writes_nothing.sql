-- Proves: entering a tenant and reading with its key write nothing and take no transaction number, so that they cost little, hold no
-- VACUUM back, and work where nothing can be written; each beside a write that does. Two transactions; neither changes the database.

BEGIN;
SELECT plan(27);
-- Every call that reads.
CREATE TEMPORARY TABLE reading (call text);
INSERT INTO reading VALUES
    ('audit.list_audit_logs()'), ('audit.list_audit_logs(p_agent_id => ''agent'', p_limit => 1)'),
    ('audit.get_audit_log(''01900000-0000-7000-8000-00000000000a'')'), ('audit.list_admin_events()'),
    ('audit.count_audit_logs()'), ('audit.summarize_audit_logs()'),
    ('audit.continue_export(''{"format": "ndjson", "order": "desc", "count": 0}'')'), ('(SELECT count(*) FROM audit.export_audit_logs())'),
    ('audit.proven_tenant(''read'')');
GRANT SELECT ON reading TO PUBLIC;
-- Makes each of them and returns how many there were.
CREATE FUNCTION pg_temp.read() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    v_call  text;
    v_calls int := 0;
BEGIN
    FOR v_call IN SELECT r.call FROM reading AS r LOOP
        EXECUTE 'SELECT ' || v_call;
        v_calls := v_calls + 1;
    END LOOP;
    RETURN v_calls;
END
$$;
-- Rows of schema audit that this transaction has written.
CREATE FUNCTION pg_temp.written() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
    SELECT sum(pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid))
    FROM pg_class AS c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'r'
$$;
-- Numbers of this transaction and of its subtransactions: each is locked by its holder.
CREATE FUNCTION pg_temp.numbers() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND pid = pg_backend_pid()
$$;
-- What a call does to pages and to the write-ahead log. The second time: the first may have to read the catalogue.
CREATE FUNCTION pg_temp.traces(p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_plan json;
BEGIN
    FOR n IN 1..2 LOOP
        EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, WAL, TIMING off, FORMAT json) SELECT ' || p_call INTO v_plan;
    END LOOP;
    RETURN format('%s pages dirtied, %s records logged', v_plan #>> '{0,Plan,Shared Dirtied Blocks}', v_plan #>> '{0,Plan,WAL Records}');
END
$$;
COMMIT;

-- A transaction that cannot write. The tenant is proven as audit.enter_tenant() has it proven, without a key, which would have to be
-- written first. pgTAP notes its results, which takes a number, so they wait until the end. In an empty database no tenant is
-- registered, and nobody reads.
SELECT EXISTS (SELECT FROM audit.tenants) AS is_in_use, coalesce(min(id), 'tap-a') AS tenant FROM audit.tenants \gset
BEGIN READ ONLY;
SELECT audit.set_proven_tenant(s.id::text, :'tenant', 'read,write', '0123456789abcdef', '') FROM audit.proof_secrets AS s WHERE s.replaced_at IS NULL \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT audit.proven_tenant('read') AS proven \gset
\if :is_in_use
SELECT pg_temp.read() \gset
\endif
SELECT pg_current_xact_id_if_assigned() IS NULL AS has_none \gset
SELECT is(:'proven'::text, :'tenant', 'READ ONLY: a tenant is proven');
SELECT ok(:'has_none', 'and its reading takes no number');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, '25006', NULL, 'a write is refused');
SELECT throws_ok($$SELECT audit.record_api_key_use('read')$$, '25006', NULL, 'as is the note of a use, which is a write');
SELECT isnt(pg_current_xact_id_if_assigned(), NULL, 'a number that is taken, by pgTAP, is seen');
COMMIT;

-- A transaction that has made a tenant and a key, and so has a number and has written rows. What it did under a savepoint would take
-- another number.
BEGIN;
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES ('01900000-0000-7000-8000-00000000000a', 'tap-a', 'agent');
SELECT pg_temp.written() AS written, pg_temp.numbers() AS numbers \gset
SET LOCAL SESSION AUTHORIZATION audit_app;
SAVEPOINT work;
SELECT audit.enter_tenant(:'key') AS entered \gset
SELECT pg_temp.read() AS calls, audit.list_audit_logs()::json ->> 'count' AS count \gset
SELECT count(audit.enter_tenant(:'key')) AS entries FROM generate_series(1, 1000) \gset
SELECT pg_temp.numbers() AS numbers_then, pg_temp.written() AS written_then \gset
SELECT audit.insert_audit_log('agent', 'LIVE', 'success') \gset
SELECT pg_temp.numbers() AS numbers_at_last, pg_temp.written() AS written_at_last \gset
SELECT is(:'entered'::text, 'tap-a', 'a key opens its tenant');
SELECT is(:calls, 9, 'every call that reads is made');
SELECT is(:'count'::text, '1', 'and shows its record');
SELECT is(:entries, 1000, 'a thousand entries are made');
SELECT is(:written_then, :written, 'no row of schema audit is written');
SELECT is(:numbers_then, :numbers, 'and no number taken');
SELECT is(:written_at_last, :written + 1, 'a record is a row');
SELECT is(:numbers_at_last, :numbers + 1, 'and takes a number');
SELECT is(pg_temp.traces(format('audit.enter_tenant(%L)', :'key')), '0 pages dirtied, 0 records logged', 'no trace: audit.enter_tenant()');
SELECT is(pg_temp.traces(call), '0 pages dirtied, 0 records logged', 'no trace: ' || call) FROM reading;
SELECT unalike(pg_temp.traces($$audit.insert_audit_log('agent', 'LIVE', 'success')$$), '% 0 records logged', 'a record leaves traces');
SET TRANSACTION READ ONLY;
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'READ ONLY from here on: the key opens its tenant');
SELECT is(pg_temp.read(), 9, 'and every call reads');
SELECT throws_ok($$SELECT audit.insert_audit_log('agent', 'LIVE', 'success')$$, '25006', NULL, 'while none writes');

SELECT * FROM finish();
ROLLBACK;
