-- Proves: COPY and pg_dump, which move whole tables, are no way past the policies: into the table COPY is refused, out of it
-- it is filtered, and a dump that would be filtered fails rather than look complete.

BEGIN;
SELECT plan(7);

-- The records are named so that each, when it comes out, is a line of the report: the one of tap-b a failure.
SELECT audit.create_tenant('tap-a'), audit.create_tenant('tap-b') \gset
INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
VALUES (gen_random_uuid(), 'tap-a', 'ok 1 - COPY TO gives the record of tap-a'),
       (gen_random_uuid(), 'tap-b', 'not ok 1 - COPY TO gives the record of tap-b');
\ir ../support/gateway.sql
CREATE ROLE tap_loader LOGIN IN ROLE audit_trusted, pg_read_server_files;
SET LOCAL app.tenant_id = 'tap-a';

SET LOCAL SESSION AUTHORIZATION tap_gateway;
COPY audit.audit_logs (agent_id) TO STDOUT;
-- The line above did not come from pgTAP, which has to be told to count it.
SELECT add_result(true, true, 'COPY TO', '', '') AS counted \gset

SELECT throws_ok($$COPY audit.audit_logs TO 'nowhere'$$, '42501', NULL, 'COPY to a file of the server is refused');
SELECT throws_ok($$COPY audit.audit_logs TO PROGRAM 'nothing'$$, '42501', NULL, 'COPY to a program of the server is refused');

-- What pg_dump says first, so that it takes all or nothing.
SET LOCAL row_security = off;
SELECT throws_ok('SELECT FROM audit.audit_logs', '42501',
    'query would be affected by row-level security policy for table "audit_logs"',
    'a dump by the gateway fails');
SET LOCAL row_security = on;
SELECT is((SELECT count(*) FROM audit.audit_logs), 1::bigint, 'a plain read is filtered');

-- Only a role that may read files gets as far as the table; the gateway would, with what it sends itself.
SET LOCAL SESSION AUTHORIZATION tap_loader;
SELECT throws_ok($$COPY audit.audit_logs (id, tenant_id, agent_id) FROM 'nowhere'$$, '0A000',
    'COPY FROM not supported with row-level security', 'COPY FROM is refused, for the own tenant too');
SELECT lives_ok($$INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'tap-a', 'agent')$$,
    'the same as an INSERT is accepted');

SELECT * FROM finish();
ROLLBACK;
