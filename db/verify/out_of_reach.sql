-- Part of db/verify.sql: who writes and reads records can delete none, and neither hold nor release one. db/verify_retention.sql shows the same
-- calls allowed, to the roles that may.

\echo
\echo 'Retention is out of reach.'
BEGIN;
:enter_tenant
\set step 'nothing is pruned'
\set refusal 42501
SELECT audit.prune_records();
:refused
\set step 'nobody is erased'
\set refusal 42501
SELECT audit.erase_user(:'tenant', 'jane', 'request');
:refused
\set step 'no term is set'
\set refusal 42501
SELECT audit.set_retention(:'tenant', 183, 1);
:refused
\set step 'no legal hold is placed'
\set refusal 42501
SELECT audit.place_hold(:'tenant', 'walk-through', 'verify.sql');
:refused
\set step 'and holds cannot be read, since they may name people'
\set refusal 42501
SELECT * FROM audit.legal_holds;
:refused
\set step 'how much space the records take is told'
SELECT count(*) > 0 AS held FROM audit.space_used() WHERE relation = 'audit_logs' \gset
:holds
ROLLBACK;
