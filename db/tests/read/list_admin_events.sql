-- Proves: audit.list_admin_events() gives the newest acts on the transaction's tenant, in JSON of one shape, and refuses what
-- could only be a mistake. (Whose acts it gives is proven with the table.)

BEGIN;
SELECT plan(20);

SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key, audit.issue_api_key('tap-a', 'tap', ARRAY['write']) AS write_key \gset
-- Acts at known times.
DELETE FROM audit.admin_events WHERE tenant_id LIKE 'tap-%';
INSERT INTO audit.admin_events (id, tenant_id, act, api_key_id, actor, created_at)
VALUES ('01900000-0000-7000-8000-000000000001', 'tap-a', 'tenant created', NULL, 'o"brien', '2001-01-01 00:00:00.000001+00'),
       ('01900000-0000-7000-8000-000000000003', 'tap-a', 'api key issued', '0123456789abcdef', 'postgres',
       '2001-01-01 00:00:01+00'),
       ('01900000-0000-7000-8000-000000000002', 'tap-a', 'api key revoked', '0123456789abcdef', 'postgres',
       '2001-01-01 00:00:01+00'),
       ('01900000-0000-7000-8000-00000000000b', 'tap-b', 'tenant created', NULL, 'postgres', '2001-01-01 00:00:02+00');
INSERT INTO audit.admin_events (id, act, actor, created_at)
VALUES ('01900000-0000-7000-8000-00000000000c', 'proof secret rotated', 'postgres', '2001-01-01 00:00:03+00');
\ir ../support/gateway.sql
CREATE FUNCTION pg_temp.listed(p_limit int) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(right(item ->> 'id', 1), '')
    FROM json_array_elements(audit.list_admin_events(p_limit)::json -> 'items') AS item
$$;
UPDATE audit.admin_events SET detail = '{"label": "a \"quoted\" label"}' WHERE id = '01900000-0000-7000-8000-000000000003';
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';

SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF001', 'no tenant is set for this transaction',
    'without a tenant it says so');
SELECT set_config('app.tenant_id', '', true) \gset
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF001', 'no tenant is set for this transaction',
    'nor is the empty name one');
SELECT is(audit.set_tenant('tap-a'), 'tap-a', 'with tap-a named');
SELECT is(audit.list_admin_events(),
    '{"count": 3, "items": [{"id":"01900000-0000-7000-8000-000000000003","tenant_id":"tap-a","act":"api key issued",'
    '"api_key_id":"0123456789abcdef","actor":"postgres","created_at":"2001-01-01T00:00:01.000000Z",'
    '"detail":{"label": "a \"quoted\" label"}}, '
    '{"id":"01900000-0000-7000-8000-000000000002","tenant_id":"tap-a","act":"api key revoked",'
    '"api_key_id":"0123456789abcdef","actor":"postgres","created_at":"2001-01-01T00:00:01.000000Z","detail":null}, '
    '{"id":"01900000-0000-7000-8000-000000000001","tenant_id":"tap-a","act":"tenant created",'
    '"api_key_id":null,"actor":"o\"brien","created_at":"2001-01-01T00:00:00.000001Z","detail":null}], '
    '"next_cursor": null, "has_more": false}',
    'the whole answer: newest first, in UTC whatever the zone and date style of the session');
SELECT is(pg_temp.listed(n), listed, format('the newest %s', n)) FROM (VALUES (1, '3'), (2, '32'), (3, '321'), (1000,
    '321')) AS l (n, listed);
SELECT throws_ok(format('SELECT audit.list_admin_events(%s)', n), 'RF003', 'limit is a number from 1 to 1000',
    format('the newest %s are refused', n))
FROM (VALUES ('0'), ('-1'), ('1001'), ('NULL')) AS l (n);
SELECT is(audit.set_tenant('tap-b'), 'tap-b', 'with tap-b named');
SELECT is(pg_temp.listed(1000), 'b', 'its acts are listed, and those of no tenant are not');
RESET SESSION AUTHORIZATION;
DELETE FROM audit.admin_events WHERE tenant_id = 'tap-b';
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT is(audit.list_admin_events(), '{"count": 0, "items": [], "next_cursor": null, "has_more": false}',
    'no acts are an empty list');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT set_config('app.tenant_id', '', true) \gset
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF001', 'no tenant is set for this transaction',
    'without a key it says so');
SELECT is(audit.enter_tenant(:'key'), 'tap-a', 'with a key of tap-a');
SELECT is(pg_temp.listed(1000), '321', 'its acts are listed');
SELECT is(audit.enter_tenant(:'write_key'), 'tap-a', 'with a key that only writes');
SELECT throws_ok('SELECT audit.list_admin_events()', 'RF006', 'the API key has not the scope read',
    'it says that they may not be read');

SELECT * FROM finish();
ROLLBACK;
