-- Part of db/verify.sql, for a role that needs keys: a proof goes with its savepoint, and a copy of it is worth nothing after its
-- transaction.

\echo
\echo 'A proof is copied, and set by hand.'
BEGIN;
SAVEPOINT before_the_key;
:enter_tenant
SELECT current_setting('app.scopes') AS scopes, current_setting('app.proof') AS proof \gset
\set replay 'SET LOCAL app.tenant_id = :''tenant''; SET LOCAL app.scopes = :''scopes''; SET LOCAL app.proof = :''proof'';'
:replay
\set step 'in the transaction it was made in, it holds'
SELECT audit.insert_audit_log(
    p_id => :'record', p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
ROLLBACK TO SAVEPOINT before_the_key;
\set step 'after ROLLBACK TO a savepoint from before the key: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal RF001
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
:replay
\set step 'set by hand it holds until the transaction ends: the same caller had the key'
SELECT audit.insert_audit_log(
    p_id => :'record', p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
-- There is a record by now, and it must not be committed.
ROLLBACK TO SAVEPOINT before_the_key;
:enter_tenant
SELECT current_setting('app.scopes') AS scopes, current_setting('app.proof') AS proof \gset
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
