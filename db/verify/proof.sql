-- Part of db/verify.sql, for a role that needs keys: a proof ends with its transaction, and counts for its own tenant alone.

\echo
\echo 'A proof is copied, and set by hand.'
BEGIN;
:enter_tenant
SELECT current_setting('app.scopes') AS scopes, current_setting('app.proof') AS proof \gset
\set replay 'SET LOCAL app.tenant_id = :''tenant''; SET LOCAL app.scopes = :''scopes''; SET LOCAL app.proof = :''proof'';'
SAVEPOINT before_the_record;
:replay
\set step 'in the transaction it was made in, it holds'
SELECT audit.insert_audit_log(
    p_id => :'record', p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
SET LOCAL app.tenant_id = :'other';
\set step 'with the other tenant''s name beside it: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
ROLLBACK TO SAVEPOINT before_the_record;
COMMIT;
BEGIN;
:replay
\set step 'after COMMIT: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
ROLLBACK;
