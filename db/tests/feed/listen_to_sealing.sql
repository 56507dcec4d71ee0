-- Proves: a session of the service that has called audit.listen_to_sealing() hears of sealing, and of nothing else.

-- A session listens once its transaction is committed.
SET SESSION AUTHORIZATION audit_app;
SELECT audit.listen_to_sealing() \g /dev/null
RESET SESSION AUTHORIZATION;

BEGIN;
SELECT plan(1);
SELECT results_eq('SELECT * FROM pg_listening_channels()', ARRAY['audit_sealed'], 'it listens to one channel');
SELECT * FROM finish();
ROLLBACK;
