-- Part of db/verify.sql, within its transaction: each tenant has its own records and no others, and nobody changes one.

\echo
\echo 'As' :tenant
\set step 'the tenant is entered'
:enter_tenant
:holds
\set step 'a record is appended'
SELECT audit.insert_audit_log(
    p_id => :'record', p_trace_id => 'verify.sql', p_agent_id => 'credit-scoring',
    p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
\set step 'the list has it'
SELECT position(:'record' IN audit.list_audit_logs(p_trace_id => 'verify.sql')) > 0 AS held \gset
:holds
\set step 'the list of its agent has it'
SELECT (audit.list_audit_logs(p_agent_id => 'credit-scoring', p_trace_id => 'verify.sql')::json ->> 'count')::int >= 1
    AS held \gset
:holds
\set step 'the list of another agent has not'
SELECT (audit.list_audit_logs(p_agent_id => 'kyc-summary', p_trace_id => 'verify.sql')::json ->> 'count')::int = 0
    AS held \gset
:holds
-- What the service does when LIVE is asked for and disabled: it calls nothing, and records that it refused.
\set step 'a refused LIVE is recorded, and listed as denied'
SELECT audit.insert_audit_log(
    p_trace_id => 'verify.sql', p_agent_id => 'credit-scoring', p_mode => 'LIVE', p_status => 'denied',
    p_error => 'LIVE is disabled') IS NOT NULL AS held \gset
SELECT :'held' AND (audit.list_audit_logs(p_trace_id => 'verify.sql', p_status => 'denied')::json ->> 'count')::int >= 1
    AS held \gset
:holds
\set step 'a mode that does not exist is refused'
\set refusal 23514
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'TEST', p_status => 'success');
:refused
\set step 'a record without a status is refused'
\set refusal RF003
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => NULL);
:refused

\echo
\echo 'As' :other
\set step 'the tenant is entered'
:enter_other
:holds
\set step 'the same list is empty'
SELECT (audit.list_audit_logs(p_trace_id => 'verify.sql')::json ->> 'count')::int = 0 AS held \gset
:holds
\set step 'a record in the other tenant''s name is refused'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES (:'others_record', :'tenant', 'credit-scoring', 'DRY_RUN', 'success');
:refused
\set step 'the same record in its own name is appended'
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES (:'others_record', :'other', 'credit-scoring', 'DRY_RUN', 'success');
SELECT :'SQLSTATE' = '00000' AS held \gset
:holds
\if :keyed
-- The name of the one, and the proof of the other.
SET LOCAL app.tenant_id = :'tenant';
\set step 'with the other tenant''s name set by hand there is no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record is appended'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
\else
\set step 'the other tenant is not even known by name'
SELECT count(*) = 0 AS held FROM audit.tenants WHERE id = :'tenant' \gset
:holds
\endif

\echo
\echo 'As' :tenant 'again: append-only, and the secrets out of reach'
:enter_tenant
\set step 'the record is there'
SELECT :'held' AND position(:'record' IN audit.list_audit_logs(p_trace_id => 'verify.sql')) > 0 AS held \gset
:holds
\set step 'it cannot be changed'
\set refusal 42501
UPDATE audit.audit_logs SET status = 'error' WHERE id = :'record';
:refused
\set step 'it cannot be deleted'
\set refusal 42501
DELETE FROM audit.audit_logs WHERE id = :'record';
:refused
-- Row-level security does not apply to TRUNCATE: here the missing privilege is all there is.
\set step 'the table cannot be emptied'
\set refusal 42501
TRUNCATE audit.audit_logs;
:refused
\set step 'the time of a record cannot be chosen'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
VALUES (:'others_record', :'tenant', 'credit-scoring', '2000-01-01 00:00:00+00');
:refused
\set step 'the keys cannot be read'
\set refusal 42501
SELECT * FROM audit.api_keys;
:refused
\set step 'nor what proofs are made with'
\set refusal 42501
SELECT * FROM audit.proof_secrets;
:refused
