-- Proves: administrators set how long the records of a tenant are kept, not below the floor of LIVE records, which the owner alone sets; a floor that
-- is raised holds for terms that were set before; each act is on record.

BEGIN;
SELECT plan(37);
\ir ../support/registrar.sql
\ir ../support/kept.sql
\ir ../support/gateway.sql
\ir ../support/answer.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
UPDATE audit.retention_rules SET live_floor_days = 183, release_by_two = false;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_registrar, tap_retention', pg_my_temp_schema()::regnamespace); END $$;
SELECT count(*) FROM pg_temp.new_events() \gset
CREATE FUNCTION pg_temp.terms() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s %s %s', r.tenant_id, coalesce(r.live_days::text, '-'), coalesce(r.dry_run_days::text, '-')), ', ' ORDER BY r.tenant_id), 'none')
    FROM audit.list_retention() AS r
$$;

SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.terms(), 'none', 'a tenant has no terms until they are set');
SELECT lives_ok($$SELECT audit.set_retention('tap-a', 183, 1)$$, 'LIVE records may be kept for as long as the floor says, DRY_RUN ones for a day');
SELECT is(pg_temp.terms(), 'tap-a 183 1', 'terms are listed');
SELECT is(pg_temp.answer($$audit.set_retention('tap-a', 182, 30)$$), 'RF003|LIVE records are kept at least 183 days|live_days', 'a day less is refused');
SELECT is(pg_temp.terms(), 'tap-a 183 1', 'and changes nothing');
SELECT lives_ok($$SELECT audit.set_retention('tap-b', NULL, 36500)$$, 'no term is for ever');
SELECT lives_ok($$SELECT audit.set_retention('tap-a', 36500, NULL)$$, 'terms can be set again');
SELECT is(pg_temp.terms(), 'tap-a 36500 -, tap-b - 36500', 'and are what was set last');
SELECT is(pg_temp.answer(call), answer, 'refused: ' || call)
FROM (VALUES ('audit.set_retention(''tap-a'', 36501, 1)', '23514|new row for relation "retention" violates check constraint "retention_live_days_range"'),
             ('audit.set_retention(''tap-a'', 0, 1)', 'RF003|LIVE records are kept at least 183 days|live_days'),
             ('audit.set_retention(''tap-a'', 365, 0)', '23514|new row for relation "retention" violates check constraint "retention_dry_run_days_range"'),
             ('audit.set_retention(''tap-a'', 365, 36501)', '23514|new row for relation "retention" violates check constraint "retention_dry_run_days_range"'),
             ('audit.set_retention(''tap-nobody'', 365, 1)', '23503|insert or update on table "retention" violates foreign key constraint "retention_tenant_id_fkey"'))
    AS c (call, answer);
RESET SESSION AUTHORIZATION;
SELECT results_eq($$SELECT e.act, e.tenant_id, e.actor, e.detail::text FROM pg_temp.new_events() AS e$$,
    $$VALUES ('retention set', 'tap-a', 'tap_registrar', '{"live_days": 183, "dry_run_days": 1}'),
             ('retention set', 'tap-b', 'tap_registrar', '{"live_days": null, "dry_run_days": 36500}'),
             ('retention set', 'tap-a', 'tap_registrar', '{"live_days": 36500, "dry_run_days": null}')$$,
    'what was set is on record, and what was refused is not');
SELECT results_eq('SELECT DISTINCT set_at FROM audit.retention', ARRAY[now()], 'with the time of the database');
UPDATE audit.retention SET set_at = '2001-01-01 00:00:00+00', pruned_at = '2002-01-01 00:00:00+00', pass_mode = 'LIVE', pass_time = '2003-01-01 00:00:00+00',
    pass_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' WHERE tenant_id = 'tap-a';
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.set_retention('tap-a', 365, 7) \gset
RESET SESSION AUTHORIZATION;
SELECT is((SELECT set_at FROM audit.retention WHERE tenant_id = 'tap-a'), now(), 'also when they are set again');

-- The floor.
SELECT count(*) FROM pg_temp.new_events() \gset
SET LOCAL ROLE audit_owner;
SELECT lives_ok('SELECT audit.set_retention_rules(400, true)', 'the owner sets a floor');
RESET ROLE;
SELECT results_eq('SELECT live_floor_days, release_by_two FROM audit.retention_rules', 'VALUES (400, true)', 'it is in the one row');
SELECT results_eq($$SELECT e.act, e.tenant_id, e.detail::text FROM pg_temp.new_events() AS e$$,
    $$VALUES ('retention rules set', NULL, '{"release_by_two": true, "live_floor_days": 400}')$$, 'and on record');
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.terms(), 'tap-a 400 7, tap-b - 36500', 'a floor that was raised holds for a term that was set before, and not where none is');
SELECT is(pg_temp.answer($$audit.set_retention('tap-a', 399, 1)$$), 'RF003|LIVE records are kept at least 400 days|live_days', 'and for what is set from then on');
SELECT is(pg_temp.answer('audit.set_retention_rules(1, false)'), '42501|permission denied for function set_retention_rules', 'an administrator sets no floor');
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_owner;
SELECT lives_ok('SELECT audit.set_retention_rules(1, false)', 'the owner lowers it');
SELECT is(pg_temp.answer('audit.set_retention_rules(0, false)'), '23514|new row for relation "retention_rules" violates check constraint "retention_rules_live_floor_days_range"', 'not below a day');
SELECT is(pg_temp.answer('audit.set_retention_rules(NULL, false)'), '23502|null value in column "live_floor_days" of relation "retention_rules" violates not-null constraint|live_floor_days', 'nor to nothing');
SELECT is(pg_temp.answer('audit.set_retention_rules(183, NULL)'), '23502|null value in column "release_by_two" of relation "retention_rules" violates not-null constraint|release_by_two', 'and says whether two release');
RESET ROLE;
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT lives_ok($$SELECT audit.set_retention('tap-a', 1, 1)$$, 'then LIVE records may be kept for a day');
RESET SESSION AUTHORIZATION;

-- The order in which they are pruned: who waits longest comes first.
UPDATE audit.retention SET pruned_at = CASE tenant_id WHEN 'tap-a' THEN timestamptz '2026-01-02 00:00:00+00' ELSE '2026-01-01 00:00:00+00' END;
SELECT results_eq('SELECT tenant_id, pruned_at FROM audit.list_retention()',
    $$VALUES ('tap-b', timestamptz '2026-01-01 00:00:00+00'), ('tap-a', '2026-01-02 00:00:00+00')$$, 'the tenant that has waited longest is listed first');
UPDATE audit.retention SET pruned_at = NULL WHERE tenant_id = 'tap-a';
SELECT results_eq('SELECT tenant_id FROM audit.list_retention()', ARRAY['tap-a', 'tap-b'], 'before it one that was never pruned');
UPDATE audit.retention SET pruned_at = NULL;
SELECT results_eq('SELECT tenant_id FROM audit.list_retention()', ARRAY['tap-a', 'tap-b'], 'and of equal ones by name');

SELECT results_eq('SELECT tenant_id FROM audit.list_retention(''tap-b'')', ARRAY['tap-b'], 'or one tenant alone is listed');
SELECT is(pg_temp.as_retention('count(*) FROM audit.list_retention()'), '2', 'the job that prunes reads the terms');
SELECT is(pg_temp.as_retention($$audit.set_retention('tap-a', 1, 1)$$), '42501 permission denied for function set_retention', 'and sets none');
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT audit.%s', login, call), '42501', NULL, format('%s cannot call %s', login, call))
FROM (VALUES ('audit_app'), ('tap_gateway')) AS l (login) CROSS JOIN (VALUES ('set_retention(''tap-a'', 1, 1)'), ('list_retention()')) AS c (call);

SELECT * FROM finish();
ROLLBACK;
