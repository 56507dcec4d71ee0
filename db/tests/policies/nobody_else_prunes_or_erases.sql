-- Proves: no login that serves, administers, seals, signs, prunes or erases deletes, empties or fills anything of what is kept, by any statement, whatever it has set and
-- whichever key it has entered with, and none becomes audit_keeper; the job and the eraser read no record, hold or event, and neither does the other's work.

BEGIN;
SELECT plan(196);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/sealer.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap', ARRAY['read', 'write', 'import']) AS key \gset
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2020-01-01 00:00:00+00', 'jane'), pg_temp.seal(), audit.set_retention('tap-a', 365, 30), audit.place_hold('tap-a', 'r', 'held', 'jane') \gset
SELECT pg_temp.kept('tap-a', 2, 'LIVE', now() - interval '1 day', 'jane'), pg_temp.seal() \gset
INSERT INTO audit.pruned_ids (id) VALUES (gen_random_uuid());
CREATE TEMPORARY TABLE login (name text);
INSERT INTO login VALUES ('audit_app'), ('tap_gateway'), ('tap_registrar'), ('tap_sealer'), ('tap_signer'), ('tap_retention'), ('tap_eraser');
CREATE TEMPORARY TABLE attack (number int GENERATED ALWAYS AS IDENTITY, statement text, refusal text);
INSERT INTO attack (statement, refusal) VALUES
    ('DELETE FROM audit.audit_logs', 'permission denied for table audit_logs'),
    ('UPDATE audit.audit_logs SET user_id = NULL, error = NULL, context = NULL', 'permission denied for table audit_logs'),
    ('DELETE FROM audit.seals', 'permission denied for table seals'),
    ('UPDATE audit.seals SET record_id = NULL, salt = NULL', 'permission denied for table seals'),
    ('UPDATE audit.seals SET leaf_hash = sha256('''')', 'permission denied for table seals'),
    ('DELETE FROM audit.legal_holds', 'permission denied for table legal_holds'),
    ('UPDATE audit.legal_holds SET released_at = now()', 'permission denied for table legal_holds'),
    ('INSERT INTO audit.legal_holds DEFAULT VALUES', 'permission denied for table legal_holds'),
    ('UPDATE audit.retention SET live_days = 1', 'permission denied for table retention'),
    ('INSERT INTO audit.retention DEFAULT VALUES', 'permission denied for table retention'),
    ('UPDATE audit.retention_rules SET live_floor_days = 1', 'permission denied for table retention_rules'),
    ('DELETE FROM audit.pruned_ids', 'permission denied for table pruned_ids'),
    ('INSERT INTO audit.pruned_ids SELECT gen_random_uuid()', 'permission denied for table pruned_ids'),
    ('SELECT FROM audit.legal_holds', 'permission denied for table legal_holds'),
    ('SELECT FROM audit.retention', 'permission denied for table retention'),
    ('SELECT FROM audit.pruned_ids', 'permission denied for table pruned_ids'),
    ('SELECT audit.prune_tenant(''tap-a'', now())', 'permission denied for function prune_tenant'),
    ('SELECT audit.erase_records(''tap-a'', ''{}'')', 'permission denied for function erase_records'),
    ('SELECT audit.enter_tenant_to_keep(''tap-a'')', 'permission denied for function enter_tenant_to_keep'),
    ('SELECT audit.set_retention_rules(1, false)', 'permission denied for function set_retention_rules'),
    ('SET LOCAL ROLE audit_keeper', 'permission denied to set role "audit_keeper"'),
    ('SET LOCAL ROLE audit_owner', 'permission denied to set role "audit_owner"'),
    ('CREATE FUNCTION audit.mine() RETURNS int LANGUAGE sql AS ''SELECT 1''', 'permission denied for schema audit');
-- As this login, with what it can set by itself, and the key where it can enter with one.
CREATE FUNCTION pg_temp.tries(p_login text, p_statement text, p_key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('session_authorization', p_login, true), set_config('app.tenant_id', 'tap-a', true), set_config('app.scope', 'keep', true), set_config('app.scopes', 'keep,seal', true);
    IF p_login = 'audit_app' THEN
        PERFORM audit.enter_tenant(p_key);
    END IF;
    EXECUTE p_statement;
    RAISE EXCEPTION USING ERRCODE = 'TAP00', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.tries(name, statement, :'key'), refusal, format('%s cannot: %s', name, statement)) FROM login CROSS JOIN attack ORDER BY name, number;
-- The job, which prunes, and the eraser: through their functions.
SELECT is(pg_temp.tries(login, statement, ''), refusal, format('%s cannot: %s', login, statement))
FROM (VALUES ('tap_retention'), ('tap_eraser')) AS l (login) CROSS JOIN (VALUES ('SELECT FROM audit.audit_logs', 'permission denied for table audit_logs'), ('SELECT FROM audit.seals', 'permission denied for table seals'),
             ('SELECT FROM audit.admin_events', 'permission denied for table admin_events'), ('SELECT FROM audit.tenants', 'permission denied for table tenants'),
             ('SELECT audit.list_audit_logs()', 'permission denied for function list_audit_logs'), ('SELECT audit.list_all_admin_events()', 'permission denied for function list_all_admin_events'),
             ('SELECT audit.get_audit_log(gen_random_uuid())', 'permission denied for function get_audit_log'),
             ('SELECT audit.insert_audit_log(''a'', ''LIVE'', ''success'')', 'permission denied for function insert_audit_log')) AS c (statement, refusal);
SELECT is(pg_temp.tries('tap_retention', 'SELECT audit.prune_records()', ''), 'done', 'the job prunes');
SELECT is(pg_temp.tries('tap_eraser', 'SELECT audit.erase_user(''tap-a'', ''joe'', ''request'')', ''), 'done', 'the eraser erases');
SELECT is(pg_temp.tries('tap_retention', statement, ''), refusal, 'the job cannot: ' || statement)
FROM (VALUES ('SELECT audit.erase_user(''tap-a'', ''joe'', ''request'')', 'permission denied for function erase_user'),
             ('SELECT audit.erase_record(''tap-a'', gen_random_uuid(), ''request'')', 'permission denied for function erase_record'),
             ('SELECT audit.refresh_statistics()', 'permission denied for function refresh_statistics')) AS c (statement, refusal);
SELECT is(pg_temp.tries('tap_eraser', statement, ''), refusal, 'the eraser cannot: ' || statement)
FROM (VALUES ('SELECT audit.prune_records()', 'permission denied for function prune_records'), ('SELECT audit.count_due_records()', 'permission denied for function count_due_records'),
             ('SELECT audit.list_retention()', 'permission denied for function list_retention'), ('SELECT audit.list_holds()', 'permission denied for function list_holds')) AS c (statement, refusal);
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records()'), '0', 'and a hold and a term keep what they keep from it');
SELECT is(pg_temp.left_of('tap-a'), '1 2', 'all is there');
-- The superuser shows that a statement of each kind is a good one.
SELECT lives_ok(statement, 'a good statement: ' || statement)
FROM attack WHERE statement ~ '^(DELETE|UPDATE|SELECT FROM)' AND statement !~ 'audit_logs SET|seals SET record|retention SET|DELETE FROM audit.(seals|audit_logs)' ORDER BY number;

SELECT * FROM finish();
ROLLBACK;
