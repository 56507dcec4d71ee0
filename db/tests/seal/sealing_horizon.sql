-- Proves: audit.sealing_horizon() says of transaction numbers what a session's own snapshot says, to those who have records sealed.

BEGIN;
SELECT plan(8);

\ir ../support/gateway.sql

SELECT pg_current_xact_id() AS own \gset
SELECT cmp_ok((SELECT sealable FROM audit.sealing_horizon()), '<=', :'own'::bigint, 'a transaction that writes holds it up, this one too');
SELECT is((SELECT sealable FROM audit.sealing_horizon()), pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 'at the oldest that writes');
SELECT is((SELECT next FROM audit.sealing_horizon()), pg_snapshot_xmax(pg_current_snapshot())::text::bigint, 'next is beyond all that have ended');
SELECT cmp_ok((SELECT next FROM audit.sealing_horizon()), '>=', (SELECT sealable FROM audit.sealing_horizon()), 'and never the smaller');

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT isnt((SELECT next FROM audit.sealing_horizon()), NULL, 'the service asks for it without a tenant');
SET LOCAL SESSION AUTHORIZATION tap_gateway;
SELECT isnt((SELECT next FROM audit.sealing_horizon()), NULL, 'so does a gateway''s');
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_sealer;
SELECT isnt((SELECT next FROM audit.sealing_horizon()), NULL, 'and a sealer');
SET LOCAL ROLE audit_admin;
SELECT throws_ok('SELECT audit.sealing_horizon()', '42501', 'permission denied for function sealing_horizon', 'administrators do not');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
