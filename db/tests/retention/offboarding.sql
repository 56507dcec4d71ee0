-- Proves: what is left to do for a tenant that leaves, step by step: each is done when it is, and not before, and told of this tenant alone; to administrators,
-- who learn that there are records and none of them.

BEGIN;
SELECT plan(43);
\ir ../support/kept.sql
\ir ../support/signer.sql
\ir ../support/gateway.sql
\ir ../support/registrar.sql
\ir ../support/answer.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SET LOCAL timezone = 'UTC';
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO tap_registrar, tap_gateway', pg_my_temp_schema()::regnamespace); END $$;
-- Which steps are done, by their first words, with ? where nobody knows; and what one of them says.
CREATE FUNCTION pg_temp.done() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_done text;
BEGIN
    PERFORM set_config('session_authorization', 'tap_registrar', true);
    SELECT string_agg(split_part(o.step, ' ', 1) || CASE WHEN o.is_done THEN '' ELSE '?' END, ' ' ORDER BY o.n) FILTER (WHERE o.is_done IS NOT false) INTO v_done
    FROM audit.offboarding('tap-a') WITH ORDINALITY AS o (step, is_done, detail, n);
    RESET SESSION AUTHORIZATION;
    RETURN coalesce(v_done, 'none');
END
$$;
CREATE FUNCTION pg_temp.said(p_step text) RETURNS text LANGUAGE sql AS $$ SELECT o.detail FROM audit.offboarding('tap-a') AS o WHERE o.step LIKE p_step || '%' $$;

SELECT is((SELECT array_agg(o.step ORDER BY o.n) FROM audit.offboarding('tap-a') WITH ORDINALITY AS o (step, is_done, detail, n)),
    ARRAY['take its last evidence export', 'revoke its keys', 'set its terms', 'release its holds', 'prune its records', 'keep its last checkpoint'], 'the steps, in their order');
SELECT is(pg_temp.done(), 'take revoke set release prune keep', 'of a tenant without anything all is done');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');
SELECT is(pg_temp.said('keep'), 'nothing was ever sealed', 'it has no tree');

-- Keys, and links that open one.
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', p_expires_at => now() + interval '1 minute') AS short_key, audit.issue_api_key('tap-b', 'tap') AS key_of_b \gset
SELECT is(pg_temp.said('revoke'), '2 open the tenant', 'two keys');
SELECT is(pg_temp.done(), 'take set release prune keep', 'are to be revoked');
SELECT audit.revoke_api_key(split_part(:'key', '_', 2)) \gset
SELECT is(pg_temp.said('revoke'), '1 open the tenant', 'one is');
UPDATE audit.api_keys SET expires_at = now() WHERE id = split_part(:'short_key', '_', 2);
SELECT is(pg_temp.done(), 'take revoke set release prune keep', 'a key that has expired opens nothing');
SELECT audit.issue_view_link('tap-a', 'tap', now() + interval '1 hour', 60) AS link, audit.issue_view_link('tap-b', 'tap', now() + interval '1 hour', 60) AS link_of_b \gset
SELECT is(pg_temp.said('revoke'), '0 open the tenant, and 1 view links would', 'a link would open one more');
SELECT is(pg_temp.done(), 'take set release prune keep', 'and is to be revoked');
SELECT audit.revoke_view_link(split_part(:'link', '_', 2)) \gset
SELECT is(pg_temp.done(), 'take revoke set release prune keep', 'one that was is no more');
SELECT audit.issue_view_link('tap-a', 'tap', now() + interval '1 hour', 60) AS link \gset
UPDATE audit.view_links SET expires_at = now() WHERE id = split_part(:'link', '_', 2);
SELECT is(pg_temp.done(), 'take revoke set release prune keep', 'nor one that has expired');
SELECT audit.issue_view_link('tap-a', 'tap', now() + interval '1 hour', 60) AS link \gset
SELECT audit.open_view_link(:'link') AS opened \gset
SELECT is(pg_temp.said('revoke'), '1 open the tenant', 'one that was opened is a key');
SELECT audit.revoke_api_key(split_part(:'opened', '_', 2)) \gset
SELECT is(pg_temp.done(), 'take revoke set release prune keep', 'which is revoked as one');

-- Records, their terms, and the tree.
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.kept('tap-a', 2, 'DRY_RUN', '2020-02-01 00:00:00+00'),
       pg_temp.kept('tap-b', 9, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-b') \gset
SELECT is(pg_temp.done(), 'revoke release', 'with records, terms are to be set, the tree is to be signed, and all to be pruned');
SELECT is(pg_temp.said('set'), 'LIVE for ever, DRY_RUN for ever', 'they have no terms');
SELECT is(pg_temp.said('prune'), 'some are kept for ever', 'which end at no time');
SELECT is(pg_temp.said('keep'), 'epoch 1: 0 of 2 leaves are signed', 'and nothing is signed');
SELECT audit.set_retention('tap-a', 200, NULL) \gset
SELECT is(pg_temp.done(), 'revoke release', 'a term for LIVE is not enough');
SELECT is(pg_temp.said('prune'), 'some are kept for ever', 'one that ends is not the last where another does not');
SELECT audit.set_retention('tap-a', NULL, 200) \gset
SELECT is(pg_temp.done(), 'revoke release', 'nor one for DRY_RUN');
SELECT audit.set_retention('tap-a', 183, 200) \gset
SELECT is(pg_temp.done(), 'revoke set release', 'both are');
SELECT is(pg_temp.said('set'), 'LIVE 183 days, DRY_RUN 200 days', 'and are said');
SELECT is(pg_temp.said('prune'), 'the last term ends at 2020-08-19 00:00:00+00', 'the later end counts, after days of 24 hours');

-- The export: whole, of evidence, and with the newest record.
CREATE FUNCTION pg_temp.export(p_format text, p_start timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('session_authorization', 'tap_gateway', true), audit.set_tenant('tap-a'), audit.begin_export(p_format => p_format, p_start_time => p_start);
    RESET SESSION AUTHORIZATION;
    PERFORM set_config('app.tenant_id', '', true);
END
$$;
-- Acts and checkpoints of this transaction as they are when it is a later one.
CREATE FUNCTION pg_temp.later(p_interval interval) RETURNS void LANGUAGE sql AS $$
    UPDATE audit.admin_events SET created_at = created_at + p_interval WHERE act = 'records exported' AND tenant_id LIKE 'tap-%';
    UPDATE audit.checkpoints SET created_at = date_trunc('hour', now()) WHERE tenant_id LIKE 'tap-%' AND created_at >= now()
$$;
SELECT is(pg_temp.said('take'), 'none was begun; verify it with python -m app.verify', 'nothing was exported');
SELECT pg_temp.sign('tap-a', 1, 1), pg_temp.later('0') \gset
SELECT pg_temp.export('evidence') \gset
SELECT is(pg_temp.done(), 'revoke set release', 'an export that does not reach the newest record is not the last');
SELECT matches(pg_temp.said('take'), '^the last was begun at ', 'though it is one');
SELECT is(pg_temp.said('keep'), 'epoch 1: 1 of 2 leaves are signed', 'the tree is signed in part');
SELECT pg_temp.sign('tap-a') \gset
SELECT is(pg_temp.done(), 'revoke set release keep', 'signed after it, the record is not in it');
SELECT pg_temp.later('-1 day') \gset
SELECT count(pg_temp.export(f)) FROM (VALUES ('ndjson'), ('csv')) AS e (f) \gset
SELECT pg_temp.export('evidence', '2020-01-01 00:00:00+00') \gset
SELECT is(pg_temp.done(), 'revoke set release keep', 'other formats do not count, nor a window of evidence');
SELECT pg_temp.export('evidence') \gset
SELECT is(pg_temp.done(), 'take? revoke set release keep', 'a whole one does');
SELECT pg_temp.export('csv') \gset
SELECT is(pg_temp.done(), 'take? revoke set release keep', 'also before one of another format');
SELECT pg_temp.kept('tap-a', 3, NULL, '2020-03-01 00:00:00+00') \gset
SELECT is(pg_temp.done(), 'revoke set release keep', 'until a record comes that it does not have');
SELECT is(pg_temp.said('prune'), 'the last term ends at 2020-08-31 00:00:00+00', 'one without a mode has the term of LIVE');
DELETE FROM audit.audit_logs WHERE id = pg_temp.id_of('tap-a', 3);

-- Holds, and the end.
SELECT audit.place_hold('tap-a', 'reason', 'case') AS hold, audit.place_hold('tap-b', 'reason', 'case') \gset
SELECT is(concat(pg_temp.done(), ': ', pg_temp.said('release')), 'take? revoke set keep: 1 hold', 'a hold is to be released');
SELECT audit.release_hold(:'hold', 'over') \gset
SELECT pg_temp.as_retention('pruned FROM audit.prune_records(10000)') \gset
SELECT is(pg_temp.done(), 'take? revoke set release prune', 'pruned, the last head is to be signed');
SELECT pg_temp.sign('tap-a') \gset
SELECT is(pg_temp.done(), 'take? revoke set release prune keep', 'then all is done');

-- A record that was sealed after the last export, and is pruned: in no export, though no record is left.
SELECT pg_temp.kept('tap-a', 4, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal(), pg_temp.sign('tap-a'), pg_temp.as_retention('pruned FROM audit.prune_records(10000)') \gset
SELECT pg_temp.sign('tap-a') \gset
SELECT is(pg_temp.done(), 'revoke set release prune keep', 'it is missed');
SELECT pg_temp.export('evidence') \gset
SELECT is(pg_temp.done(), 'take? revoke set release prune keep', 'until it is exported');

SELECT is(pg_temp.answer('audit.offboarding(''tap-nobody'')'), 'RF002|the tenant is not registered', 'a tenant that nobody registered');
SELECT throws_ok(format('SET LOCAL SESSION AUTHORIZATION %I; SELECT * FROM audit.offboarding(''tap-a'')', login), '42501', 'permission denied for function offboarding',
    login || ' is told nothing of it') FROM (VALUES ('audit_app'), ('tap_gateway'), ('tap_retention')) AS l (login);

SELECT * FROM finish();
ROLLBACK;
