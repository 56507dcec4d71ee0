-- Proves: once no record names a person any more, the keys and view links that show that person alone are ended and lose the name, those that had
-- ended before too, in this tenant and for this person; before that they stay. What takes the name's place opens nothing.

BEGIN;
SELECT plan(20);
\ir ../support/kept.sql
\ir ../support/new_events.sql
\ir ../support/key_id.sql
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT pg_temp.kept('tap-a', 1, 'LIVE', '2026-01-01 00:00:00+00', 'jane'), pg_temp.kept('tap-a', 2, 'LIVE', '2026-01-01 00:00:00+00', 'joe'), pg_temp.kept('tap-a', 3, 'LIVE', '2026-01-01 00:00:00+00', 'jane') \gset
SELECT pg_temp.seal() \gset
CREATE FUNCTION pg_temp.link(p_tenant text, p_label text, p_restriction json) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT t.* FROM audit.issue_view_link(p_tenant, p_label, now() + interval '1 day', 3600, p_restriction) AS t);
END
$$;
SELECT pg_temp.link('tap-a', 'opened', '{"user_id": "jane", "agent_id": "agent-1"}') AS opened, pg_temp.link('tap-a', 'ended', '{"user_id": "jane"}') AS ended,
       pg_temp.link('tap-a', 'unopened', '{"user_id": "jane"}') AS unopened, pg_temp.link('tap-a', 'revoked', '{"user_id": "jane"}') AS revoked,
       pg_temp.link('tap-a', 'of joe', '{"user_id": "joe"}') AS joe, pg_temp.link('tap-a', 'of an agent', '{"agent_id": "jane"}') AS agent,
       pg_temp.link('tap-a', 'of joe, unopened', '{"user_id": "joe"}') AS joes_link, pg_temp.link('tap-a', 'of all', NULL) AS whole, pg_temp.link('tap-b', 'of another', '{"user_id": "jane"}') AS of_b \gset
SELECT audit.open_view_link(:'opened') AS opened_key, audit.open_view_link(:'ended') AS ended_key, audit.open_view_link(:'joe') AS joe_key,
       audit.open_view_link(:'agent') AS agent_key, audit.open_view_link(:'of_b') AS key_of_b, audit.open_view_link(:'whole') AS whole_key \gset
SELECT audit.revoke_api_key(pg_temp.id(:'ended_key')), audit.revoke_view_link(pg_temp.id(:'revoked')) \gset
SELECT audit.place_hold('tap-a', 'reason', 'case', p_trace_id => 'trace-3') AS hold \gset
CREATE FUNCTION pg_temp.named() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(label, ', ' ORDER BY label), 'none') FROM (
        SELECT 'key ' || label AS label FROM audit.api_keys WHERE tenant_id LIKE 'tap-%' AND restriction ->> 'user_id' = 'jane'
        UNION ALL SELECT label FROM audit.view_links WHERE tenant_id LIKE 'tap-%' AND restriction ->> 'user_id' = 'jane') AS named
$$;
CREATE FUNCTION pg_temp.erase() RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.as_eraser($q$concat_ws(' ', 'erased', e.erased, 'held', e.held) FROM audit.erase_user('tap-a', 'jane', 'request 7') AS e$q$)
$$;
CREATE FUNCTION pg_temp.opens(p_key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN audit.enter_tenant(p_key);
EXCEPTION WHEN SQLSTATE 'RF005' THEN
    RETURN 'nothing';
END
$$;
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.named(), 'ended, key ended, key of another, key opened, of another, opened, revoked, unopened', 'these name her');

SELECT is(pg_temp.erase(), 'erased 1 held 1', 'while a hold keeps a record of hers');
SELECT is(pg_temp.named(), 'ended, key ended, key of another, key opened, of another, opened, revoked, unopened', 'they stay');
SELECT results_eq('SELECT act, detail::text FROM pg_temp.new_events()', $$VALUES ('person erased', '{"count": 1, "reference": "request 7", "ended_keys": 0, "released_holds": 0}')$$, 'and nothing is ended');
SELECT is(pg_temp.opens(:'opened_key'), 'tap-a', 'the key still opens');

SELECT audit.release_hold(:'hold', 'over') \gset
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.erase(), 'erased 1 held 0', 'the last is erased');
SELECT is(pg_temp.named(), 'key of another, of another', 'none of this tenant names her');
SELECT results_eq('SELECT act, coalesce(detail ->> ''label'', detail::text), actor FROM pg_temp.new_events() ORDER BY 1, 2',
    $$VALUES ('api key revoked', 'opened', 'tap_eraser'), ('person erased', '{"count": 1, "reference": "request 7", "ended_keys": 6, "released_holds": 0}', 'tap_eraser'),
             ('view link revoked', 'unopened', 'tap_eraser')$$, 'what was open is revoked, on record, and all are counted');
SELECT results_eq($$SELECT label, restriction::jsonb, revoked_at IS NOT NULL FROM audit.api_keys WHERE tenant_id = 'tap-a' AND label IN ('opened', 'ended') ORDER BY label$$,
    $$VALUES ('ended', '{"user_id": "erased"}'::jsonb, true), ('opened', '{"user_id": "erased", "agent_id": "agent-1"}', true)$$, 'the keys, with the rest of what they showed');
SELECT results_eq($$SELECT label, restriction::jsonb, revoked_at IS NOT NULL FROM audit.view_links WHERE tenant_id = 'tap-a' AND label IN ('opened', 'ended', 'unopened', 'revoked') ORDER BY label$$,
    $$VALUES ('ended', '{"user_id": "erased"}'::jsonb, false), ('opened', '{"user_id": "erased", "agent_id": "agent-1"}', false), ('revoked', '{"user_id": "erased"}', true),
             ('unopened', '{"user_id": "erased"}', true)$$, 'and the links; one that was opened stays so');
SELECT is(pg_temp.opens(:'opened_key'), 'nothing', 'the key opens nothing');
SELECT is_empty(format('SELECT audit.open_view_link(%L)', :'unopened'), 'nor does the link');
SELECT is(pg_temp.opens(key), opens, format('%s opens %s as before', said, opens))
FROM (VALUES (:'joe_key', 'tap-a', 'another person''s'), (:'agent_key', 'tap-a', 'an agent''s of that name'), (:'whole_key', 'tap-a', 'one of all'), (:'key_of_b', 'tap-b', 'another tenant''s')) AS k (key, opens, said);
SELECT isnt_empty(format('SELECT audit.open_view_link(%L)', :'joes_link'), 'as does another person''s link');
SELECT count(*) FROM pg_temp.new_events() \gset
SELECT is(pg_temp.erase(), 'erased 0 held 0', 'again, there is nothing');
SELECT is_empty('SELECT act FROM pg_temp.new_events()', 'and nothing is on record');
SELECT is(pg_temp.settings(), '', 'no tenant is left behind');

SELECT * FROM finish();
ROLLBACK;
