-- Proves: a hold is released with a reason, once; where the owner has turned that on, by two logins, of which neither is enough; each step is on record.

BEGIN;
SELECT plan(27);
\ir ../support/kept.sql
\ir ../support/registrar.sql
CREATE ROLE tap_second LOGIN IN ROLE audit_admin;
\ir ../support/answer.sql
\ir ../support/new_events.sql
SELECT audit.create_tenant('tap-a') \gset
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_registrar, tap_second', pg_my_temp_schema()::regnamespace); END $$;
UPDATE audit.retention_rules SET release_by_two = false;
SELECT audit.place_hold('tap-a', 'reason', 'case 1') AS first, audit.place_hold('tap-a', 'reason', 'case 2') AS second, audit.place_hold('tap-a', 'reason', 'case 3') AS third \gset
SELECT count(*) FROM pg_temp.new_events() \gset
PREPARE hold (uuid) AS SELECT h.status, h.release_asked_by, h.release_asked_at, h.released_by, h.released_at, h.release_reason FROM audit.list_holds() AS h WHERE h.id = $1;

-- By one.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.answer(format('audit.release_hold(%L, NULL)', :'first')), 'RF003|a release has a reason|reason', 'without a reason nothing is released');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, '''')', :'first')), '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reason_size"', 'nor with an empty one');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, repeat(''r'', 501))', :'first')), '23514|new row for relation "legal_holds" violates check constraint "legal_holds_reason_size"', 'nor with a long one');
SELECT is(pg_temp.answer('audit.release_hold(gen_random_uuid(), ''over'')'), 'RF003|no hold of this id is left to release|id', 'nor what is no hold');
SELECT results_eq(format('EXECUTE hold (%L)', :'first'), $$VALUES ('held', NULL, NULL::timestamptz, NULL, NULL::timestamptz, NULL)$$, 'it holds');
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'first')), 'RF003|no release of a hold of this id waits to be confirmed|id', 'and there is nothing to confirm');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, ''over'')', :'first')), 'released', 'one administrator releases');
SELECT results_eq(format('EXECUTE hold (%L)', :'first'), $$VALUES ('released', NULL, NULL::timestamptz, 'tap_registrar', now(), 'over')$$, 'with who, when and why');
SELECT results_eq(format('EXECUTE hold (%L)', :'second'), $$VALUES ('held', NULL, NULL::timestamptz, NULL, NULL::timestamptz, NULL)$$, 'another hold stays');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, ''again'')', :'first')), 'RF003|no hold of this id is left to release|id', 'once');
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT act, tenant_id, api_key_id, actor, detail FROM pg_temp.new_events()',
    format($$VALUES ('hold released', 'tap-a', NULL, 'tap_registrar', jsonb_build_object('hold', %L))$$, :'first'), 'it is on record');

-- By two.
UPDATE audit.retention_rules SET release_by_two = true;
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'second')), 'RF003|no release of a hold of this id waits to be confirmed|id', 'nobody confirms what nobody has asked for');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, ''over'')', :'second')), 'release asked', 'where two are needed, one asks');
SELECT results_eq(format('EXECUTE hold (%L)', :'second'), $$VALUES ('release asked', 'tap_registrar', now(), NULL, NULL::timestamptz, 'over')$$, 'which releases nothing');
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'second')), 'RF006|a release is confirmed by another login than the one that asked', 'the one that asked does not confirm');
SET LOCAL ROLE audit_admin;
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'second')), 'RF006|a release is confirmed by another login than the one that asked', 'whichever role it takes');
RESET ROLE;
SELECT is(pg_temp.answer('audit.release_hold(gen_random_uuid(), ''over'')'), 'RF003|no hold of this id is left to release|id', 'nobody asks for what is no hold');
SET LOCAL SESSION AUTHORIZATION tap_second;
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'first')), 'RF003|no release of a hold of this id waits to be confirmed|id', 'what was released is not confirmed');
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'third')), 'RF003|no release of a hold of this id waits to be confirmed|id', 'nor what was not asked for');
SELECT is(pg_temp.answer(format('audit.release_hold(%L, ''over indeed'')', :'second')), 'RF003|another login has asked for the release already|id', 'another login does not ask in place of the first');
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'second')), '', 'it confirms');
SELECT results_eq(format('EXECUTE hold (%L)', :'second'), $$VALUES ('released', 'tap_registrar', now(), 'tap_second', now(), 'over')$$, 'and the hold ends, with both');
SELECT is(pg_temp.answer(format('audit.confirm_release(%L)', :'second')), 'RF003|no release of a hold of this id waits to be confirmed|id', 'once');
SELECT results_eq(format('EXECUTE hold (%L)', :'third'), $$VALUES ('held', NULL, NULL::timestamptz, NULL, NULL::timestamptz, NULL)$$, 'another hold stays');
RESET SESSION AUTHORIZATION;
SELECT results_eq('SELECT act, tenant_id, api_key_id, actor, detail FROM pg_temp.new_events()',
    format($$SELECT e.*, jsonb_build_object('hold', %L) FROM (VALUES ('hold release asked', 'tap-a', NULL, 'tap_registrar'), ('hold released', 'tap-a', NULL, 'tap_second')) AS e$$, :'second'), 'each step is on record');
-- The rule is turned off meanwhile.
SET LOCAL SESSION AUTHORIZATION tap_registrar;
SELECT audit.release_hold(:'third', 'over') \gset
RESET SESSION AUTHORIZATION;
UPDATE audit.retention_rules SET release_by_two = false;
SET LOCAL SESSION AUTHORIZATION tap_second;
SELECT is(pg_temp.answer(format('audit.release_hold(%L, ''now'')', :'third')), 'released', 'where two are needed no longer, one releases');
SELECT results_eq(format('EXECUTE hold (%L)', :'third'), $$VALUES ('released', 'tap_registrar', now(), 'tap_second', now(), 'now')$$, 'and who has asked stays');
RESET SESSION AUTHORIZATION;

SELECT * FROM finish();
ROLLBACK;
